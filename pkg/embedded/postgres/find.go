package postgres

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
)

// ErrNoBinaries says that this machine has no Postgres server.
var ErrNoBinaries = errors.New("no postgres server binaries found: install Debian's postgresql package, put initdb and postgres on PATH, or set FONDACO_PG_BIN to their folder")

// findBinaries returns the folder that holds initdb and postgres: bin when
// given, else PATH, else the newest of Debian's versioned folders.
func findBinaries(bin string) (string, error) {
	if bin != "" {
		if !hasBoth(bin) {
			return "", fmt.Errorf("FONDACO_PG_BIN: %s does not hold initdb and postgres", bin)
		}
		return bin, nil
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(p); err == nil && hasBoth(filepath.Dir(real)) {
			return filepath.Dir(real), nil
		}
	}
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", fmt.Errorf("looking for postgres: %w", err)
	}
	version := func(dir string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		return n
	}
	sort.Slice(dirs, func(i, j int) bool { return version(dirs[i]) > version(dirs[j]) })
	for _, dir := range dirs {
		if hasBoth(dir) {
			return dir, nil
		}
	}
	return "", ErrNoBinaries
}

func hasBoth(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}
