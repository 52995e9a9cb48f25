package engine

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed are the only packages that the engine is made of: none of them knows
// a clock, chance, a file, a network or a goroutine.
var allowed = []string{"bytes", "cmp", "crypto/sha256", "encoding/binary", "errors", "fmt", "hash", "math", "math/bits", "slices", "unsafe",
	"fondaco.dev/proto/orders/v1", "fondaco.dev/proto/trades/v1", "google.golang.org/protobuf/encoding/protowire", "google.golang.org/protobuf/proto"}

// allowedMath is what of package math has no float in it.
var allowedMath = []string{"MaxInt64", "MinInt64", "MaxUint64"}

// TestPure holds the package to its promise: nothing in it can differ between
// two runs.
func TestPure(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_other.go") && runtime.GOARCH == "amd64" ||
			strings.HasSuffix(name, "_amd64.go") && runtime.GOARCH != "amd64" {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	if len(files) < 30 {
		t.Fatalf("only %d files: it looks at the wrong ones", len(files))
	}
	for _, p := range impurities(t, set, files) {
		t.Error(p)
	}
}

// impurities lists what breaks the promise, each with its place.
func impurities(t *testing.T, set *token.FileSet, files []*ast.File) (found []string) {
	t.Helper()
	say := func(n ast.Node, what string) { found = append(found, set.Position(n.Pos()).String()+" "+what) }
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	// Imports are not looked into: what comes from them has no known type, and
	// ranging over it is told as that.
	conf := types.Config{Importer: none{}, Error: func(error) {}}
	_, _ = conf.Check("engine", set, files, info)
	for _, file := range files {
		for _, imp := range file.Imports {
			if path, _ := strconv.Unquote(imp.Path.Value); !slices.Contains(allowed, path) {
				say(imp, "imports "+path)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				say(n, "starts a goroutine")
			case *ast.SelectStmt, *ast.ChanType, *ast.SendStmt:
				say(n, "has a channel")
			case *ast.Ident:
				if slices.Contains([]string{"float32", "float64", "complex64", "complex128"}, n.Name) {
					say(n, "has a float")
				}
			case *ast.BasicLit:
				if n.Kind == token.FLOAT || n.Kind == token.IMAG {
					say(n, "has a float")
				}
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "math" && !slices.Contains(allowedMath, n.Sel.Name) {
					say(n, "uses math."+n.Sel.Name)
				}
			case *ast.RangeStmt:
				switch tv := info.Types[n.X]; {
				case tv.Type == nil || tv.Type == types.Typ[types.Invalid]:
					say(n, "ranges over something of unknown type")
				default:
					if _, isMap := tv.Type.Underlying().(*types.Map); isMap {
						say(n, "ranges over a map, in another order each time")
					}
				}
			}
			return true
		})
	}
	return found
}

// none imports every package as an empty one.
type none struct{}

func (none) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	p := types.NewPackage(path, filepath.Base(path))
	p.MarkComplete()
	return p, nil
}

// TestImpurities: the test above finds what it looks for.
func TestImpurities(t *testing.T) {
	t.Parallel()
	const spoiled = `package engine
import ("time"; "math")
type table map[string]int
type held struct { index table }
func f(h *held, c chan int) (n int) {
	go f(h, nil)
	select { default: }
	for _, v := range h.index { n += v }
	for range []int{1} { n++ }
	_ = time.Now()
	_ = 0.5
	_ = math.Sqrt
	_ = math.MaxInt64
	return n
}
`
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "spoiled.go", spoiled, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range impurities(t, set, []*ast.File{file}) {
		at, what, _ := strings.Cut(p, " ")
		got = append(got, strings.Split(at, ":")[1]+" "+what)
	}
	want := []string{"2 imports time", "5 has a channel", "6 starts a goroutine", "7 has a channel", "8 ranges over a map, in another order each time",
		"11 has a float", "12 uses math.Sqrt"}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}
