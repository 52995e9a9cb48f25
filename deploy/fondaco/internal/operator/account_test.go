package operator

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
	"fondaco.dev/proto/config"
	identityv1 "fondaco.dev/proto/identity/v1"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/proto/topology"
)

// answers plays the writer and the order book; lost is how many answers never
// arrive, the last of them one to a pack.
type answers struct {
	bus  *bus.Bus
	lost int

	mu       sync.Mutex
	requests map[string]int
	deposits map[string]int64
	hashes   [][]byte
}

func (a *answers) follow(t *testing.T, ctx context.Context, stream, subject string, handle func([]byte)) {
	t.Helper()
	f := a.bus.Follow(ctx, stream, []string{subject}, 0)
	t.Cleanup(f.Close)
	go func() {
		for {
			msgs, err := f.Next(ctx, 1<<20)
			if err != nil {
				return
			}
			for _, m := range msgs {
				handle(m.Data)
			}
		}
	}()
}

func (a *answers) reply(gateway, kind string, lost bool, m proto.Message) {
	if lost {
		a.lost--
		return
	}
	data, err := proto.Marshal(m)
	if err == nil {
		_ = a.bus.Conn().PublishMsg(&nats.Msg{Subject: ordersv1.ReplySubject(gateway), Data: data, Header: nats.Header{headerReply: []string{kind}}})
	}
}

func (a *answers) identity(data []byte) {
	var req identityv1.Request
	if proto.Unmarshal(data, &req) != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests[req.RequestId]++
	a.hashes = append(a.hashes, req.GetCreateAccount().GetTokenHash())
	reply := &identityv1.Reply{RequestId: req.RequestId, Account: 42}
	if req.GetCreateAccount().GetRole() == identityv1.Role_ROLE_ADMIN {
		reply = &identityv1.Reply{RequestId: req.RequestId, Error: "role_mismatch", Detail: "the account is a trader"}
	}
	a.reply(req.Gateway, "identity", a.lost > 1, reply)
}

func (a *answers) orders(data []byte) {
	var pack ordersv1.Pack
	if proto.Unmarshal(data, &pack) != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	reply := &ordersv1.PackReply{PackNo: pack.PackNo}
	for _, c := range pack.Commands {
		d := c.GetDeposit()
		out := &ordersv1.Outcome{}
		if had, ok := a.deposits[d.DepositId]; ok && had != d.Amount {
			out.Reject = ordersv1.RejectReason_REJECT_REASON_CONFLICT
		} else {
			a.deposits[d.DepositId] = d.Amount
		}
		reply.Outcomes = append(reply.Outcomes, out)
	}
	a.reply(pack.Gateway, "orders", a.lost > 0, reply)
}

func newAnswers(t *testing.T, lost int) (*answers, *bus.Bus) {
	t.Helper()
	srv := bustest.Start(t)
	bustest.Provision(t, srv, topology.Streams(), topology.Buckets(), topology.Objects())
	a := &answers{bus: srv.Bus(t), lost: lost, requests: map[string]int{}, deposits: map[string]int64{}}
	a.follow(t, t.Context(), identityv1.Stream, identityv1.Subject, a.identity)
	a.follow(t, t.Context(), ordersv1.Stream, ordersv1.Subject("main", ordersv1.FromFunds), a.orders)
	return a, srv.Bus(t)
}

func TestCreateAccount(t *testing.T) {
	t.Parallel()
	a, b := newAnswers(t, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	want := Account{Name: "alice", Role: identityv1.Role_ROLE_TRADER, Venue: "main", Deposits: []Deposit{{"USD", 1000}, {"WINE", 5}}}
	first, err := CreateAccount(ctx, b, want)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(first.Token)
	if err != nil || len(raw) != 32 || first.Account != 42 {
		t.Errorf("created %+v: %d bytes of token, %v", first, len(raw), err)
	}
	a.mu.Lock()
	sum := sha256.Sum256([]byte(first.Token))
	if string(a.hashes[0]) != string(sum[:]) {
		t.Error("the hash that travelled is not the token's")
	}
	if len(a.requests) != 1 || len(a.deposits) != 2 || a.deposits["account-create:alice:USD"] != 1000 {
		t.Errorf("requests %v deposits %v", a.requests, a.deposits)
	}
	a.mu.Unlock()

	again, err := CreateAccount(ctx, b, want)
	if err != nil || again.Account != first.Account || again.Token == first.Token {
		t.Errorf("a second call gave %+v, %v", again, err)
	}
	want.Deposits[0].Amount = 7
	if _, err := CreateAccount(ctx, b, want); err == nil || !strings.Contains(err.Error(), "once") {
		t.Errorf("another amount: %v", err)
	}
	want.Role = identityv1.Role_ROLE_ADMIN
	if _, err := CreateAccount(ctx, b, want); err == nil || !strings.Contains(err.Error(), "the account is a trader") {
		t.Errorf("another role: %v", err)
	}
}

func TestCreateAccountWithoutWriterSaysWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	_, b := newAnswers(t, 1000)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := CreateAccount(ctx, b, Account{Name: "bob", Role: identityv1.Role_ROLE_READER})
	if err == nil || !strings.Contains(err.Error(), "writer") {
		t.Errorf("got %v", err)
	}
}

func TestParseDeposits(t *testing.T) {
	t.Parallel()
	file := &config.File{Assets: []config.Asset{{Name: "USD", Scale: 2}, {Name: "WINE", Scale: 0}}}
	got, err := ParseDeposits([]string{"USD=1000.5", "WINE=3"}, file)
	if err != nil || len(got) != 2 || got[0].Amount != 100050 || got[1].Amount != 3 {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"USD", "USD=0.001", "USD=-1", "USD=0", "USD=1e3", "EUR=1", "USD=99999999999999999999"} {
		if _, err := ParseDeposits([]string{bad}, file); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	if _, err := ParseDeposits([]string{"USD=1", "USD=2"}, file); err == nil {
		t.Error("twice the same asset was taken")
	}
}

func TestRevokeToken(t *testing.T) {
	t.Parallel()
	_, b := newAnswers(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := RevokeToken(ctx, b, "the-token"); err != nil {
		t.Fatal(err)
	}
	m, err := b.Last(ctx, identityv1.Stream, identityv1.Subject)
	if err != nil || m == nil {
		t.Fatalf("last request = %v, %v", m, err)
	}
	var req identityv1.Request
	if err := proto.Unmarshal(m.Data, &req); err != nil {
		t.Fatal(err)
	}
	if want := sha256.Sum256([]byte("the-token")); string(req.GetRevokeToken().GetTokenHash()) != string(want[:]) || strings.Contains(string(m.Data), "the-token") {
		t.Errorf("request = %v: it must hold the token's hash and nothing else of it", &req)
	}
}
