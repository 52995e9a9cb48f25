package watch

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestRunTellsWhichModuleWasSaved(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	save := func(path, text string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	save("services/a/a.go", "package a")
	save("services/b/b.go", "package b")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	told := make(chan []string, 8)
	done := make(chan error, 1)
	go func() {
		done <- Tree{Root: root, Modules: []string{"services/a", "services/b"}, Every: 10 * time.Millisecond}.Run(ctx, func(m []string) { told <- m })
	}()
	time.Sleep(50 * time.Millisecond)
	save("services/a/a_test.go", "package a")
	save("services/a/testdata/x.json", "{}")
	save("services/b/b.go", "package b // changed")
	if got := <-told; !slices.Equal(got, []string{"services/b"}) {
		t.Errorf("told %v", got)
	}
	save("services/a/new.sql", "select 1")
	if got := <-told; !slices.Equal(got, []string{"services/a"}) {
		t.Errorf("told %v", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
