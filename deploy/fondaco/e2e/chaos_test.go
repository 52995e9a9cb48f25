package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
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

// The disk of the bus and of the database fills up in the middle of a load.
// Nothing may be acknowledged that is not stored; with room again and the bus
// restarted, as its documentation asks for, all goes on and nothing is missing.
func TestFullDiskLosesNothing(t *testing.T) {
	needPostgres(t)
	disk := shallow(t)
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=400m,mode=0711", "fondaco-test", disk).CombinedOutput(); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", disk).Run() })
	net, path := chains(t)
	in := startInfraIn(t, disk, infra.Config{})
	s := newStack(t, in, path)
	handler, wr := s.start("event-handler", "event-handler"), s.start("writer", "writer")
	s.allReady(60 * time.Second)
	stopChains := drive(t, net)
	time.Sleep(2 * time.Second)

	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)
	eventually(t, 60*time.Second, "a service to say that it cannot go on", func() error {
		if handler.ready() == nil && wr.ready() == nil {
			return fmt.Errorf("both are ready on a full disk")
		}
		return nil
	})
	time.Sleep(5 * time.Second)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	// Postgres may have ended itself when its log could not grow.
	if err := in.RestartPostgres(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := in.RestartNATS(t.Context(), func(string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	stopChains()
	s.checkChains(net)
}

// fill writes a file until the disk has no room.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
}
