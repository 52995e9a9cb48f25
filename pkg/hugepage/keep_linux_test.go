package hugepage

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// readyAsked makes this test's program a child that has its heap made ready.
const readyAsked = "FONDACO_TEST_READY"

// TestReady: a heap that was made ready is used without a page that is new to the
// process, again and again, and the collector waits for all of it. In a program of
// its own, whose heap nobody else uses.
func TestReady(t *testing.T) {
	const bytes = 64 << 20
	if os.Getenv(readyAsked) != "" {
		Heap{Ready: bytes}.Set()
		var before, after syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
		for range 4 {
			for range bytes / 2 / Size { // nothing of it lives on
				for i, b := 0, make([]byte, Size); i < Size; i += 4096 {
					b[i] = 1
				}
			}
			runtime.GC()
		}
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
		// What hears of collections sets it.
		for end := time.Now().Add(10 * time.Second); goal() < bytes*9/10 && time.Now().Before(end); {
			runtime.Gosched()
		}
		fmt.Printf("goal %d faults %d", goal()>>20, after.Minflt-before.Minflt)
		return
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestReady$")
	cmd.Env = append(os.Environ(), readyAsked+"=1", "GOGC=100", "GOMEMLIMIT=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var goal, faults int
	if _, err := fmt.Sscanf(string(out), "goal %d faults %d", &goal, &faults); err != nil {
		t.Fatalf("the program said %q: %v", out, err)
	}
	if goal < bytes*9/10>>20 {
		t.Errorf("the heap is collected at %d MiB, though %d are ready", goal, bytes>>20)
	}
	if raw, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil || strings.Contains(string(raw), "[never]") {
		t.Skip("pages are small here")
	}
	if raced() {
		t.Skip("the race detector's own memory is new at every use")
	}
	// All of it in small pages, once, would be 8,000.
	if faults > 1000 {
		t.Errorf("%d faults in a heap that is ready", faults)
	}
}

// raced says whether this is built with the race detector.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// goal is the size in bytes at which the heap is collected next.
func goal() uint64 { return read("/gc/heap/goal:bytes") }

func read(metric string) uint64 {
	s := []metrics.Sample{{Name: metric}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

func TestKeeperFits(t *testing.T) {
	t.Parallel()
	k := keeper{bytes: 256 << 20, percent: 100}
	for live, want := range map[uint64]bool{0: true, 1 << 20: true, 127 << 20: true, 129 << 20: false, 256 << 20: false, 1 << 40: false} {
		if got := k.fits(live); got != want {
			t.Errorf("%d MiB live: %t, want %t", live>>20, got, want)
		}
	}
}

// TestKeeperLetsGo: a heap in which more lives than was made ready is collected by
// the percent, and by the limit again when it is small. In a program of its own.
func TestKeeperLetsGo(t *testing.T) {
	const bytes, percent = 32 << 20, 100
	if os.Getenv(readyAsked) != "" {
		keep(bytes, percent)
		until := func(by uint64) (same bool) {
			for end := time.Now().Add(10 * time.Second); !same && time.Now().Before(end); runtime.GC() {
				same = read("/gc/gogc:percent") == by
			}
			return same
		}
		lives := make([]byte, bytes)
		large := until(percent)
		runtime.KeepAlive(lives)
		fmt.Printf("large %t small %t", large, until(math.MaxUint64))
		return
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKeeperLetsGo$")
	cmd.Env = append(os.Environ(), readyAsked+"=1", "GOGC=100", "GOMEMLIMIT=off")
	out, err := cmd.Output()
	if err != nil || !strings.HasPrefix(string(out), "large true small true") {
		t.Errorf("the program said %q: %v", out, err)
	}
}
