package venue

import (
	"cmp"
	"os"
	"strconv"
	"testing"
)

// seeds of one run: 100, more by FONDACO_SIM_SEEDS.
func seeds(t *testing.T) uint64 {
	n, err := strconv.ParseUint(cmp.Or(os.Getenv("FONDACO_SIM_SEEDS"), "100"), 10, 32)
	if err != nil || n == 0 {
		t.Fatalf("FONDACO_SIM_SEEDS=%q is no number of seeds", os.Getenv("FONDACO_SIM_SEEDS"))
	}
	return n
}

// Instances of the order book crash between any two steps, publishes lose their
// answers, leaders pause and wake, two lead at once, snapshots tear, streams are
// restored from older copies: TRADES is one chain that a clean replay of ORDERS
// gives byte for byte, and no answer said anything else.
func TestWhateverHappensTradesIsTheReplayOfOrders(t *testing.T) {
	t.Parallel()
	happened := map[string]int{}
	bad := 0
	for seed := range seeds(t) {
		w := New(seed)
		if err := w.Run(t.Context(), 600); err != nil {
			t.Errorf("seed %d (kind %d): %v\n%v", seed, w.Kind, err, w.Counts)
			if bad++; bad > 4 {
				t.Fatal("and so on")
			}
		}
		for what, n := range w.Counts {
			happened[what] += n
		}
	}
	t.Log(happened)
	for _, what := range []string{"outcome unknown", "fenced", "crashed", "crashed in a publish", "crashed after a part", "killed", "leader paused",
		"lease taken from a living leader", "lease lost", "recovered", "recovered from a snapshot", "compared", "outputs of several packs", "pack answered by two leaders",
		"snapshot stored", "snapshot verified", "snapshot torn", "snapshot lost", "snapshot damaged", "pack twice in ORDERS", "pack of unknown outcome", "duplicate of a pack", "ticks",
		"restored from an older copy", "TRADES lost its tail", "ORDERS lost what was applied", "restored by a human", "answers compared", "gathered", "gathered several packs",
		"pack stored by its answer"} {
		if happened[what] == 0 {
			t.Errorf("%q never happened: the simulation is tamer than it says", what)
		}
	}
}

// The checks find what they are there for: with a step left out, some world ends
// with an error.
func TestChecksFindWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	for _, b := range []bug{noFence, noLook, lateTruth} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(2000) {
				w := New(seed)
				w.bug = b
				if err := w.Run(t.Context(), 600); err != nil {
					t.Logf("seed %d: %v", seed, err)
					return
				}
			}
			t.Error("2,000 worlds came to a good end")
		})
	}
}
