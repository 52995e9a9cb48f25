// Package venue runs the order book's steps (gateways, a leader, standbys and
// their recoveries) on one goroutine against streams and snapshots in memory, all
// driven by one seed: every interleaving, lost answer and crash can be played
// again.
package venue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"fondaco.dev/deploy/fondaco/sim"
	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/core"
)

const (
	name     = "sim" // the venue's
	accounts = 3
)

// start is when every world begins.
var start = time.UnixMilli(1_790_000_000_000)

// Kind is what may happen to the streams beside lost answers.
type Kind int

// Kinds of worlds.
const (
	Whole    Kind = iota // nothing is cut
	Older                // both streams and the snapshots are restored from one older copy
	Shorter              // TRADES alone loses its tail: it is made anew from ORDERS
	Torn                 // ORDERS alone loses what TRADES has the events of: nobody may serve
	allKinds = 4
)

// bug is a step left out, to see that the checks find it.
type bug string

const (
	noFence   bug = "messages of TRADES are stored wherever they come to stand"
	noLook    bug = "nobody looks at the streams after a reconnect"
	lateTruth bug = "an answer tells of the state before its pack"
)

// World is one simulation: everything in it follows from its seed.
type World struct {
	Orders, Trades *sim.Stream
	Kind           Kind
	// Counts of what happened, by name.
	Counts map[string]int

	bug       bug // what is wrong with the instances; none but in the test of the checks
	rng       *rand.Rand
	born      time.Time
	now       int64 // the clock of everybody but the server, Unix milliseconds
	ahead     int64 // how far the server's clock is ahead of it, milliseconds
	partBytes int
	depth     int // of acts within a publish

	gateways  []*gateway
	instances []*instance
	lease     *instance
	objects   *objects
	replies   map[place]answer
	sent      [][]byte            // packs that are on their way to be gathered
	asked     []*ordersv1.Command // newest orders, to be asked for again

	cuts                             int
	resting                          bool // nobody sends anything to be gathered any more
	refusal                          error
	names, clients, deposits, reigns int
}

// place is where a pack is: a message of ORDERS, and the number within it, since
// a gathered one holds several.
type place struct {
	seq   uint64
	index int
}

// answer is what left for a pack.
type answer struct{ pack, reply []byte }

// New makes the world of a seed.
func New(seed uint64) *World {
	w := &World{rng: rand.New(rand.NewPCG(seed, 11)), Kind: Kind(seed % allKinds), Counts: map[string]int{}, born: start, now: start.UnixMilli(), replies: map[place]answer{}}
	w.Orders, w.Trades = sim.NewStream(w.rng), sim.NewStream(w.rng)
	for _, s := range []*sim.Stream{w.Orders, w.Trades} {
		s.Replicas, s.Lose = 1+2*w.rng.IntN(2), 0.15*w.rng.Float64()
		s.Clock = func() time.Time { return time.UnixMilli(w.now + w.ahead) }
	}
	w.partBytes = 700 + w.rng.IntN(3000) // many an output comes in parts
	w.objects = &objects{world: w, held: map[string]object{}}
	admin, funds := opening()
	w.gateways = []*gateway{w.gateway(ordersv1.FromAdmin, admin...), w.gateway(ordersv1.FromFunds, funds...)}
	for range 1 + w.rng.IntN(3) {
		w.gateways = append(w.gateways, w.gateway(ordersv1.FromAPI))
	}
	for k := range 2 + w.rng.IntN(2) {
		w.instances = append(w.instances, &instance{world: w, number: k})
	}
	return w
}

func (w *World) count(what string) { w.Counts[what]++ }

// chance is true once in n.
func (w *World) chance(n int) bool { return w.rng.IntN(n) == 0 }

func (w *World) source() *core.Source {
	return core.NewSource(streams{w}, w.objects, name, w.partBytes)
}

// Run lets n things happen, then lets everything come to rest and compares.
func (w *World) Run(ctx context.Context, n int) error {
	var old backup
	at, cut := w.rng.IntN(n), n
	if w.Kind != Whole {
		cut = at + w.rng.IntN(n-at)
	}
	for k := range n {
		if k == at {
			old = w.backup()
		}
		if k == cut {
			if err := w.cut(ctx, old); err != nil {
				return fmt.Errorf("act %d: %w", k, err)
			}
		}
		if err := w.act(ctx, nil); err != nil {
			return fmt.Errorf("act %d: %w", k, err)
		}
	}
	if err := w.rest(ctx); err != nil {
		return fmt.Errorf("after %d acts: %w", n, err)
	}
	return w.compare()
}

