package gateway

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
	"fondaco.dev/pkg/zlog"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/proto/topology"
	"fondaco.dev/services/api/internal/command"
	"fondaco.dev/services/api/internal/market"
)

func start(t *testing.T) (*bustest.Server, *bus.Bus) {
	t.Helper()
	srv := bustest.Start(t)
	bustest.Provision(t, srv, topology.Streams(), topology.Buckets(), topology.Objects())
	return srv, srv.Bus(t)
}

func batch(id string) *Batch {
	c := command.Command{Op: command.Place, First: command.Order{ClientID: []byte(id)}}
	return &Batch{Account: 1, Count: 1, New: true, RequestID: id, Data: c.Append(nil, 1, id)}
}

// numberOf tells the answers apart.
func numberOf(id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return h.Sum64()
}

// echo answers each pack of a stream once with its commands' client ids.
func echo(ctx context.Context, t *testing.T, b *bus.Bus, seen *[]*ordersv1.Pack, mu *sync.Mutex) {
	f := b.Follow(ctx, ordersv1.Stream, []string{ordersv1.VenueSubjects("main")}, 1)
	defer f.Close()
	for {
		msgs, err := f.Next(ctx, 1<<20)
		if err != nil {
			return
		}
		for _, m := range msgs {
			p := &ordersv1.Pack{}
			if err := proto.Unmarshal(m.Data, p); err != nil {
				t.Error(err)
			}
			mu.Lock()
			*seen = append(*seen, p)
			mu.Unlock()
			r := &ordersv1.PackReply{PackNo: p.GetPackNo(), InSeq: m.Seq}
			for _, c := range p.GetCommands() {
				r.Outcomes = append(r.Outcomes, &ordersv1.Outcome{OrderId: numberOf(c.GetNewOrder().GetClientOrderId())})
			}
			data, _ := proto.Marshal(r)
			_ = b.Conn().PublishMsg(&nats.Msg{Subject: ordersv1.ReplySubject(p.GetGateway()), Data: data, Header: nats.Header{"Fondaco-Reply": {"orders"}}})
		}
	}
}

// TestPacksAcrossARestart: under load the server goes away and comes back;
// packs are dense, in order and stored once, and each caller gets its own
// answer or is told that it is not known.
func TestPacksAcrossARestart(t *testing.T) {
	t.Parallel()
	srv, b := start(t)
	g := New("main", func(uint64, uint64) {}, admin.New("", zlog.Nop()), zlog.Nop().Logger)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var mu sync.Mutex
	var seen []*ordersv1.Pack
	wg.Go(func() { _ = g.Run(ctx, b) })
	wg.Go(func() { echo(ctx, t, b, &seen, &mu) })
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if err := g.Do(ctx, batch("first")); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	const clients, each = 16, 60
	var callers sync.WaitGroup
	answered, unknown := 0, 0
	notSent := map[string]bool{}
	for i := range clients {
		callers.Go(func() {
			for n := range each {
				id := fmt.Sprintf("%d-%d", i, n)
				b := batch(id)
				err := g.Do(ctx, b)
				mu.Lock()
				switch {
				case err == nil && b.Outcomes[0].OrderID == numberOf(id) && b.InSeq > 0:
					answered++
				case errors.Is(err, ErrUnknown):
					unknown++
				case errors.Is(err, ErrNotSent):
					notSent[id] = true
				default:
					t.Errorf("%s: %v %v", id, b.Outcomes, err)
				}
				mu.Unlock()
				if i == 0 && n == each/2 {
					srv.Restart(t)
				}
			}
		})
	}
	callers.Wait()
	t.Logf("%d answered, %d unknown, %d not sent", answered, unknown, len(notSent))
	if answered < clients*each/2 {
		t.Errorf("only %d of %d were answered", answered, clients*each)
	}
	ids := map[string]int{}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		mu.Lock()
		clear(ids)
		for _, p := range seen {
			for _, c := range p.GetCommands() {
				ids[c.GetNewOrder().GetClientOrderId()]++
			}
		}
		mu.Unlock()
		if len(ids) > clients*each-len(notSent) {
			break
		}
	}
	cancel()
	wg.Wait()
	if len(ids) != clients*each+1-len(notSent) {
		t.Errorf("%d commands are in the stream", len(ids))
	}
	for id := range notSent {
		if ids[id] != 0 {
			t.Errorf("%s is there although its caller was told that it was not sent", id)
		}
	}
	for id, n := range ids {
		if n != 1 && id != "first" {
			t.Errorf("%s is there %d times", id, n)
		}
	}
	for i, p := range seen {
		if p.GetPackNo() != uint64(i+1) || p.GetGateway() != g.ID() || len(p.GetCommands()) > ordersv1.MaxCommands {
			t.Fatalf("pack %d has number %d and %d commands", i+1, p.GetPackNo(), len(p.GetCommands()))
		}
	}
	if len(seen) >= clients*each {
		t.Errorf("%d packs for %d commands: nothing was packed together", len(seen), clients*each)
	}
}

