package house

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"fondaco.dev/deploy/fondaco/internal/proc"
	"fondaco.dev/deploy/fondaco/internal/watch"
	"fondaco.dev/pkg/zlog"
)

// Programs runs services as programs of their own instead of in this process.
type Programs struct {
	dir string // of the binaries

	mu      sync.Mutex
	running map[string]*proc.Process
}

// NewPrograms runs the binaries of a folder, each with the settings of the
// house and what it wires.
func NewPrograms(dir string) *Programs {
	return &Programs{dir: dir, running: map[string]*proc.Process{}}
}

// Get is the running program of that name, or nil.
func (p *Programs) Get(name string) *proc.Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running[name]
}

// run makes a service's Run that keeps its program running.
func (p *Programs) run(name string, wiring map[string]string, h *house) Run {
	values := maps.Clone(h.settings.values)
	maps.Copy(values, wiring)
	var environ []string
	for key, value := range values {
		environ = append(environ, key+"="+value)
	}
	return func(ctx context.Context, log *zlog.Logger) error {
		pr := &proc.Process{Name: name, Path: filepath.Join(p.dir, name), Env: environ, Out: h.Log, Log: log.Logger}
		p.mu.Lock()
		p.running[name] = pr
		p.mu.Unlock()
		return pr.Run(ctx)
	}
}

// Dev runs the house with every service as a program built from the source
// tree at root, and builds and restarts what a save changed. Data is kept.
func Dev(ctx context.Context, root string, o Options) error {
	bin := filepath.Join(root, "bin")
	o.Programs = NewPrograms(bin)
	names := append(ServiceNames(), "devnet")
	fmt.Fprintln(o.Out, "building", strings.Join(names, ", "))
	if err := build(ctx, root, bin, names, o); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tree := watch.Tree{Root: root, Modules: []string{"pkg", "proto"}}
	for _, name := range names {
		tree.Modules = append(tree.Modules, "services/"+name)
	}
	var watching sync.WaitGroup
	watching.Go(func() {
		err := tree.Run(ctx, func(modules []string) { rebuild(ctx, root, bin, modules, names, o) })
		if err != nil {
			fmt.Fprintln(o.Out, "the source tree is not watched any more:", err)
		}
	})
	err := Up(ctx, o)
	cancel()
	watching.Wait()
	return err
}

func ServiceNames() []string {
	var names []string
	for _, s := range services() {
		names = append(names, s.Name)
	}
	return names
}

// rebuild builds what the modules go into and replaces it. What does not build
// is told; the old program goes on.
func rebuild(ctx context.Context, root, bin string, modules, all []string, o Options) {
	began := time.Now()
	var names []string
	for _, name := range all {
		if slices.Contains(modules, "services/"+name) || slices.Contains(modules, "pkg") || slices.Contains(modules, "proto") {
			names = append(names, name)
		}
	}
	if err := build(ctx, root, bin, names, o); err != nil {
		if ctx.Err() == nil {
			fmt.Fprintln(o.Out, err)
		}
		return
	}
	for _, name := range names {
		if p := o.Programs.Get(name); p != nil {
			p.Replace()
		}
	}
	fmt.Fprintf(o.Out, "restarted %s, %.1f s after the save\n", strings.Join(names, ", "), time.Since(began).Seconds())
}

// build makes bin/<name> of each service; a failed build leaves the old one.
func build(ctx context.Context, root, bin string, names []string, o Options) error {
	var failed []error
	for _, name := range names {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(bin, name), "./cmd/"+name)
		cmd.Dir = filepath.Join(root, "services", name)
		cmd.Env = o.Environ
		if out, err := cmd.CombinedOutput(); err != nil {
			failed = append(failed, fmt.Errorf("building %s: %w\n%s", name, err, out))
		}
	}
	return errors.Join(failed...)
}

// SourceRoot finds the folder of go.work from the working folder upwards.
func SourceRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the source tree: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.work here or above: `fondaco dev` works in a checkout of the source")
		}
		dir = up
	}
}
