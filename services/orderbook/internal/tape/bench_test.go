package tape

import (
	"strings"
	"testing"
)

// A million commands make no garbage, and every run ends in the same state. Not
// parallel: allocations are counted for the whole process.
func TestBenchAllocatesNothing(t *testing.T) {
	const resting, commands = 20_000, 1_000_000
	tape := Generate(Mix{Resting: resting, Commands: commands, Accounts: 1000, Prices: 500, Seed: 3})
	runs, err := Bench(tape, Runs{Repeat: 2, Replies: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		if r.AllocsPerCommand() != 0 || r.Mallocs > commands/100 {
			t.Errorf("%d allocations for %d commands", r.Mallocs, r.Commands)
		}
		if r.Commands != len(tape) || r.Took <= 0 || r.Events <= commands || r.EventBytes <= 30*commands || r.Heap == 0 {
			t.Errorf("%+v", r)
		}
	}
	s, err := Play(tape, Settings{Prefund: true}, nil)
	if err != nil || s.Digest != runs[0].Digest || s.Resting != runs[0].Resting {
		t.Errorf("played: %+v, measured: %+v, %v", s, runs[0], err)
	}
	if len(s.Rejected) != 0 || s.Trades < commands/20 {
		t.Errorf("the mix does not trade: %+v", s)
	}
}

// What is warmed up with is in the state and not in the figures.
func TestBenchWarmup(t *testing.T) {
	t.Parallel()
	tape := Sweep(5000)
	runs, err := Bench(tape, Runs{Repeat: 1, Warmup: 5000})
	if err != nil || len(runs) != 1 || runs[0].Commands != 1 || runs[0].Events < 5001 || runs[0].Resting != 0 {
		t.Fatalf("%+v, %v", runs, err)
	}
	for _, r := range []Runs{{Repeat: 1, Warmup: 5001}, {Repeat: 1, Warmup: -1}, {Repeat: 0}, {Repeat: 1, Settings: Settings{MakerPPM: -1}}} {
		if _, err := Bench(tape, r); err == nil {
			t.Errorf("%+v was taken", r)
		}
	}
	if _, err := Bench(nil, Runs{Repeat: 1}); err == nil || !strings.Contains(err.Error(), "leaves none") {
		t.Errorf("an empty tape: %v", err)
	}
}
