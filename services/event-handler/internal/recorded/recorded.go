// Package recorded finds the recorded input that tests read. It is not part of
// the project's tree: FONDACO_TESTDATA says where it is, default
// ../shared/data from the project's root.
package recorded

import (
	"os"
	"path/filepath"
	"testing"
)

// Path returns the path of a recorded file, and skips the test when it is not
// there; with CI=true the test fails instead.
func Path(t testing.TB, name ...string) string {
	t.Helper()
	root := os.Getenv("FONDACO_TESTDATA")
	if root == "" {
		root = filepath.Join(projectRoot(t), "..", "shared", "data")
	}
	path := filepath.Join(append([]string{root}, name...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the recorded input %s is not there; FONDACO_TESTDATA says where it is", filepath.Join(name...))
		}
		t.Skipf("the recorded input %s is not there (FONDACO_TESTDATA)", filepath.Join(name...))
	}
	return path
}

// Read returns the content of a recorded file.
func Read(t testing.TB, name ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(Path(t, name...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// projectRoot is the folder above the test's that holds LICENSE and services.
func projectRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		_, license := os.Stat(filepath.Join(dir, "LICENSE"))
		_, services := os.Stat(filepath.Join(dir, "services"))
		if license == nil && services == nil {
			return dir
		}
	}
	t.Fatal("the project's root is not above the test's folder")
	return ""
}
