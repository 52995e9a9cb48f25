package evm

import (
	"os"
	"path/filepath"
	"testing"
)

// copyDir takes the data folder as a process that is killed leaves it: while
// the node runs.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(filepath.Join(to, "geth"), os.DirFS(filepath.Join(from, "geth"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"genesis.json", "chain.bin"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// Whatever became of go-ethereum's database, the chain is that of the file.
func TestDatabaseFollowsTheChainFile(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, dir string){
		"killed": func(*testing.T, string) {},
		"gone": func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, "geth")); err != nil {
				t.Fatal(err)
			}
		},
		"broken": func(t *testing.T, dir string) {
			files, err := filepath.Glob(filepath.Join(dir, "geth", "chain", "chaindata", "*"))
			if err != nil || len(files) == 0 {
				t.Fatalf("%d files, %v", len(files), err)
			}
			for _, f := range files {
				if info, err := os.Stat(f); err == nil && info.Mode().IsRegular() {
					if err := os.WriteFile(f, []byte("not a database"), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			n := start(t, Config{DataDir: dir})
			commit(t, n, 40)
			if _, err := n.Transfer(n.accounts[1], n.accounts[2].Address, 7); err != nil {
				t.Fatal(err)
			}
			commit(t, n, 1)
			tip, err := n.Reorg(Reorg{Way: Flip, Depth: 3, Blocks: 5, Remine: true})
			if err != nil {
				t.Fatal(err)
			}
			left := copyDir(t, dir)
			damage(t, left)
			again := start(t, Config{DataDir: left})
			if again.Head().Hash() != tip.Hash() {
				t.Fatalf("head %d %s, want %d %s", again.Head().Number, again.Head().Hash(), tip.Number(), tip.Hash())
			}
			if cents, err := again.BalanceUSD(t.Context(), again.accounts[2].Address); err != nil || cents.Uint64() != StartUSD+7 {
				t.Errorf("balance %v, %v", cents, err)
			}
			linked(t, again.Client())
			if block := commit(t, again, 1); block.ParentHash() != tip.Hash() {
				t.Error("the chain does not go on from its head")
			}
		})
	}
}

// A block that is in the database but was not written down was never the head
// that clients saw: the file decides.
func TestDatabaseAheadOfTheFileGoesBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := start(t, Config{DataDir: dir})
	before := commit(t, n, 5)
	size, err := os.Stat(filepath.Join(dir, "chain.bin"))
	if err != nil {
		t.Fatal(err)
	}
	commit(t, n, 4)
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "chain.bin"), size.Size()); err != nil {
		t.Fatal(err)
	}
	again := start(t, Config{DataDir: dir})
	if again.Head().Hash() != before.Hash() {
		t.Fatalf("head %d, want %d", again.Head().Number, before.Number())
	}
	linked(t, again.Client())
	commit(t, again, 2)
}
