package problem_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/reject"
)

// documented are the codes of the table that clients read, with their status;
// "-" for those of sockets alone.
func documented(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../../../docs/ERRORS.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_0-9]+)` \\| (\\S+) \\|").FindAllStringSubmatch(string(text), -1) {
		if out[m[1]] != "" {
			t.Errorf("%s stands twice in the table", m[1])
		}
		out[m[1]] = m[2]
	}
	return out
}

// used are the codes that the service's source makes problems of, with a place.
func used(t *testing.T) map[string]string {
	t.Helper()
	out, set := map[string]string{"http_404": "echo", "http_405": "echo"}, token.NewFileSet()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/client/") {
			return err
		}
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name, inside := "", file.Name.Name == "problem"
			switch fn := call.Fun.(type) {
			case *ast.SelectorExpr:
				if x, ok := fn.X.(*ast.Ident); ok && x.Name == "problem" {
					name = fn.Sel.Name
				}
			case *ast.Ident:
				if inside {
					name = fn.Name
				}
			}
			at := map[string]int{"New": 1, "Unavailable": 0}
			if i, ok := at[name]; ok && i < len(call.Args) {
				if lit, ok := call.Args[i].(*ast.BasicLit); ok {
					code, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Error(err)
					}
					out[code] = set.Position(lit.Pos()).String()
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for number := range ordersv1.RejectReason_name {
		if r := ordersv1.RejectReason(number); r != ordersv1.RejectReason_REJECT_REASON_UNSPECIFIED {
			out[reject.Of(r).Code] = "the order book"
		}
	}
	out[reject.Of(-1).Code] = "the order book"
	return out
}

// TestEveryCodeIsDocumented: the table, the source and the description of the
// api name the same codes.
func TestEveryCodeIsDocumented(t *testing.T) {
	t.Parallel()
	table, source := documented(t), used(t)
	if len(source) < 50 {
		t.Fatalf("only %d codes were found in the source", len(source))
	}
	for code, place := range source {
		if table[code] == "" {
			t.Errorf("%s (%s) is not in docs/ERRORS.md", code, place)
		}
	}
	for code := range table {
		if source[code] == "" {
			t.Errorf("%s stands in docs/ERRORS.md and nowhere in the source", code)
		}
	}
	text, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, enum, ok := strings.Cut(string(text), "    ProblemCode:\n")
	if !ok {
		t.Fatal("openapi.yaml has no ProblemCode")
	}
	enum, _, _ = strings.Cut(enum, "\n\n")
	var described []string
	for _, m := range regexp.MustCompile(`(?m)^ +- ([a-z_0-9]+)$`).FindAllStringSubmatch(enum, -1) {
		described = append(described, m[1])
		if table[m[1]] == "" {
			t.Errorf("%s stands in openapi.yaml and not in docs/ERRORS.md", m[1])
		}
	}
	for code, status := range table {
		if status != "-" && !slices.Contains(described, code) {
			t.Errorf("%s is not in the ProblemCode of openapi.yaml", code)
		}
	}
}
