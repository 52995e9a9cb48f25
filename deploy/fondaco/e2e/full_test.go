package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"fondaco.dev/deploy/fondaco/internal/infra"
	"fondaco.dev/pkg/bustest"
)

// narrow is a place for the servers' files that can be filled.
type narrow struct {
	folder string
	cfg    infra.Config
	fill   func(in *infra.Infra) (free func())
}

// narrows is a small disk, for the bus and the database; where none may be
// mounted, a bus that may keep so much and no more.
func narrows(t *testing.T) narrow {
	t.Helper()
	disk := shallow(t)
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=400m,mode=0711", "fondaco-test", disk).CombinedOutput()
	if err != nil {
		t.Logf("a small disk cannot be mounted here (%v %s): the bus gets a limit", err, out)
		return quota(t)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", disk).Run() })
	return narrow{folder: disk, fill: func(*infra.Infra) func() {
		ballast := filepath.Join(disk, "ballast")
		fill(t, ballast)
		return func() {
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
		}
	}}
}

// quota is a bus with a limit.
func quota(t *testing.T) narrow {
	return narrow{folder: shallow(t), cfg: infra.Config{MaxStore: 64 << 20}, fill: func(in *infra.Infra) func() {
		b := provisionerBus(t, in)
		t.Cleanup(b.Close)
		return bustest.Ballast(t, b)
	}}
}

// The disk of the bus and of the database fills up in the middle of a load.
// Nothing may be acknowledged that is not stored; with room again and the bus
// restarted, as its documentation asks for, all goes on and nothing is missing.
func TestFullDiskLosesNothing(t *testing.T) {
	needPostgres(t)
	place := narrows(t)
	net, path := chains(t)
	in := startInfraIn(t, place.folder, place.cfg)
	s := newStack(t, in, path)
	handler, wr := s.start("event-handler", "event-handler"), s.start("writer", "writer")
	s.allReady(60 * time.Second)
	stopChains := drive(t, net)
	time.Sleep(2 * time.Second)

	free := place.fill(in)
	eventually(t, 60*time.Second, "a service to say that it cannot go on", func() error {
		if handler.ready() == nil && wr.ready() == nil {
			return fmt.Errorf("both are ready on a full disk")
		}
		return nil
	})
	time.Sleep(5 * time.Second)
	free()
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
