package rules

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const house = "fondaco.dev/"

// pkg is what `go list` says of a package.
type pkg struct {
	ImportPath   string
	Dir          string
	Imports      []string
	TestImports  []string
	XTestImports []string
	GoFiles      []string
	Standard     bool
}

// root is the folder of go.work.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.work above the test's folder")
		}
	}
}

var usePath = regexp.MustCompile(`(?m)^\s*(?:use\s+)?(\./\S+)`)

// modules are the folders that go.work names.
func modules(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root(t), "go.work"))
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, m := range usePath.FindAllStringSubmatch(string(data), -1) {
		dirs = append(dirs, filepath.Join(root(t), m[1]))
	}
	if len(dirs) < 8 {
		t.Fatalf("go.work names %d modules", len(dirs))
	}
	return dirs
}

// packages of a module, and with deps everything they are built from, as the
// module itself sees it: workspace mode would hide a missing requirement.
func packages(t *testing.T, dir string, deps bool) []pkg {
	t.Helper()
	args := []string{"list", "-e", "-json=ImportPath,Dir,Imports,TestImports,XTestImports,GoFiles,Standard"}
	if deps {
		args = append(args, "-deps")
	}
	cmd := exec.Command("go", append(args, "./...")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var errOut strings.Builder
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list in %s: %v\n%s", dir, err, errOut.String())
	}
	var list []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// room is the part of the house that an import path belongs to: "pkg", "proto",
// "services/writer", "deploy/fondaco"; "" for code from elsewhere.
func room(path string) string {
	rest, ok := strings.CutPrefix(path, house)
	if !ok {
		return ""
	}
	parts := strings.Split(rest, "/")
	if (parts[0] == "services" || parts[0] == "deploy") && len(parts) > 1 {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}

// mayImport says why from may not import to, or "".
func mayImport(from, to string, test bool) string {
	a, b := room(from), room(to)
	switch {
	case b == "" || a == b:
		return ""
	case a == "pkg" || a == "proto":
		return a + " imports nothing else of the house"
	case b == "services/devnet" && (test || a == "deploy/fondaco"):
		return ""
	case strings.HasPrefix(a, "services/"):
		if b != "pkg" && b != "proto" {
			return "a service imports pkg, proto and itself; it talks to others by messages"
		}
	case a == "deploy/fondaco" && strings.HasPrefix(b, "services/"):
		inside := strings.TrimPrefix(to, house+b)
		if inside == "" || strings.HasPrefix(inside, "/client/") {
			return ""
		}
		if strings.HasPrefix(inside, "/core") && (strings.Contains(from, "/sim") || test) {
			return ""
		}
		return "of a service only its root package is for others (its core for the simulator)"
	}
	return ""
}

func TestImports(t *testing.T) {
	t.Parallel()
	for _, dir := range modules(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			for _, p := range packages(t, dir, true) {
				if room(p.ImportPath) == "" {
					continue
				}
				for i, list := range [][]string{p.Imports, p.TestImports, p.XTestImports} {
					for _, to := range list {
						if why := mayImport(p.ImportPath, to, i > 0); why != "" {
							t.Errorf("%s imports %s: %s", p.ImportPath, to, why)
						}
					}
				}
			}
		})
	}
}

func TestMayImport(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		test, ok bool
	}{
		{"fondaco.dev/pkg/bus", "fondaco.dev/proto/chain/v1", false, false},
		{"fondaco.dev/proto/config", "fondaco.dev/pkg/env", false, false},
		{"fondaco.dev/services/api", "fondaco.dev/services/writer", true, false},
		{"fondaco.dev/services/api/internal/x", "fondaco.dev/services/devnet/evm", true, true},
		{"fondaco.dev/services/api/internal/x", "fondaco.dev/services/devnet/evm", false, false},
		{"fondaco.dev/services/api/internal/x", "fondaco.dev/services/api/core", false, true},
		{"fondaco.dev/deploy/fondaco/internal/house", "fondaco.dev/services/orderbook/core", false, false},
		{"fondaco.dev/deploy/fondaco/sim", "fondaco.dev/services/orderbook/core", false, true},
		{"fondaco.dev/deploy/fondaco/internal/house", "fondaco.dev/services/orderbook", false, true},
	} {
		if why := mayImport(c.from, c.to, c.test); (why == "") != c.ok {
			t.Errorf("%s -> %s (test %v): %q", c.from, c.to, c.test, why)
		}
	}
}

// exported are the names that a service's root package may show.
func exported(service string) []string {
	names := []string{"Config", "ConfigFromEnv", "Run"}
	if service == "writer" {
		names = append(names, "Migrate")
	}
	return names
}

func TestServicesShowOnlyTheirDoor(t *testing.T) {
	t.Parallel()
	for _, dir := range modules(t) {
		service := filepath.Base(dir)
		if filepath.Base(filepath.Dir(dir)) != "services" || service == "devnet" {
			continue
		}
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			shown := topLevel(t, dir)
			for _, name := range shown {
				if !slices.Contains(exported(service), name) {
					t.Errorf("the root package exports %s; only %v are allowed", name, exported(service))
				}
			}
			for _, name := range exported(service) {
				if !slices.Contains(shown, name) {
					t.Errorf("the root package does not export %s", name)
				}
			}
			for _, p := range packages(t, dir, false) {
				inside := strings.TrimPrefix(p.ImportPath, house+"services/"+service)
				ok := inside == "" || inside == "/core" || strings.HasPrefix(inside, "/core/internal/") ||
					strings.HasPrefix(inside, "/internal/") || strings.HasPrefix(inside, "/cmd/") || (slices.Contains([]string{"api", "orderbook", "writer"}, service) && strings.HasPrefix(inside, "/client/"))
				if !ok {
					t.Errorf("%s is neither the root, core, client, cmd nor internal", p.ImportPath)
				}
			}
		})
	}
}

