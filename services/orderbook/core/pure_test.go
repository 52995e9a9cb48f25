package core

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestPure holds the package to its promise: nothing in it can differ between
// two runs. Imports are a closed list; there is no goroutine, select, channel or
// float; and no map is ranged over.
func TestPure(t *testing.T) {
	t.Parallel()
	allowed := []string{"bytes", "cmp", "crypto/sha256", "encoding/binary", "errors", "fmt", "math/bits", "slices",
		"fondaco.dev/proto/orders/v1", "fondaco.dev/proto/trades/v1",
		"google.golang.org/protobuf/encoding/protowire", "google.golang.org/protobuf/proto"}
	maps := []string{"index", "assetIndex", "marketIndex", "accountIndex", "byID", "byClient", "depositIndex"}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	set := token.NewFileSet()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range file.Imports {
			if path, _ := strconv.Unquote(imp.Path.Value); !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", name, path)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt, *ast.SelectStmt, *ast.ChanType:
				t.Errorf("%s has a goroutine, select or channel", set.Position(n.Pos()))
			case *ast.Ident:
				if n.Name == "float64" || n.Name == "float32" {
					t.Errorf("%s has a float", set.Position(n.Pos()))
				}
			case *ast.RangeStmt:
				if sel, ok := n.X.(*ast.SelectorExpr); ok && slices.Contains(maps, sel.Sel.Name) {
					t.Errorf("%s ranges over a map", set.Position(n.Pos()))
				}
			}
			return true
		})
	}
}
