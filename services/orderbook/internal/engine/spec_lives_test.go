package engine_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"google.golang.org/protobuf/proto"
)

// deed is one thing that was done to a rig.
type deed struct {
	from          string
	nowMs         int64
	pack          *ordersv1.Pack
	data          []byte
	restart, copy bool
}

// TestLives compares engine and twin over seeded lives that are longer than
// what the state machine's draws make. A failing life is cut down to what is
// needed for it before it is shown. FONDACO_LIVES sets how many, FONDACO_SEED
// the first seed.
func TestLives(t *testing.T) {
	t.Parallel()
	first, lives := number("FONDACO_SEED", 1), number("FONDACO_LIVES", 30)
	for seed := first; seed < first+lives; seed++ {
		random := rand.New(rand.NewPCG(uint64(seed), 0))
		tape, why := live(func(r *rig) {
			k := &maker{r: r, draw: random.IntN}
			if random.IntN(4) == 0 {
				r.bound(1 + random.IntN(4))
			}
			k.open()
			for range 120 {
				k.step()
			}
		})
		if why != "" {
			t.Fatalf("seed %d: %s", seed, reduce(tape, why))
		}
	}
}

func number(name string, usual int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return usual
}

// stopped is what a rig panics with instead of failing a test.
type stopped string

type stopper struct{}

func (stopper) Helper()                           {}
func (stopper) Fatalf(format string, args ...any) { panic(stopped(fmt.Sprintf(format, args...))) }

// live runs a life and returns what was done and why it ended early. A panic of
// the engine or the twin is a reason too.
func live(do func(r *rig)) (tape []deed, why string) {
	r := newRig(stopper{})
	defer func() {
		tape = r.tape
		if p := recover(); p != nil {
			why = fmt.Sprint(p)
			if _, planned := p.(stopped); !planned {
				why = fmt.Sprintf("panic: %v\nafter %d packs", p, len(r.tape))
			}
		}
	}()
	do(r)
	return
}

// replay does the deeds again.
func replay(tape []deed) string {
	_, why := live(func(r *rig) {
		for _, d := range tape {
			switch {
			case d.restart:
				r.restart()
			case d.copy:
				r.copy()
			case d.data == nil:
				r.bound(int(d.nowMs))
			default:
				r.nowMs = d.nowMs
				r.sendBytes(d.from, d.pack, d.data)
			}
		}
	})
	return why
}

// reduce takes out of a failing tape what it fails without, and tells how the
// rest fails.
func reduce(tape []deed, why string) string {
	if replay(tape) == "" {
		return "fails only once: " + why
	}
	try := func(shorter []deed) bool {
		if w := replay(shorter); w != "" {
			tape, why = shorter, w
			return true
		}
		return false
	}
	for size := len(tape) / 2; size > 0; size /= 2 {
		for at := len(tape) - size; at >= 0; at -= size {
			if at+size <= len(tape) {
				try(slices.Delete(slices.Clone(tape), at, at+size))
			}
		}
	}
	for i := len(tape) - 1; i >= 0; i-- {
		for k := 0; tape[i].pack != nil && k < len(tape[i].pack.Commands); {
			p := proto.Clone(tape[i].pack).(*ordersv1.Pack)
			p.Commands = slices.Delete(p.Commands, k, k+1)
			shorter := slices.Clone(tape)
			data, err := proto.Marshal(p)
			if err != nil {
				panic(err)
			}
			shorter[i].pack, shorter[i].data = p, data
			if !try(shorter) {
				k++
			}
		}
	}
	return why
}
