package ident_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/services/writer/internal/ident"
	"fondaco.dev/services/writer/internal/writertest"

	feedv1 "fondaco.dev/proto/feed/v1"
	identityv1 "fondaco.dev/proto/identity/v1"
	ordersv1 "fondaco.dev/proto/orders/v1"
)

type gateway struct {
	t   *testing.T
	w   *writertest.World
	sub *nats.Subscription
}

func newGateway(t *testing.T, w *writertest.World) *gateway {
	t.Helper()
	sub, err := w.Bus.Conn().SubscribeSync(ordersv1.ReplySubject("gw1"))
	if err != nil {
		t.Fatal(err)
	}
	return &gateway{t: t, w: w, sub: sub}
}

func (g *gateway) ask(req *identityv1.Request) *identityv1.Reply {
	g.t.Helper()
	req.Gateway = "gw1"
	data, err := proto.Marshal(req)
	if err != nil {
		g.t.Fatal(err)
	}
	if _, err := g.w.Bus.JetStream().Publish(context.Background(), identityv1.Subject, data); err != nil {
		g.t.Fatal(err)
	}
	m, err := g.sub.NextMsg(20 * time.Second)
	if err != nil {
		g.t.Fatal(err)
	}
	if m.Header.Get(ident.HeaderReply) != "identity" {
		g.t.Errorf("header %v", m.Header)
	}
	var r identityv1.Reply
	if err := proto.Unmarshal(m.Data, &r); err != nil {
		g.t.Fatal(err)
	}
	return &r
}

func create(id, name string, role identityv1.Role, token byte) *identityv1.Request {
	return &identityv1.Request{RequestId: id, Op: &identityv1.Request_CreateAccount{CreateAccount: &identityv1.CreateAccount{
		Name: name, Role: role, TokenHash: bytes.Repeat([]byte{token}, 32)}}}
}

func TestAccountsAndTokens(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	m := w.Metrics()
	w.Start("", feedv1.IdentityPartition, identityv1.Stream, identityv1.Subject, ident.New(w.Bus, m, w.Log), m, nil)
	g := newGateway(t, w)
	trader, reader := identityv1.Role_ROLE_TRADER, identityv1.Role_ROLE_READER
	revoke := func(id string, token byte) *identityv1.Request {
		return &identityv1.Request{RequestId: id, Op: &identityv1.Request_RevokeToken{RevokeToken: &identityv1.RevokeToken{TokenHash: bytes.Repeat([]byte{token}, 32)}}}
	}
	for _, tt := range []struct {
		req     *identityv1.Request
		account uint64
		existed bool
		err     string
	}{
		{create("r1", "anna", trader, 1), 1, false, ""},
		{create("r2", "bert", trader, 2), 2, false, ""},
		{create("r1", "other", reader, 9), 1, false, ""}, // a retry gets the first answer
		{create("r3", "anna", trader, 3), 1, true, ""},   // one more token
		{create("r4", "anna", reader, 4), 0, false, "role_mismatch"},
		{create("r5", "Anna!", trader, 5), 0, false, "bad_name"},
		{create("r6", "carl", 0, 6), 0, false, "bad_role"},
		{create("r7", "carl", trader, 1), 0, false, "token_taken"},
		{&identityv1.Request{RequestId: "r8"}, 0, false, "bad_request"},
		{create("r9", "carl", trader, 7), 3, false, ""}, // refusals leave no hole
		{revoke("r10", 3), 1, true, ""},
		{revoke("r11", 99), 0, false, "unknown_token"},
	} {
		got := g.ask(tt.req)
		if got.GetAccount() != tt.account || got.GetExisted() != tt.existed || got.GetError() != tt.err || got.GetRequestId() != tt.req.GetRequestId() || (tt.err != "" && got.GetDetail() == "") {
			t.Errorf("%s: %v", tt.req.GetRequestId(), got)
		}
	}
	if got := writertest.Value[string](w, `select string_agg(account || ':' || (revoked_at is not null), ' ' order by hash) from ident.tokens`); got != "1:false 2:false 1:true 3:false" {
		t.Errorf("tokens %s", got)
	}
	// What cannot be read is set aside, and the next request is answered.
	if _, err := w.Bus.JetStream().Publish(context.Background(), identityv1.Subject, []byte{0xff}); err != nil {
		t.Fatal(err)
	}
	if got := g.ask(create("r12", "dora", trader, 8)); got.GetAccount() != 4 {
		t.Errorf("got %v", got)
	}
	if got := writertest.Value[int64](w, `select count(*) from ctl.dead_letters where partition = 'identity'`); got != 1 {
		t.Errorf("%d dead letters", got)
	}
}

// A writer that dies after the commit has not answered; the retry gets the
// answer that was stored.
func TestARetryAfterALostAnswer(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	g := newGateway(t, w)
	m := w.Metrics()
	first := w.Start("", feedv1.IdentityPartition, identityv1.Stream, identityv1.Subject, ident.New(w.Bus, m, w.Log), m, func(step string) error {
		if step == "committed" {
			return writertest.ErrKilled
		}
		return nil
	})
	data, _ := proto.Marshal(func() *identityv1.Request {
		r := create("q1", "anna", identityv1.Role_ROLE_ADMIN, 1)
		r.Gateway = "gw1"
		return r
	}())
	if _, err := w.Bus.JetStream().Publish(context.Background(), identityv1.Subject, data); err != nil {
		t.Fatal(err)
	}
	w.Wait("", feedv1.IdentityPartition, 1)
	first.Stop()
	m = w.Metrics()
	w.Start("", feedv1.IdentityPartition, identityv1.Stream, identityv1.Subject, ident.New(w.Bus, m, w.Log), m, nil)
	if got := g.ask(create("q1", "anna", identityv1.Role_ROLE_ADMIN, 1)); got.GetAccount() != 1 || got.GetExisted() {
		t.Errorf("got %v", got)
	}
}