// TestTakenBack: a command that is in no pack when its caller gives up is
// certainly not sent.
func TestTakenBack(t *testing.T) {
	t.Parallel()
	srv, b := start(t)
	g := New("main", func(uint64, uint64) {}, admin.New("", zlog.Nop()), zlog.Nop().Logger)
	g.wait = 300 * time.Millisecond
	if err := g.Do(context.Background(), batch("early")); !errors.Is(err, ErrNotSent) {
		t.Errorf("before Run: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = g.Run(ctx, b) })
	for end := time.Now().Add(10 * time.Second); g.status.Err() != nil && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	srv.Stop()
	results := make(chan error, 2)
	go func() { err := g.Do(ctx, batch("sealed")); results <- err }()
	for {
		g.mu.Lock()
		sealed := g.packNo == 1
		g.mu.Unlock()
		if sealed {
			break
		}
		time.Sleep(time.Millisecond)
	}
	go func() { err := g.Do(ctx, batch("waiting")); results <- err }()
	got := map[string]bool{}
	for range 2 {
		err := <-results
		got[fmt.Sprint(errors.Is(err, ErrUnknown), errors.Is(err, ErrNotSent))] = true
	}
	if !got["true false"] || !got["false true"] {
		t.Errorf("%v", got)
	}
	srv.Restart(t)
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		m, err := b.Last(ctx, ordersv1.Stream, ordersv1.Subject("main", ordersv1.FromAPI))
		if err == nil && m != nil {
			p := &ordersv1.Pack{}
			if err := proto.Unmarshal(m.Data, p); err != nil || len(p.GetCommands()) != 1 || p.GetCommands()[0].GetRequestId() != "sealed" {
				t.Errorf("%v %v", p, err)
			}
			break
		}
		if time.Now().After(end) {
			t.Fatal("the sealed pack never arrived")
		}
	}
	cancel()
	wg.Wait()
}

// TestMarketOf: an order without an answer is found, in a pack or before one,
// and no longer when its account's reads are told of the pack.
func TestMarketOf(t *testing.T) {
	t.Parallel()
	_, b := start(t)
	told := make(chan uint64, 16)
	g := New("main", func(_, inSeq uint64) { told <- inSeq }, admin.New("", zlog.Nop()), zlog.Nop().Logger)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	g.setUp(true)
	first := batch("first")
	c := command.Command{Op: command.Place, First: command.Order{Market: &market.Market{ID: 3}, Ref: 7}}
	first.Data = c.Append(nil, 1, "")
	done := make(chan struct{})
	first.Done = func(*Batch) { close(done) }
	if err := g.Send(first); err != nil {
		t.Fatal(err)
	}
	name := command.Name{Ref: 7}
	if got, freed := g.MarketOf(1, name); got != 3 || freed {
		t.Errorf("waiting: market %d, %v", got, freed)
	}
	for who, n := range map[uint64]command.Name{2: name, 1: {Ref: 8}} {
		if got, freed := g.MarketOf(who, n); got != 0 || freed {
			t.Errorf("%d's %v: market %d, %v", who, n, got, freed)
		}
	}
	if got, _ := g.MarketOf(1, command.Name{ClientID: []byte("first")}); got != 0 {
		t.Errorf("another name: market %d", got)
	}
	wg.Go(func() { _ = g.Run(ctx, b) })
	<-told // by the ack: nobody answers yet
	if got, _ := g.MarketOf(1, name); got != 3 {
		t.Errorf("stored: market %d", got)
	}
	data, _ := proto.Marshal(&ordersv1.PackReply{PackNo: 1, InSeq: 1, Outcomes: []*ordersv1.Outcome{{OrderId: 1}}})
	if err := b.Conn().Publish(ordersv1.ReplySubject(g.ID()), data); err != nil {
		t.Fatal(err)
	}
	<-done
	if got, _ := g.MarketOf(1, name); got != 0 {
		t.Errorf("answered: market %d", got)
	}
	select {
	case <-told:
	default:
		t.Error("it was forgotten before the account's reads knew of it")
	}
}

// TestAnswerBringsSpans: a followed batch is told when its answer came and which
// spans the engine made; another of the same pack is not.
func TestAnswerBringsSpans(t *testing.T) {
	t.Parallel()
	g := New("main", func(_, _ uint64) {}, admin.New("", zlog.Nop()), zlog.Nop().Logger)
	followed, other := &Batch{Account: 1, Count: 1, Trace: "00-a-b-01", Done: func(*Batch) {}}, &Batch{Account: 1, Count: 1, Done: func(*Batch) {}}
	p := &pack{batches: []*Batch{followed, other}, count: 2}
	p.note()
	g.open[1] = p
	data, err := proto.Marshal(&ordersv1.PackReply{PackNo: 1, InSeq: 1, Outcomes: []*ordersv1.Outcome{{OrderId: 1}, {OrderId: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	g.reply(&nats.Msg{Data: data, Header: nats.Header{bus.HeaderTrace: {"00-a-c-01"}}})
	if followed.Spans != "00-a-c-01" || followed.Came.Before(before) || followed.InSeq != 1 || other.Spans != "" {
		t.Errorf("%+v\n%+v", followed, other)
	}
}

// TestMarketBehindACancel: a cancel of the name that went before the order is
// seen, in its pack or an older batch; one of another name or account is not.
func TestMarketBehindACancel(t *testing.T) {
	t.Parallel()
	g := New("main", func(_, _ uint64) {}, admin.New("", zlog.Nop()), zlog.Nop().Logger)
	g.setUp(true) // and nobody takes what waits
	send := func(account uint64, commands ...command.Command) {
		b := &Batch{Account: account, Count: len(commands), New: true, Done: func(*Batch) {}}
		for i := range commands {
			b.Data = commands[i].Append(b.Data, account, "")
		}
		if err := g.Send(b); err != nil {
			t.Fatal(err)
		}
	}
	place := func(market *market.Market, ref uint64) command.Command {
		return command.Command{Op: command.Place, First: command.Order{Market: market, Ref: ref}}
	}
	cancel := func(ref uint64) command.Command {
		return command.Command{Op: command.Cancel, Name: command.Name{Ref: ref}}
	}
	three := &market.Market{ID: 3}
	send(1, cancel(7))
	send(2, cancel(8))
	send(1, place(three, 7))
	send(1, place(three, 8))
	send(1, cancel(9), place(three, 9))
	send(1, cancel(10))
	send(1, command.Command{Op: command.Replace, Name: command.Name{Ref: 11}, First: command.Order{Market: three, Ref: 11}})
	for ref, want := range map[uint64]struct {
		market uint32
		freed  bool
	}{7: {3, true}, 8: {3, false}, 9: {3, true}, 10: {0, true}, 11: {3, true}, 12: {0, false}} {
		if got, freed := g.MarketOf(1, command.Name{Ref: ref}); got != want.market || freed != want.freed {
			t.Errorf("%d: market %d, freed %v, want %+v", ref, got, freed, want)
		}
	}
}

// TestNoAcks: once an answer came soon the packs are sent without asking for an
// ack; a pack whose answer is lost is sent again with one, and stored once.
func TestNoAcks(t *testing.T) {
	t.Parallel()
	srv, b := start(t)
	reader := srv.Bus(t)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	g := New("main", func(uint64, uint64) {}, admin.New("", zlog.Nop()), zlog.Nop().Logger)
	g.wait = time.Second
	wg.Go(func() { _ = g.Run(ctx, b) })
	var mute atomic.Bool
	numbers := make(chan uint64, 16)
	wg.Go(func() {
		f := reader.Follow(ctx, ordersv1.Stream, []string{ordersv1.VenueSubjects("main")}, 1)
		defer f.Close()
		for {
			msgs, err := f.Next(ctx, 1<<20)
			if err != nil {
				return
			}
			for _, m := range msgs {
				p := &ordersv1.Pack{}
				if err := proto.Unmarshal(m.Data, p); err != nil {
					t.Error(err)
				}
				numbers <- p.GetPackNo()
				if mute.Load() {
					continue
				}
				data, _ := proto.Marshal(&ordersv1.PackReply{PackNo: p.GetPackNo(), InSeq: m.Seq, Outcomes: []*ordersv1.Outcome{{OrderId: 1}}})
				_ = reader.Conn().Publish(ordersv1.ReplySubject(p.GetGateway()), data)
			}
		}
	})
	for g.status.Err() != nil {
		time.Sleep(time.Millisecond)
	}
	for want := uint64(1); want <= 4; want++ {
		if err := g.Do(ctx, batch("a")); err != nil {
			t.Fatal(err)
		}
		if no := <-numbers; no != want {
			t.Fatalf("pack %d is the %d. in the stream", no, want)
		}
	}
	g.soon.Store(true) // whatever the machine is busy with
	// The answers to these are lost: each is stored once all the same.
	mute.Store(true)
	for want := uint64(5); want <= 6; want++ {
		if err := g.Do(ctx, batch("b")); !errors.Is(err, ErrUnknown) {
			t.Errorf("pack %d: %v", want, err)
		}
		if no := <-numbers; no != want {
			t.Errorf("pack %d is the %d. in the stream", no, want)
		}
	}
	if g.soon.Load() {
		t.Error("it goes on without acks though nobody answers")
	}
	mute.Store(false)
	if err := g.Do(ctx, batch("c")); err != nil {
		t.Error(err)
	}
	cancel()
	wg.Wait()
}
