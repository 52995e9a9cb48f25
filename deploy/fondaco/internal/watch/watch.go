// Package watch tells which modules of the source tree were saved.
package watch

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Tree is the source tree of a workspace.
type Tree struct {
	Root    string
	Modules []string // folders below Root
	// Every is the time between two looks; 0 = 300 ms, which finds a save
	// early enough to build and restart within 5 s of it.
	Every time.Duration
}

// file is what tells one save from the next.
type file struct {
	size int64
	mod  time.Time
}

// Run calls changed with the modules that were saved since the last call, once
// the tree has been still for one look, until ctx ends.
func (t Tree) Run(ctx context.Context, changed func(modules []string)) error {
	every := t.Every
	if every <= 0 {
		every = 300 * time.Millisecond
	}
	seen, err := t.scan()
	if err != nil {
		return err
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	pending := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now, err := t.scan()
		if err != nil {
			// An editor may move folders about; the next look sees the result.
			continue
		}
		still := true
		for _, m := range t.Modules {
			if !maps.Equal(seen[m], now[m]) {
				pending[m], still = true, false
			}
		}
		seen = now
		if still && len(pending) > 0 {
			changed(slices.Sorted(maps.Keys(pending)))
			clear(pending)
		}
	}
}

// scan notes every source file, by module.
func (t Tree) scan() (map[string]map[string]file, error) {
	out := map[string]map[string]file{}
	for _, m := range t.Modules {
		out[m] = map[string]file{}
		err := filepath.WalkDir(filepath.Join(t.Root, m), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules"):
				return filepath.SkipDir
			case d.IsDir() || !source(d.Name()):
				return nil
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			out[m][path] = file{info.Size(), info.ModTime()}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("looking at %s: %w", m, err)
		}
	}
	return out, nil
}

// source files are what a binary is built from: code and what it embeds.
func source(name string) bool {
	if strings.HasSuffix(name, "_test.go") {
		return false
	}
	switch filepath.Ext(name) {
	case ".go", ".mod", ".sum", ".sql", ".json", ".yaml", ".html", ".css", ".js":
		return true
	}
	return false
}
