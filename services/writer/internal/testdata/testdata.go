// Package testdata finds the recorded input of tests.
package testdata

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir is the folder of recorded input: FONDACO_TESTDATA, or shared/data beside
// the project. Where it is absent the test skips by name, under CI=true it
// fails.
func Dir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("FONDACO_TESTDATA")
	if dir == "" {
		for at, _ := os.Getwd(); ; at = filepath.Dir(at) {
			if _, err := os.Stat(filepath.Join(at, "go.work")); err == nil {
				dir = filepath.Join(at, "..", "shared", "data")
				break
			}
			if at == filepath.Dir(at) {
				break
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "README.md")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no recorded data: set FONDACO_TESTDATA (%v)", err)
		}
		t.Skipf("no recorded data for %s: set FONDACO_TESTDATA (%v)", t.Name(), err)
	}
	return dir
}
