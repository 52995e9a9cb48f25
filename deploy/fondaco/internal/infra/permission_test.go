package infra_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/embedded/natsd"
	"fondaco.dev/pkg/env"
	chainv1 "fondaco.dev/proto/chain/v1"
	identityv1 "fondaco.dev/proto/identity/v1"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/proto/topology"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// guarded starts a provisioned server with the house's users and returns how
// to connect as one of them.
func guarded(t *testing.T) func(user string) *bus.Bus {
	t.Helper()
	var users []natsd.User
	for _, p := range topology.Permissions() {
		users = append(users, natsd.User{Name: p.User, Password: "pw-" + env.Secret(p.User), Publish: p.Publish, Subscribe: p.Subscribe})
	}
	srv, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Users: users}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Stop)
	connect := func(user string) *bus.Bus {
		b, err := bus.Connect(t.Context(), bus.Config{URL: srv.URL(), User: user, Password: "pw-" + env.Secret(user), Name: user}, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		return b
	}
	durable, ids, err := natsd.Durability(srv.MonitorURL())
	if err != nil || !durable {
		t.Fatalf("durability = %v, %v", durable, err)
	}
	js := connect(topology.UserProvisioner).JetStream()
	for range 2 { // a second time, as at a second start
		err := bus.Provision(t.Context(), js, topology.Streams(), topology.Buckets(), topology.Objects(), bus.Verdict{SyncAlways: durable, Servers: ids})
		if err != nil {
			t.Fatal(err)
		}
	}
	return connect
}

func TestEveryUserMayDoItsWork(t *testing.T) {
	t.Parallel()
	connect := guarded(t)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	follow := func(b *bus.Bus, stream, subject string) error {
		f := b.Follow(ctx, stream, []string{subject}, 0)
		defer f.Close()
		short, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		_, err := f.Next(short, 1<<20)
		return err
	}
	lease := func(b *bus.Bus, key string) error {
		l, err := b.Lease(ctx, key)
		if err == nil {
			l.Release()
		}
		return err
	}
	handler, writer, api, book, operator := connect(topology.UserEventHandler), connect(topology.UserWriter),
		connect(topology.UserAPI), connect(topology.UserOrderbook), connect(topology.UserOperator)
	for _, b := range []*bus.Bus{handler, writer, api, book, operator} {
		must("reading the verdict", b.CheckDurable(ctx))
	}

	subject := chainv1.Subject("dev", "00")
	_, err := handler.PublishFenced(ctx, chainv1.Stream, subject, 0, []byte("x"), nil)
	must("publishing to CHAIN", err)
	must("the handler's lease", lease(handler, "event-handler."+subject))
	status, err := handler.JetStream().KeyValue(ctx, topology.BucketStatus)
	must("opening the status bucket", err)
	_, err = status.Put(ctx, "chain.dev", []byte("{}"))
	must("writing the status", err)
	_, err = status.Put(ctx, topology.EndpointsKey("dev"), []byte("{}"))
	must("writing the endpoints", err)
	status, err = api.JetStream().KeyValue(ctx, topology.BucketStatus)
	must("opening the status bucket as api", err)
	_, err = status.Get(ctx, "chain.dev")
	must("reading the status", err)
	status, err = operator.JetStream().KeyValue(ctx, topology.BucketStatus)
	must("opening the status bucket as operator", err)
	keys, err := status.Keys(ctx)
	must("listing the status", err)
	if len(keys) != 2 {
		t.Errorf("keys of the status: %v", keys)
	}

	_, err = api.PublishOnce(ctx, ordersv1.Subject("main", ordersv1.FromAPI), "g:1", []byte("x"), nil)
	must("publishing an order", err)
	sub, err := api.Conn().SubscribeSync(ordersv1.ReplySubject("g"))
	must("subscribing to answers", err)
	must("flushing", api.Conn().Flush())
	must("following ORDERS", follow(book, ordersv1.Stream, ordersv1.VenueSubjects("main")))
	must("answering", book.Conn().Publish(ordersv1.ReplySubject("g"), []byte("y")))
	_, err = sub.NextMsg(10 * time.Second)
	must("receiving the answer", err)
	_, err = book.PublishFenced(ctx, tradesv1.Stream, tradesv1.Subject("main"), 0, []byte("x"), nil)
	must("publishing to TRADES", err)
	must("the book's lease", lease(book, "orderbook.main"))
	store, err := book.JetStream().ObjectStore(ctx, topology.ObjectSnapshots)
	must("opening the snapshots", err)
	// Large enough for flow control: its answers are a permission of their own.
	_, err = store.Put(ctx, jetstream.ObjectMeta{Name: "a"}, bytes.NewReader(make([]byte, 64<<20)))
	must("writing a snapshot", err)
	_, err = store.GetBytes(ctx, "a")
	must("reading a snapshot", err)
	must("deleting a snapshot", store.Delete(ctx, "a"))

	_, err = operator.PublishOnce(ctx, identityv1.Subject, "r1", []byte("x"), nil)
	must("publishing to IDENTITY", err)
	must("following TRADES as api", follow(api, tradesv1.Stream, tradesv1.Subject("main")))
	must("following CHAIN as writer", follow(writer, chainv1.Stream, subject))
	must("following TRADES as writer", follow(writer, tradesv1.Stream, tradesv1.Subject("main")))
	must("following IDENTITY as writer", follow(writer, identityv1.Stream, identityv1.Subject))
}

func TestNobodyMayDoMore(t *testing.T) {
	t.Parallel()
	connect := guarded(t)
	for _, c := range []struct{ user, stream, subject string }{
		{topology.UserWriter, chainv1.Stream, chainv1.Subject("dev", "00")},
		{topology.UserAPI, tradesv1.Stream, tradesv1.Subject("main")},
		{topology.UserAPI, ordersv1.Stream, ordersv1.Subject("main", ordersv1.FromFunds)},
		{topology.UserOrderbook, ordersv1.Stream, ordersv1.Subject("main", ordersv1.FromFunds)},
		{topology.UserEventHandler, ordersv1.Stream, ordersv1.Subject("main", ordersv1.FromAPI)},
	} {
		t.Run(c.user+" "+c.subject, func(t *testing.T) {
			t.Parallel()
			b := connect(c.user)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			// A denied publish looks like one that nobody answers.
			if _, err := b.PublishFenced(ctx, c.stream, c.subject, 0, []byte("x"), nil); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	}
	// Trimming is the provisioner's alone, down to one subject of a stream.
	for _, c := range []struct{ user, stream, subjects string }{
		{topology.UserOrderbook, tradesv1.Stream, tradesv1.Subject("main")},
		{topology.UserOrderbook, ordersv1.Stream, ordersv1.VenueSubjects("main")},
		{topology.UserWriter, tradesv1.Stream, tradesv1.Subject("main")},
		{topology.UserAPI, ordersv1.Stream, ordersv1.VenueSubjects("main")},
		{topology.UserOperator, ordersv1.Stream, ordersv1.VenueSubjects("main")},
	} {
		t.Run("purge of "+c.stream+" as "+c.user, func(t *testing.T) {
			t.Parallel()
			s, err := connect(c.user).JetStream().Stream(t.Context(), c.stream)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			if s.Purge(ctx, jetstream.WithPurgeSubject(c.subjects)) == nil {
				t.Error("it purged")
			}
		})
	}
}
