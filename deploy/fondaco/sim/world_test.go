package sim

import (
	"cmp"
	"os"
	"strconv"
	"testing"
)

// seeds of one run: 60, or FONDACO_SIM_SEEDS.
func seeds(t *testing.T) uint64 {
	n, err := strconv.ParseUint(cmp.Or(os.Getenv("FONDACO_SIM_SEEDS"), "60"), 10, 32)
	if err != nil || n == 0 {
		t.Fatalf("FONDACO_SIM_SEEDS=%q is no number of seeds", os.Getenv("FONDACO_SIM_SEEDS"))
	}
	return n
}

// Two event-handlers and two writers work on one chain while endpoints lie, the
// chain reorganises, publishes lose their answers, instances die between any two
// steps and the stream loses its tail: when all that ends, the store is the chain.
func TestWhateverHappensTheStoreBecomesTheChain(t *testing.T) {
	t.Parallel()
	happened := map[string]int{}
	// Seeds that once found something come first: a repair that was skipped when
	// the writer went back in a stream that had been refilled.
	list := []uint64{181, 187, 264}
	for seed := range seeds(t) {
		list = append(list, seed)
	}
	for _, seed := range list {
		w, err := New(seed)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Run(t.Context(), 3000); err != nil {
			t.Errorf("seed %d: %v\n%s", seed, err, w.Report())
			continue
		}
		if seed < 3 {
			t.Logf("seed %d: %s", seed, w.Report())
		}
		for what, n := range w.Counts {
			happened[what] += n
		}
		happened["reverts"] += w.Store.reverts
		happened["repairs"] += w.Store.repairs
	}
	t.Log(happened)
	for _, what := range []string{"outcome unknown", "fenced", "writer fenced", "seek back", "stream cut", "reorganised", "branch adopted again",
		"event-handler killed", "writer killed", "reverts", "repairs"} {
		if happened[what] == 0 {
			t.Errorf("%q never happened: the simulation is tamer than it says", what)
		}
	}
}
