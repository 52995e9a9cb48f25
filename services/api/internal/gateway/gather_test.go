package gateway

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/zlog"
	ordersv1 "fondaco.dev/proto/orders/v1"
)

// TestGathered: while answers ask for it packs go to the leader and not to
// ORDERS; one that is not answered goes to ORDERS, with those behind it.
func TestGathered(t *testing.T) {
	t.Parallel()
	srv, b := start(t)
	leader := srv.Bus(t)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	g := New("main", func(uint64, uint64) {}, admin.New("", zlog.Nop()), zlog.Nop().Logger)
	g.wait = 2 * time.Second
	var mute atomic.Bool
	type seen struct {
		no     uint64
		stored bool // in ORDERS
	}
	packs := make(chan seen, 16)
	answer := func(data []byte, seq uint64, request string) {
		p := &ordersv1.Pack{}
		if err := proto.Unmarshal(data, p); err != nil || len(p.GetCommands()) != 1 {
			t.Errorf("%v %v", p, err)
		}
		packs <- seen{p.GetPackNo(), seq > 0}
		if request != "a" {
			t.Errorf("pack %d has the request ids %q", p.GetPackNo(), request)
		}
		reply, _ := proto.Marshal(&ordersv1.PackReply{PackNo: p.GetPackNo(), InSeq: max(seq, 1), Outcomes: []*ordersv1.Outcome{{OrderId: 1}}})
		_ = leader.Conn().PublishMsg(&nats.Msg{Subject: ordersv1.ReplySubject(p.GetGateway()), Data: reply, Header: nats.Header{ordersv1.HeaderGather: {"1"}}})
	}
	sub, err := leader.Conn().Subscribe(ordersv1.GatherSubject("main"), func(m *nats.Msg) {
		if !mute.Load() {
			answer(m.Data, 0, m.Header.Get("Fondaco-Request-Id"))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := leader.Conn().Flush(); err != nil {
		t.Fatal(err)
	}
	wg.Go(func() {
		f := leader.Follow(ctx, ordersv1.Stream, []string{ordersv1.VenueSubjects("main")}, 1)
		defer f.Close()
		for {
			msgs, err := f.Next(ctx, 1<<20)
			if err != nil {
				return
			}
			for _, m := range msgs {
				answer(m.Data, m.Seq, m.Header.Get("Fondaco-Request-Id"))
			}
		}
	})
	wg.Go(func() { _ = g.Run(ctx, b) })
	for err = ErrNotSent; errors.Is(err, ErrNotSent); {
		err = g.Do(ctx, batch("a"))
	}
	do := func(no uint64, stored bool) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if got := <-packs; got != (seen{no, stored}) {
			t.Fatalf("%+v, wanted pack %d, stored %v", got, no, stored)
		}
		g.soon.Store(true) // whatever the machine is busy with
		err = g.Do(ctx, batch("a"))
	}
	do(1, true)
	do(2, false)
	mute.Store(true)
	do(3, false)
	do(4, true) // nobody gathered it
	mute.Store(false)
	do(5, true) // for a while nobody is asked to
	g.apart = time.Time{}
	do(6, true)
	do(7, false)
}
