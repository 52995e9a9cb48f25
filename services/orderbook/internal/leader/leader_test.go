package leader

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

func TestServes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start(nil).wait()
	g := h.gateway(ordersv1.FromAPI, "api-1")
	first := g.ask(limit(1, sell, 5, 100, "s1"))
	if o := first.Outcomes[0]; o.Reject != 0 || o.Status != ordersv1.OrderStatus_ORDER_STATUS_OPEN {
		t.Fatalf("%v", o)
	}
	second := g.ask(limit(2, buy, 5, 101, "b1"), limit(2, buy, 5, 101, "b1"))
	if o := second.Outcomes[0]; o.Status != ordersv1.OrderStatus_ORDER_STATUS_FILLED || len(o.Fills) != 1 || o.Fills[0].PriceTicks != 100 {
		t.Fatalf("%v", o)
	}
	if !second.Outcomes[1].RepeatedId || second.InSeq <= first.InSeq {
		t.Fatalf("%v", second)
	}
	if n := h.verify(); n == 0 {
		t.Error("there was no trade: the test tests nothing")
	}
	tail, err := h.bus.Last(h.ctx(), tradesv1.Stream, tradesv1.Subject(venue))
	if err != nil {
		t.Fatal(err)
	}
	if ids := tail.Header.Get(bus.HeaderRequestID); ids != "req-b1,req-b1" {
		t.Errorf("request ids on TRADES: %q", ids)
	}
}

// TestSmallOutputsRest: packs that follow an output soon are answered at once
// and published together later; a stop publishes what waits.
func TestSmallOutputsRest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.options.Grace = time.Minute
	before := h.start(nil)
	before.wait()
	if err := before.stop(); err != nil { // and left nothing to publish
		t.Fatal(err)
	}
	h.options.OutputEvery = time.Hour
	i := h.start(nil)
	i.wait()
	g := h.gateway(ordersv1.FromAPI, "api-1")
	tail := func() *bus.Message {
		t.Helper()
		m, err := h.bus.Last(h.ctx(), tradesv1.Stream, tradesv1.Subject(venue))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	first := g.ask(limit(1, sell, 5, 100, "s1"))
	m := tail()
	for o, _, _ := peek(t, m.Data); o.LastInSeq < first.InSeq; o, _, _ = peek(t, m.Data) {
		if h.ctx().Err() != nil {
			t.Fatal("the first output is held back")
		}
		m = tail()
	}
	second := g.ask(limit(2, buy, 2, 100, "b1"))
	third := g.ask(limit(2, buy, 3, 100, "b2"))
	if got := tail(); got.Seq != m.Seq {
		t.Errorf("an output followed the first at once: %d after %d", got.Seq, m.Seq)
	}
	if err := i.stop(); err != nil {
		t.Fatal(err)
	}
	if o, _, _ := peek(t, tail().Data); o.FirstInSeq != second.InSeq || o.LastInSeq != third.InSeq {
		t.Errorf("the last output is of packs %d to %d, want %d to %d", o.FirstInSeq, o.LastInSeq, second.InSeq, third.InSeq)
	}
	if h.verify() == 0 {
		t.Error("there was no trade: the test tests nothing")
	}
}

// TestCrashAtEveryStep kills an instance before and after each publish, with
// small parts so that most outputs have several, and lets the next go on.
func TestCrashAtEveryStep(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.options.PartBytes = 600
	h.options.SnapshotPacks = 7
	g := h.gateway(ordersv1.FromAPI, "api-1")
	for at := 1; at <= 10; at++ {
		for _, after := range []bool{false, true} {
			i := h.start(func(w Wire) Wire { return &faulty{Wire: w, at: at, after: after} })
			g.load(4)
			select {
			case <-i.done:
			case <-time.After(300 * time.Millisecond): // it had nothing more to publish
			}
			if err := i.stop(); err != nil && !errors.Is(err, errCrash) && h.t.Context().Err() == nil && !strings.Contains(err.Error(), "context canceled") {
				t.Fatal(err)
			}
		}
	}
	last := h.start(nil)
	last.wait()
	if n := h.verify(); n == 0 {
		t.Error("there was no trade: the test tests nothing")
	}
}

// TestRandomCrashes: thirty lives of random length under load of two gateways.
func TestRandomCrashes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.options.PartBytes = 5000
	h.options.SnapshotPacks = 20
	longer := h.start(nil) // lives until there is a snapshot
	warm := h.gateway(ordersv1.FromAPI, "warm")
	for refs, err := longer.snapshots(); len(refs) == 0; refs, err = longer.snapshots() {
		if err != nil {
			t.Fatal(err)
		}
		warm.load(5)
	}
	_ = longer.stop()
	stop := make(chan struct{})
	var load sync.WaitGroup
	for k := range 2 {
		g := h.gateway(ordersv1.FromAPI, fmt.Sprint("api-", k))
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					g.load(1)
				}
			}
		})
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		i := h.start(func(w Wire) Wire { return &faulty{Wire: w, at: 1 + rng.IntN(25), after: rng.IntN(2) == 0} })
		select {
		case <-i.done:
		case <-time.After(time.Duration(rng.IntN(150)) * time.Millisecond):
		}
		_ = i.stop()
	}
	close(stop)
	load.Wait()
	i := h.start(nil)
	i.wait()
	if n := h.verify(); n == 0 {
		t.Error("there was no trade: the test tests nothing")
	}
	if i.state.Snapshot == 0 {
		t.Error("the last life did not begin with a snapshot")
	}
}

