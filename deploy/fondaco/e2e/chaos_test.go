package e2e

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"fondaco.dev/deploy/fondaco/internal/infra"
	"fondaco.dev/services/devnet"
)

// Two event-handlers and two writers of one chain are killed and frozen at
// random, and their servers restarted under them. A frozen process is worse
// than a dead one: it wakes with a lease that it lost and a publish half way.
// Afterwards the rows are those of an undisturbed writer and of a clean index.
func TestFrozenAndKilledTwinsLeaveOneIndex(t *testing.T) {
	net, path := chains(t)
	in := startInfra(t, infra.Config{})
	s := newStack(t, in, path)
	names := []string{"event-handler-1", "event-handler-2", "writer-1", "writer-2"}
	for _, name := range names {
		s.start(name, name[:len(name)-2])
	}
	s.allReady(60 * time.Second)
	stopChains := drive(t, net)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed of the chaos: %d", seed)
	t.Logf("acts: %v", s.chaos(rand.New(rand.NewPCG(seed, 1)), max(20, kills(t)/3), names))
	stopChains()
	s.checkChains(net)
}

// chaos does n acts and says how often each.
func (s *stack) chaos(rng *rand.Rand, n int, names []string) map[string]int {
	s.t.Helper()
	ctx := s.t.Context()
	count := map[string]int{}
	for range n {
		time.Sleep(time.Duration(rng.IntN(900)+100) * time.Millisecond)
		p := s.procs[names[rng.IntN(len(names))]]
		act, err := "kill", error(nil)
		switch r := rng.IntN(20); {
		case r < 9:
			p.Kill()
		case r < 15:
			act = "freeze"
			p.Signal(syscall.SIGSTOP)
			time.Sleep(time.Duration(rng.IntN(4000)+200) * time.Millisecond)
			p.Signal(syscall.SIGCONT)
		case r < 17:
			act = "restart nats"
			err = s.infra.RestartNATS(ctx, func(string) error { return nil })
		default:
			act = "restart postgres"
			err = s.infra.RestartPostgres(ctx)
		}
		if err != nil {
			s.t.Fatalf("%s: %v", act, err)
		}
		count[act]++
	}
	return count
}

// checkChains compares the index with an undisturbed writer's, and with one
// that is made anew from the nodes on.
func (s *stack) checkChains(net *devnet.Devnet) {
	t := s.t
	t.Helper()
	s.allReady(60 * time.Second)
	caughtUp(t, s.infra, net)
	db := connect(t, s.infra.OwnerURL().Reveal())
	s.still(db)
	t.Run("an undisturbed writer ends with the same rows", func(t *testing.T) { sameRows(t, s, db) })
	t.Run("a clean index holds the same events", func(t *testing.T) { sameEvents(t, net, s.config, db) })
}

// The bus is restored from a backup that is older than the database: the
// stream's tail is gone, and what the event-handler fetches again comes in
// other, fuller messages under sequences that were given before. Rows that the
// new stream does not repeat one by one must neither stay nor be missing.
func TestStreamRestoredFromAnOlderBackup(t *testing.T) {
	net, path := chains(t)
	in := startInfra(t, infra.Config{})
	s := newStack(t, in, path)
	s.start("event-handler", "event-handler")
	s.start("writer", "writer")
	s.allReady(60 * time.Second)
	backup := filepath.Join(t.TempDir(), "backup")
	for round := range 2 {
		stopChains := drive(t, net)
		time.Sleep(3 * time.Second)
		if err := in.RestartNATS(t.Context(), func(dir string) error { return copyTree(dir, backup) }); err != nil {
			t.Fatal(err)
		}
		// What comes now is in the database and will be gone from the bus.
		time.Sleep(4 * time.Second)
		stopChains()
		caughtUp(t, in, net)
		before := positions(t, connect(t, in.OwnerURL().Reveal()))
		s.procs["event-handler"].Signal(syscall.SIGSTOP) // it must not mend the stream before it is cut
		err := in.RestartNATS(t.Context(), func(dir string) error { return copyTree(backup, dir) })
		s.procs["event-handler"].Signal(syscall.SIGCONT)
		if err != nil {
			t.Fatal(err)
		}
		stopChains = drive(t, net)
		time.Sleep(2 * time.Second)
		stopChains()
		t.Logf("round %d: rows stood at %v when the stream was cut", round, before)
	}
	s.allReady(60 * time.Second)
	caughtUp(t, in, net)
	db := connect(t, in.OwnerURL().Reveal())
	var sought int64
	if err := db.QueryRow(t.Context(), "select sum(seek_backs) from ctl.cursors where partition like 'chain.v1.dev.%'").Scan(&sought); err != nil {
		t.Fatal(err)
	}
	if sought == 0 {
		t.Error("the writer never sought back: the stream was not cut below its cursor, and nothing was tested")
	}
	sameEvents(t, net, path, db)
}

// copyTree makes to a copy of the folder from.
func copyTree(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return os.CopyFS(to, os.DirFS(from))
}
