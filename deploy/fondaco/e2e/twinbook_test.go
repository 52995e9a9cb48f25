package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fondaco.dev/deploy/fondaco/internal/infra"
	"fondaco.dev/pkg/trace/tracetest"
	ordersv1 "fondaco.dev/proto/orders/v1"
	venue "fondaco.dev/services/orderbook/client/book"
)

// books starts a venue with a leader and a standby, without chains.
func books(t *testing.T, more map[string]string) (s *stack, api *program) {
	t.Helper()
	_, path := chains(t)
	s = newStack(t, startInfra(t, infra.Config{}), path)
	s.more = more
	s.start("writer", "writer")
	s.start("orderbook-1", "orderbook")
	api = s.start("api", "api")
	s.allReady(60 * time.Second)
	s.start("orderbook-2", "orderbook")
	eventually(t, 30*time.Second, "the second instance to stand by", func() error { return s.procs["orderbook-2"].says("standing by") })
	return s, api
}

// says wants a text in a program's /readyz.
func (p *program) says(text string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	a, err := call(ctx, http.MethodGet, "http://"+p.admin+"/readyz", "", nil)
	if err != nil {
		return err
	}
	if !strings.Contains(string(a.body), text) {
		return fmt.Errorf("%s: %d %s", p.Name, a.code, strings.TrimSpace(string(a.body)))
	}
	return nil
}

// served wants one of the two instances to serve.
func (s *stack) served() error {
	first := s.procs["orderbook-1"].ready()
	if first == nil {
		return nil
	}
	if err := s.procs["orderbook-2"].ready(); err != nil {
		return fmt.Errorf("%w; %w", first, err)
	}
	return nil
}

// verifyBook replays the venue as `fondaco book verify` does.
func (s *stack) verifyBook() venue.Verified {
	s.t.Helper()
	var v venue.Verified
	eventually(s.t, 30*time.Second, "the book to be verified up to its end", func() (err error) {
		ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
		defer cancel()
		v, err = venue.Verify(ctx, operatorBus(s.t, s.infra), s.file.Venue, nil)
		if err == nil && v.Cut {
			err = fmt.Errorf("the last output is not whole: %+v", v)
		}
		return err
	})
	s.t.Logf("verified: %+v", v)
	return v
}

// journaled waits until the writer has stored all of TRADES, and compares it
// with what clients were told.
func (s *stack) journaled(clients []*client) {
	s.t.Helper()
	v := s.verifyBook()
	db := connect(s.t, s.infra.OwnerURL().Reveal())
	eventually(s.t, 60*time.Second, "the journal to be whole", func() error {
		var seq uint64
		if err := db.QueryRow(s.t.Context(), "select coalesce(max(seq), 0) from trade.journal where venue = $1", s.file.Venue).Scan(&seq); err != nil {
			return err
		}
		if seq < v.End {
			return fmt.Errorf("it ends at %d of %d", seq, v.End)
		}
		return nil
	})
	checkBook(s.t, db, checkJournal(s.t, db, s.file.Venue), clients)
}

// Leader and standby are killed and frozen at random under a load, and NATS is
// restarted. A frozen leader wakes up with a lease that it lost and an output
// half way. Every order that was answered is in TRADES once, and a fresh replay
// of ORDERS gives TRADES byte for byte.
func TestFrozenAndKilledLeadersLoseAndDoubleNothing(t *testing.T) {
	s, api := books(t, nil)
	clients := newClients(t, s.infra, s.file, []string{api.http}, 4)
	finish := storm(t, clients)
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 3))
	count := map[string]int{}
	for range max(12, kills(t)/4) {
		time.Sleep(time.Duration(rng.IntN(900)+200) * time.Millisecond)
		p := s.procs[[]string{"orderbook-1", "orderbook-2"}[rng.IntN(2)]]
		switch r := rng.IntN(10); {
		case r < 5:
			p.Kill()
			count["kill"]++
		case r < 9:
			p.Signal(syscall.SIGSTOP)
			time.Sleep(time.Duration(rng.IntN(4000)+200) * time.Millisecond)
			p.Signal(syscall.SIGCONT)
			count["freeze"]++
		default:
			if err := s.infra.RestartNATS(t.Context(), func(string) error { return nil }); err != nil {
				t.Fatal(err)
			}
			count["restart nats"]++
		}
	}
	finish()
	orders, retries := 0, 0
	for _, c := range clients {
		orders, retries = orders+len(c.answered), retries+c.retries
	}
	t.Logf("seed %d: %v; %d orders answered, %d requests repeated", seed, count, orders, retries)
	if orders < 100 {
		t.Errorf("only %d orders were answered: the load was no load", orders)
	}
	eventually(t, 30*time.Second, "the venue to be served", s.served)
	s.journaled(clients)
}