// TestTwoLeaders run without a lease: the fence lets one win each time, the
// other recovers anew. Nothing is lost or doubled.
func TestTwoLeaders(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.options.PartBytes = 2000
	stop := make(chan struct{})
	var wg sync.WaitGroup
	fenced := make(chan error, 1000)
	for range 2 {
		wg.Go(func() {
			for {
				i := h.start(nil)
				select {
				case <-stop:
					_ = i.stop()
					return
				case <-i.done:
					fenced <- i.err
				}
			}
		})
	}
	gateways := []*gateway{h.gateway(ordersv1.FromAPI, "api-1"), h.gateway(ordersv1.FromAPI, "api-2")}
	for round := 0; round < 3 || (len(fenced) < 3 && round < 50); round++ {
		var load sync.WaitGroup
		for _, g := range gateways {
			load.Go(func() { g.load(50) })
		}
		load.Wait()
	}
	if n := h.verify(); n == 0 {
		t.Error("there was no trade: the test tests nothing")
	}
	close(stop)
	wg.Wait()
	close(fenced)
	n := 0
	for err := range fenced {
		n++
		if !errors.Is(err, bus.ErrFenced) {
			t.Errorf("a leader stopped with %v", err)
		}
	}
	if n == 0 {
		t.Error("no leader was ever fenced: the test tests nothing")
	}
}

// TestRepeatedPacks: the same pack twice in the stream, as after a lost ack
// outside the server's duplicate window, is applied once.
func TestRepeatedPacks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start(nil).wait()
	g := h.gateway(ordersv1.FromAPI, "api-1")
	p := g.pack(limit(1, buy, 1, 90, "a"))
	g.publish(p, "first")
	g.publish(p, "second")
	r := g.ask(limit(1, buy, 1, 90, "b"))
	if r.Outcomes[0].OrderId != 2 {
		t.Fatalf("the repeated pack made an order: %v", r)
	}
	h.verify()
}

// TestUndecodable: bytes that are no pack take their place and harm nobody.
func TestUndecodable(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start(nil).wait()
	if _, err := h.bus.PublishOnce(h.ctx(), ordersv1.Subject(venue, "api"), "x", []byte("<html>502</html>"), nil); err != nil {
		t.Fatal(err)
	}
	g := h.gateway(ordersv1.FromAPI, "api-1")
	if r := g.ask(limit(1, buy, 1, 90, "a")); r.Outcomes[0].Reject != 0 {
		t.Fatalf("%v", r)
	}
	h.verify()
}

// TestLargeOutput: TRADES stands still while orders go on. All of them are
// answered meanwhile; what piled up becomes one output of more than 20 MB in
// parts, and a crash between the parts loses none.
func TestLargeOutput(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const packs = 125
	slow := &gated{faulty: faulty{at: 4, after: true}, open: make(chan struct{})}
	dies := h.start(func(w Wire) Wire { slow.Wire = w; return slow })
	g := h.gateway(ordersv1.FromAPI, "api-1")
	long := strings.Repeat("x", 57)
	for n := range packs {
		var cmds []*ordersv1.Command
		for k := range ordersv1.MaxCommands {
			if n < packs-1 {
				cmds = append(cmds, limit(1, sell, 1, int64(100+k%50), fmt.Sprintf("%s%07d", long, n*1000+k)))
			} else if k < packs {
				cmds = append(cmds, limit(2, buy, 1000, 150, fmt.Sprint("sweep", k)))
			}
		}
		p := g.pack(cmds...)
		p.SentAtMs += 60_000 // the test takes longer than a gateway may
		g.publish(p, fmt.Sprint("p", n))
	}
	for answered := 0; answered < packs; answered++ {
		select {
		case <-g.replies:
		case <-h.ctx().Done():
			t.Fatalf("%d packs answered while TRADES stands still", answered)
		}
	}
	close(slow.open)
	<-dies.done
	if !errors.Is(dies.err, errCrash) {
		t.Fatal(dies.err)
	}
	goesOn := h.start(nil)
	goesOn.wait()
	if n := h.verify(); n == 0 {
		t.Error("there was no trade: the test tests nothing")
	}
	largest, size, last := 0, 0, &tradesv1.Output{}
	follow := h.bus.Follow(h.ctx(), tradesv1.Stream, []string{tradesv1.Subject(venue)}, 1)
	defer follow.Close()
	for end := h.lastSeq(); last.LastInSeq < end || !last.Last; {
		msgs, err := follow.Next(h.ctx(), 32<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range msgs {
			if last, _, _ = peek(t, m.Data); last.Part == 1 {
				size = 0
			}
			size += len(m.Data)
			largest = max(largest, size)
		}
	}
	if largest < 20<<20 {
		t.Errorf("the largest output has only %d bytes", largest)
	}
}

// gated holds every publish back until it is opened.
type gated struct {
	faulty
	open chan struct{}
}

func (g *gated) Publish(ctx context.Context, expected uint64, sum, data []byte, ids []string) (uint64, error) {
	select {
	case <-g.open:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return g.faulty.Publish(ctx, expected, sum, data, ids)
}

// TestServerRestart: the bus goes away under load and comes back.
func TestServerRestart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start(nil).wait()
	g := h.gateway(ordersv1.FromAPI, "api-1")
	g.load(20)
	h.srv.Restart(t)
	g.load(20)
	if n := h.verify(); n == 0 {
		t.Error("there was no trade: the test tests nothing")
	}
}