// topLevel lists the exported names of the package in dir, without methods.
func topLevel(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	add := func(id *ast.Ident) {
		if id.IsExported() {
			names = append(names, id.Name)
		}
	}
	for _, f := range parse(t, dir, false) {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					add(d.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						add(s.Name)
					case *ast.ValueSpec:
						for _, id := range s.Names {
							add(id)
						}
					}
				}
			}
		}
	}
	return names
}

// parse reads the Go files of one folder, without tests; deep goes below it.
func parse(t *testing.T, dir string, deep bool) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != dir && (!deep || d.Name() == "testdata" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution|parser.ParseComments)
		files[path] = f
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// pure packages see no clock, no ctx, no log, no I/O: what they do is a
// function of what they are given.
var pure = []string{
	"services/orderbook/internal/engine", "services/orderbook/internal/twin",
	"services/writer/internal/casper", "services/writer/internal/decode", "services/writer/internal/evm", "services/writer/internal/trade",
	"services/api/internal/decimal", "services/api/internal/market", "services/api/internal/shape",
}

// quiet packages may have a ctx, but reach nothing by themselves.
var quiet = []string{"services/event-handler/core", "services/event-handler/internal/core", "services/writer/core", "services/writer/internal/seek", "services/api/core",
	"services/orderbook/core", "services/orderbook/internal/step", "services/orderbook/internal/recovery"}

var ioImports = []string{"net", "net/http", "os", "os/exec", "database/sql", "github.com/jackc/pgx/v5", "github.com/nats-io/nats.go", "github.com/redis/go-redis/v9"}

func TestPurePackages(t *testing.T) {
	t.Parallel()
	base := root(t)
	check := func(dir string, forbidden, calls []string) {
		for path, f := range parse(t, filepath.Join(base, dir), true) {
			for _, spec := range f.Imports {
				name := strings.Trim(spec.Path.Value, `"`)
				for _, bad := range forbidden {
					if name == bad || strings.HasPrefix(name, bad+"/") {
						t.Errorf("%s imports %s", path, name)
					}
				}
			}
			ast.Inspect(f, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if x, isID := selX(sel); ok && isID && slices.Contains(calls, x+"."+sel.Sel.Name) {
					t.Errorf("%s uses %s.%s", path, x, sel.Sel.Name)
				}
				_, goes := n.(*ast.GoStmt)
				if goes && slices.Contains(pure, dir) {
					t.Errorf("%s starts a goroutine", path)
				}
				return true
			})
		}
	}
	clock := []string{"time.Now", "time.Since", "time.Until", "time.Sleep", "time.After", "time.NewTimer", "time.NewTicker", "time.Tick"}
	for _, dir := range pure {
		if _, err := os.Stat(filepath.Join(base, dir)); err != nil {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		check(dir, append([]string{"context", "math/rand", "crypto/rand", "go.uber.org/zap", house + "pkg/zlog"}, ioImports...), clock)
	}
	for _, dir := range quiet {
		if _, err := os.Stat(filepath.Join(base, dir)); err == nil {
			check(dir, ioImports, nil)
		}
	}
}

func selX(sel *ast.SelectorExpr) (string, bool) {
	if sel == nil {
		return "", false
	}
	id, ok := sel.X.(*ast.Ident)
	if !ok {
		return "", false
	}
	return id.Name, true
}

// Two copies of a service run in one process: nothing happens at load, and
// nothing is registered where everybody else registers.
func TestNoInitAndNoSharedRegistries(t *testing.T) {
	t.Parallel()
	shared := []string{"http.DefaultServeMux", "http.Handle", "http.HandleFunc", "http.ListenAndServe", "prometheus.MustRegister", "prometheus.Register",
		"prometheus.DefaultRegisterer", "promhttp.Handler", "zap.L", "zap.S", "zap.ReplaceGlobals", "log.Fatal", "log.Fatalf"}

	for _, dir := range modules(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			for path, f := range parse(t, dir, true) {
				if ast.IsGenerated(f) {
					continue
				}
				for _, d := range f.Decls {
					if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
						t.Errorf("%s has an init()", path)
					}
				}
				ast.Inspect(f, func(n ast.Node) bool {
					sel, ok := n.(*ast.SelectorExpr)
					if x, isID := selX(sel); ok && isID && slices.Contains(shared, x+"."+sel.Sel.Name) {

						t.Errorf("%s uses %s.%s", path, x, sel.Sel.Name)

					}
					return true
				})
			}
		})
	}
}

var goLine = regexp.MustCompile(`(?m)^go (\S+)$`)

func TestModulesAgree(t *testing.T) {
	t.Parallel()
	base := root(t)
	files := []string{filepath.Join(base, "go.work")}
	for _, dir := range modules(t) {
		files = append(files, filepath.Join(dir, "go.mod"))
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m := goLine.FindStringSubmatch(string(data))
		if m == nil || m[1] != "1.26.0" {
			t.Errorf("%s: go version %v, want 1.26.0 as in all others", path, m)
		}
		text := string(data)
		for _, dep := range []string{"pkg", "proto"} {
			if filepath.Base(path) == "go.mod" && strings.Contains(text, house+dep+" v") && !regexp.MustCompile(regexp.QuoteMeta(house+dep)+` => (\.\./)+`+dep).MatchString(text) {
				t.Errorf("%s requires %s without a replace line", path, house+dep)
			}
		}
	}
}