// The leader is frozen, and killed, while orders are sent: the standby answers
// soon, and nobody is told anything wrong.
func TestStandbyTakesOverInTime(t *testing.T) {
	spans := tracetest.Start(t)
	s, api := books(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": spans.URL, "FONDACO_TRACE_PERMILLE": "1000"})
	clients := newClients(t, s.infra, s.file, []string{api.http}, 1)
	c := clients[0]
	order := func(n int) time.Duration {
		began := time.Now()
		body := map[string]string{"symbol": "WINE18-USD", "side": "buy", "type": "limit", "price": "20.00", "quantity": "1", "client_order_id": fmt.Sprint("take-", n)}
		p, err := c.place(t.Context(), body)
		if err != nil {
			t.Fatal(err)
		}
		c.answered[body["client_order_id"]] = p
		return time.Since(began)
	}
	order(0)
	one, two := s.procs["orderbook-1"], s.procs["orderbook-2"]
	one.Signal(syscall.SIGSTOP)
	frozen := order(1)
	one.Signal(syscall.SIGCONT)
	// An answer does not wait for TRADES: the one that wakes up may be the first to
	// store what both have applied, and lead again.
	leader := two
	eventually(t, 30*time.Second, "one of the two to stand by", func() error {
		leader = two
		behind := one.says("standing by")
		if behind != nil && two.says("standing by") == nil {
			leader, behind = one, nil
		}
		return errors.Join(behind, leader.ready())
	})
	leader.Kill()
	killed := order(2)
	t.Logf("answered %v after the leader froze, %v after it was killed", frozen, killed)
	// 3 s, and the client's own pauses on a busy machine.
	for what, took := range map[string]time.Duration{"froze": frozen, "was killed": killed} {
		if took > 8*time.Second {
			t.Errorf("an order was answered %v after the leader %s", took, what)
		}
	}
	s.verifyBook()
	for cid, p := range c.answered {
		var o struct {
			ID     json.Number
			Status string
		}
		get(t, api.http+"/v1/orders/by-client-id/"+cid, c.token, &o)
		if o.ID.String() != p.ID || o.Status != "open" {
			t.Errorf("order %s was answered as %s and is %+v", cid, p.ID, o)
		}
	}
	// What a service still has to tell it tells when it stops.
	s.end("api")
	s.end("orderbook-1")
	traced(t, spans.Spans())
}

// traced looks for an order's way: the request to the api has a span, and what
// the order book did for it another one below it, which begins while the request
// waits for its answer.
func traced(t *testing.T, spans []tracetest.Span) {
	t.Helper()
	ways := 0
	for _, request := range spans {
		if request.Service != "fondaco-api" || request.Attributes["http.route"] != "/v1/orders" || request.Attributes["http.request.method"] != "POST" {
			continue
		}
		for _, pack := range spans {
			// An instance that wakes up too late goes through the pack once more.
			if pack.Service == "fondaco-orderbook" && pack.TraceID == request.TraceID && pack.ParentID == request.ID &&
				!pack.Begin.Before(request.Begin) && !pack.Begin.After(request.End) {
				ways++
			}
		}
	}
	if ways == 0 {
		t.Errorf("no request's trace goes on in the order book while it waits: %d spans", len(spans))
	}
}

// ORDERS is restored from a backup that is older than TRADES: the order book
// refuses to serve and says how to go on; the younger backup of both heals it.
func TestOrdersRestoredAloneIsRefused(t *testing.T) {
	s, api := books(t, nil)
	clients := newClients(t, s.infra, s.file, []string{api.http}, 2)
	finish := storm(t, clients)
	time.Sleep(2 * time.Second)
	old := filepath.Join(t.TempDir(), "old")
	if err := s.infra.RestartNATS(t.Context(), func(dir string) error { return copyTree(dir, old) }); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the venue to be served", s.served)
	time.Sleep(2 * time.Second)
	finish()
	// Only what TRADES covers can be missed afterwards.
	var before venue.Verified
	eventually(t, 30*time.Second, "TRADES to cover all of ORDERS", func() error {
		st, err := operatorBus(t, s.infra).Stream(t.Context(), ordersv1.Stream)
		if err != nil {
			return err
		}
		if before = s.verifyBook(); before.InSeq < st.LastSeq {
			return fmt.Errorf("TRADES covers %d of %d", before.InSeq, st.LastSeq)
		}
		return nil
	})
	young := filepath.Join(t.TempDir(), "young")
	err := s.infra.RestartNATS(t.Context(), func(dir string) error {
		if err := copyTree(dir, young); err != nil {
			return err
		}
		return replaceStream(dir, old, "ORDERS")
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"orderbook-1", "orderbook-2"} {
		eventually(t, 60*time.Second, name+" to refuse", func() error {
			return s.procs[name].says("restore ORDERS, TRADES and the object store")
		})
	}
	if err := s.served(); err == nil {
		t.Fatal("the venue is served, although ORDERS has lost packs")
	}
	if err := s.infra.RestartNATS(t.Context(), func(dir string) error { return copyTree(young, dir) }); err != nil {
		t.Fatal(err)
	}
	eventually(t, 60*time.Second, "the venue to be served again", s.served)
	if after := s.verifyBook(); after.InSeq < before.InSeq || after.End < before.End {
		t.Errorf("it went back from %+v to %+v", before, after)
	}
	s.journaled(clients)
}

// replaceStream puts a backup's folder of one stream into the server's.
func replaceStream(dir, backup, stream string) error {
	var found []string
	for depth := range 5 {
		m, err := filepath.Glob(filepath.Join(append(append([]string{backup}, strings.Split(strings.Repeat("*/", depth), "/")[:depth]...), "streams", stream)...))
		if err != nil {
			return err
		}
		found = append(found, m...)
	}
	if len(found) != 1 {
		return fmt.Errorf("the backup has %d folders of stream %s", len(found), stream)
	}
	rel, err := filepath.Rel(backup, found[0])
	if err != nil {
		return err
	}
	return copyTree(found[0], filepath.Join(dir, rel))
}
