package artifact

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The two committed copies are one: go:embed cannot leave its module.
func TestArtifactsEqualThoseOfTheContracts(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "..", "..", "deploy", "contracts", "artifacts")
	committed, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(committed) != len(Names()) {
		t.Fatalf("%d artifacts in %s, %d embedded", len(committed), dir, len(Names()))
	}
	for _, name := range Names() {
		want, err := os.ReadFile(filepath.Join(dir, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := File(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from %s: run node build.js in deploy/contracts", name, dir)
		}
	}
}

func TestLoadReadsEveryContract(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		a, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if a.Contract != name || len(a.Bytecode) == 0 || len(a.Deployed) == 0 || len(a.ABI.Events) == 0 {
			t.Errorf("artifact %s is incomplete: %d bytes of code, %d events", name, len(a.Bytecode), len(a.ABI.Events))
		}
	}
	market, _ := Load("Market")
	for _, event := range []string{"Listed", "Sold", "Cancelled"} {
		if _, ok := market.ABI.Events[event]; !ok {
			t.Errorf("Market has no event %s", event)
		}
	}
	if _, err := Load("Gold"); err == nil {
		t.Error("an unknown contract was loaded")
	}
}

// The committed artifacts are what the sources compile to. Node and the
// packages of package-lock.json are needed; under CI=true they are installed.
func TestArtifactsAreWhatTheSourcesCompileTo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "..", "..", "deploy", "contracts")
	ci := os.Getenv("CI") == "true"
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	if _, err := exec.LookPath("node"); err != nil && !ci {
		t.Skip("solc: Node is not installed")
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "solc")); err != nil {
		if !ci {
			t.Skip("solc: npm ci was not run in deploy/contracts")
		}
		run("npm", "ci", "--no-audit", "--no-fund")
	}
	run("node", "build.js", "--check")
}