// act is one thing that happens; busy is in the middle of a publish.
func (w *World) act(ctx context.Context, busy *instance) error {
	w.now += int64(w.rng.IntN(20))
	switch r := w.rng.IntN(1000); {
	case r < 12:
		w.now += int64(w.rng.IntN(20_000))
	case r < 14 && w.Kind != Torn:
		// Not where ORDERS is filled anew: that it was is told by the times of its
		// packs when a gateway sends the lost ones again to the same sequences.
		w.ahead = int64(w.rng.IntN(2)) * 120_000 // the server's clock is put wrong, or right
		w.count("server's clock put wrong or right")
	case r < 26:
		i := w.instances[w.rng.IntN(len(w.instances))]
		i.die()
		w.count("killed")
	case r < 40:
		i := w.instances[w.rng.IntN(len(w.instances))]
		i.paused = w.rng.IntN(120)
		if w.lease == i {
			w.count("leader paused")
		}
	case r < 70:
		w.lease = nil // it ran out, and its holder has not seen it yet
	case r < 80:
		w.objects.damage()
	case r < 90:
		w.gateways[w.rng.IntN(len(w.gateways))].restart()
	case r < 95:
		w.Orders.Forget()
		w.Trades.Forget()
	case r < 330:
		g := w.gateways[w.rng.IntN(len(w.gateways))]
		if g.from != ordersv1.FromAPI && len(g.script) == 0 && g.pending == nil && !w.chance(4) {
			return nil
		}
		return g.step()
	default:
		i := w.instances[w.rng.IntN(len(w.instances))]
		for _, p := range w.instances {
			p.paused = max(p.paused-1, 0)
		}
		if i.paused > 0 {
			return nil
		}
		return i.step(ctx)
	}
	return nil
}

// keep stores a snapshot; a crash in the middle of it is a torn one.
func (w *World) keep(ctx context.Context, k *core.Keeper, s core.Save) error {
	err := k.Keep(ctx, s)
	if errors.Is(err, core.ErrDiverged) {
		return err
	}
	if err != nil {
		w.count("snapshot not stored or not confirmed")
	}
	return nil
}

// answered takes an answer that leaves. Two leaders may answer one pack; they
// must say the same.
func (w *World) answered(at place, pack, reply []byte) error {
	a, found := w.replies[at]
	if found && bytes.Equal(a.pack, pack) {
		w.count("pack answered by two leaders")
		if !bytes.Equal(a.reply, reply) {
			return fmt.Errorf("pack %d was answered in two ways", at)
		}
	}
	w.replies[at] = answer{slices.Clone(pack), slices.Clone(reply)}
	for _, g := range w.gateways {
		// It may be lost on its way.
		if g.pending != nil && bytes.Equal(g.pending.data, pack) && !w.chance(8) {
			g.pending = nil
			w.count("pack stored by its answer")
		}
	}
	return nil
}

// backup is a copy of all that is stored.
type backup struct {
	orders, trades []bus.Message
	objects        map[string]object
}

func (w *World) backup() backup {
	return backup{slices.Clone(w.Orders.Messages()), slices.Clone(w.Trades.Messages()), maps.Clone(w.objects.held)}
}

func (w *World) restore(b backup) {
	w.Orders.Restore(b.orders)
	w.Trades.Restore(b.trades)
	w.objects.held = maps.Clone(b.objects)
}

// cut does to the streams what the world's kind says.
func (w *World) cut(ctx context.Context, old backup) error {
	switch w.Kind {
	case Older:
		w.cuts++
		w.restore(old)
		w.count("restored from an older copy")
	case Shorter:
		if n := len(w.Trades.Messages()); n > 2 {
			w.cuts++
			w.Trades.Cut(1 + w.rng.IntN(n/2))
			w.count("TRADES lost its tail")
		}
	case Torn:
		return w.tear(ctx)
	}
	return nil
}

// tear cuts ORDERS below what TRADES has the events of. Until a human restores
// both, nothing may be published, whatever gateways write meanwhile.
func (w *World) tear(ctx context.Context) error {
	before := w.backup()
	last := w.lastIn()
	n := 0
	for _, m := range w.Orders.Messages() {
		if m.Seq >= last {
			n++
		}
	}
	if last == 0 || n == len(w.Orders.Messages()) {
		return nil
	}
	w.cuts++
	w.Orders.Cut(n + w.rng.IntN(3))
	w.count("ORDERS lost what was applied")
	w.refusal = nil
	stood := w.Trades.LastSeq()
	for k := range 150 {
		if err := w.act(ctx, nil); err != nil {
			return fmt.Errorf("act %d without the tail of ORDERS: %w", k, err)
		}
		// What was on its way when it happened may arrive.
		if now := w.Trades.LastSeq(); now != stood && w.lastIn() > w.Orders.LastSeq() && k > 0 {
			stood = now
			w.count("an output was on its way when ORDERS was cut")
		}
	}
	for _, i := range w.instances {
		// It may come as far as standing by, when the last output is not whole.
		i.die()
		i.paused, w.lease = 0, nil
		for k := 0; k < 200 && i.desk == nil && (k == 0 || i.follower != nil); k++ {
			if err := i.step(ctx); err != nil {
				return err
			}
		}
		if i.desk != nil || i.follower != nil {
			return fmt.Errorf("instance %d serves, although ORDERS ends at %d and TRADES has the events of pack %d", i.number, w.Orders.LastSeq(), last)
		}
	}
	if w.refusal == nil || !strings.Contains(w.refusal.Error(), "restore ORDERS, TRADES and the object store") {
		return fmt.Errorf("the refusal does not say what to do: %w", w.refusal)
	}
	w.restore(before)
	w.count("restored by a human")
	return nil
}
