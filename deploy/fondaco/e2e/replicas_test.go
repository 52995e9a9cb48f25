package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/deploy/fondaco/internal/infra"
	ordersv1 "fondaco.dev/proto/orders/v1"
	fondaco "fondaco.dev/services/api/client/go"
	"fondaco.dev/services/api/client/go/live"
)

// Three replicas of the api behind a balancer, under load, on a database whose
// reads come from a streaming replica. Each is killed in turn, Redis is killed
// and comes back empty, the streaming replica is killed. Clients in Go and in
// TypeScript that resume get
// every fact once, and no other: by seq and content as the database has them,
// and the same that somebody who comes afterwards is told.
func TestReplicasUnderAttack(t *testing.T) {
	net, path := chains(t)
	in := startInfra(t, infra.Config{})
	s := newStack(t, in, path)
	for _, name := range []string{"event-handler", "writer", "orderbook"} {
		s.start(name, name)
	}
	s.allReady(60 * time.Second)
	replica, err := in.Replica(t.Context(), "replica")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = replica.Stop() })
	// One address asks for everything here.
	s.more = map[string]string{"FONDACO_PG_READ_URLS": replica.ReaderURL().Reveal(), "FONDACO_LIMIT_ADDRESS_READS": "0", "FONDACO_LIMIT_ADDRESS_SOCKETS": "0"}
	apis := []*program{s.start("api-1", "api"), s.start("api-2", "api"), s.start("api-3", "api")}
	s.allReady(60 * time.Second)
	through := balance(t, apis...)

	clients := newClients(t, in, s.file, []string{through.url}, 3)
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel()
	var all []*follower
	for i := range 2 {
		for name, r := range map[string]live.Request{
			"events": {Channel: "events", Network: "dev"}, "blocks": {Channel: "blocks", Network: "dev"},
			"transfers": {Channel: "events", Network: "dev", Filter: map[string]any{"event": "Transfer"}},
			"trades":    {Channel: "trades", Symbol: "WINE18-USD"}, "orders": {Channel: "orders"},
		} {
			f := &follower{name: fmt.Sprintf("%s-%d", name, i), request: r, url: through.url}
			if name == "orders" {
				f.token = clients[i].token
			}
			all = append(all, follow(ctx, &wait, f))
		}
	}
	ts := typeScript(t, ctx, &wait, through.url, clients[2].token)
	pages, paged, enough := &pager{base: through.url}, make(chan error, 1), make(chan int, 1)
	wait.Go(func() { paged <- pages.run(ctx, enough) })

	stopChains := drive(t, net)
	finish := storm(t, clients)
	const some = 5 // facts between two attacks: no matter how fast the machine is
	grown(t, 30*time.Second, some, all)
	for _, p := range apis {
		starts := p.Starts()
		p.Kill()
		eventually(t, 30*time.Second, p.Name+" to be started again", func() error {
			if p.Starts() == starts {
				return fmt.Errorf("%d starts", starts)
			}
			return p.ready()
		})
		grown(t, 30*time.Second, some, all)
	}
	if err := in.RestartRedis(t.Context(), redisAway(t)); err != nil {
		t.Fatal(err)
	}
	grown(t, 30*time.Second, some, all)
	if err := replica.Restart(t.Context(), func() { grown(t, 30*time.Second, some, all) }); err != nil {
		t.Fatal(err)
	}
	grown(t, 30*time.Second, some, all)
	finish()
	stopChains()
	caughtUp(t, in, net)

	db := connect(t, in.OwnerURL().Reveal())
	facts := factsOf(t, db)
	enough <- len(facts.final)
	losses := 0
	for _, f := range all {
		losses += s.ends(f, facts, clients)
	}
	if ts != nil {
		ts.ends(t, all)
	}
	if losses < 3 {
		t.Errorf("%d connections were lost: the attacks were none", losses)
	}
	select {
	case err := <-paged:
		if err != nil || !slices.Equal(pages.rows, facts.final) {
			t.Errorf("paging by cursor found %d rows, want %d: %v", len(pages.rows), len(facts.final), err)
		}
	case <-time.After(20 * time.Second):
		t.Errorf("paging by cursor does not end")
	}
	t.Logf("%d events of which %d final, %d blocks, %d trades; %d connections lost, %d pages asked again", len(facts.events), len(facts.final), len(facts.blocks), len(facts.trades), losses, pages.failed)
	placedAndSeen(t, clients[0].token, apis[0].http, apis[1].http)
}

// redisAway is for how long Redis is gone; FONDACO_REDIS_AWAY=10s looks longer.
func redisAway(t *testing.T) time.Duration {
	t.Helper()
	away, err := time.ParseDuration(cmp.Or(os.Getenv("FONDACO_REDIS_AWAY"), "500ms"))
	if err != nil {
		t.Fatal(err)
	}
	return away
}

// facts is what the database holds, in the feed's order.
type facts struct {
	events, blocks, trades []string // "seq: …"
	transfers              []string
	orders                 map[uint64]string // by id: account, status, filled lots, number of trades
	final                  []string          // final events, "height/hash/log"
}

// rows reads texts.
func rows(t *testing.T, db *pgx.Conn, query string, args ...any) []string {
	t.Helper()
	r, err := db.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(r, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func factsOf(t *testing.T, db *pgx.Conn) *facts {
	t.Helper()
	f := &facts{orders: map[uint64]string{}}
	ix := "ix_" + rows(t, db, "select build from ctl.deployments")[0] + "."
	// The form in which said writes a frame.
	const event = `select pos, format('%s: event %s %s %s %s %s', pos, block_number, encode(block_hash, 'hex'), log_index, event, coalesce(args, '{}')), event from `
	const block = `select pos, format('%s: event %s %s %s', pos, number, encode(hash, 'hex'), encode(parent_hash, 'hex')) from `
	reverts := `select pos, format('%s: reverted %s %s %s', pos, from_number, encode(from_hash, 'hex'), to_number)`
	dev := ` where network = 'dev' `
	union := event + ix + `events` + dev + `union all ` + event + ix + `orphaned_events` + dev + `union all ` + reverts + `, 'Transfer' from ` + ix + `reverts` + dev
	f.events = rows(t, db, `select text from (`+union+`) x(pos, text, event) order by pos`)
	f.transfers = rows(t, db, `select text from (`+union+`) x(pos, text, event) where event = 'Transfer' order by pos`)
	f.blocks = rows(t, db, `select text from (`+block+ix+`blocks`+dev+`union all `+block+ix+`orphaned_blocks`+dev+`union all `+reverts+` from `+ix+`reverts`+dev+`) x(pos, text) order by pos`)
	f.trades = rows(t, db, `select format('%s: %s %s %s', event_seq, trade_id, price_ticks, quantity_lots) from trade.trades where market = 1 order by event_seq`)
	f.final = rows(t, db, `select format('%s/0x%s/%s', block_number, encode(block_hash, 'hex'), log_index) from `+ix+`events`+dev+
		`and block_number <= (select finalized from ctl.cursors where partition like 'chain.v1.dev.%' and build = (select build from ctl.deployments)) order by block_number, log_index`)
	for _, line := range rows(t, db, `select format('%s %s %s %s %s', id, account, status, filled_lots,
		(select count(*) from trade.trades where maker_order_id = o.id or taker_order_id = o.id)) from trade.orders o`) {
		id, rest, _ := strings.Cut(line, " ")
		n, err := strconv.ParseUint(id, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		f.orders[n] = rest
	}
	return f
}

// said writes a frame as factsOf writes rows.
func said(t *testing.T, channel string, f told) string {
	t.Helper()
	var d struct {
		Number          uint64
		BlockNumber     uint64 `json:"block_number"`
		From            uint64 `json:"from_number"`
		To              uint64 `json:"to_number"`
		FromHash        string `json:"from_hash"`
		Hash            string
		ParentHash      string `json:"parent_hash"`
		BlockHash       string `json:"block_hash"`
		LogIndex        uint32 `json:"log_index"`
		Event           string
		Args            json.RawMessage
		TradeID         uint64 `json:"trade_id"`
		Price, Quantity string
	}
	if err := json.Unmarshal([]byte(f.data), &d); err != nil {
		t.Fatal(err)
	}
	hex := func(s string) string { return strings.TrimPrefix(s, "0x") }
	switch {
	case f.op == "reverted":
		return fmt.Sprintf("%d: reverted %d %s %d", f.seq, d.From, hex(d.FromHash), d.To)
	case channel == "events":
		args, err := stable(d.Args)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d: event %d %s %d %s %s", f.seq, d.BlockNumber, hex(d.BlockHash), d.LogIndex, d.Event, args)
	case channel == "blocks":
		return fmt.Sprintf("%d: event %d %s %s", f.seq, d.Number, hex(d.Hash), hex(d.ParentHash))
	default:
		price, err := strconv.ParseFloat(d.Price, 64)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d: %d %d %s", f.seq, d.TradeID, int64(math.Round(price*100)), d.Quantity)
	}
}

// ends checks one client against the database and against what somebody who
// comes now is told, and says how often its connection was lost.
func (s *stack) ends(f *follower, facts *facts, clients []*client) (lost int) {
	t := s.t
	t.Helper()
	want, name := map[string][]string{"events": facts.events, "transfers": facts.transfers, "blocks": facts.blocks, "trades": facts.trades}, strings.TrimRight(f.name, "-012")
	many := len(want[name])
	late := &follower{name: f.name + " anew", request: f.request, url: s.proc("api-3").http, token: f.token}
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	follow(ctx, &wait, late)
	defer wait.Wait()
	defer cancel()
	eventually(t, 20*time.Second, f.name+" to have everything", func() error {
		got, _, err := f.all()
		again, _, err2 := late.all()
		switch {
		case err != nil || err2 != nil:
			return fmt.Errorf("%w, the other %w", err, err2)
		case name == "orders":
			return lastOf(got, facts, clients[f.name[len(f.name)-1]-'0'].account)
		case len(got) < many || len(again) < many:
			return fmt.Errorf("it has %d, the other %d, of %d", len(got), len(again), many)
		}
		return nil
	})
	got, lost, _ := f.all()
	if name == "orders" {
		many = len(got)
		eventually(t, 20*time.Second, late.name+" to have everything", func() error {
			if again, _, err := late.all(); len(again) < many {
				return fmt.Errorf("%d of %d: %w", len(again), many, err)
			}
			return nil
		})
	}
	again, _, _ := late.all()
	if err := holds(got, again); err != nil {
		t.Errorf("%s, beside somebody who came afterwards: %v", f.name, err)
	}
	if name == "orders" {
		return lost
	}
	for i, fr := range got {
		if text := squeezed(said(t, f.request.Channel, fr)); i >= many || text != squeezed(want[name][i]) {
			t.Errorf("%s: fact %d of %d is %.300s, which the database does not have there", f.name, i, many, text)
			break
		}
	}
	return lost
}

// squeezed is a line without the spaces that jsonb prints and with its keys in
// the order of their names.
func squeezed(line string) string {
	head, args, ok := strings.Cut(line, "{")
	if !ok {
		return line
	}
	text, err := stable([]byte("{" + args))
	if err != nil {
		return line
	}
	return head + text
}

// lastOf compares the frames of an account's orders with its rows: how each
// order stands, and that each of its trades was told.
func lastOf(got []told, facts *facts, account uint64) error {
	last, trades := map[uint64]string{}, map[uint64]map[uint64]bool{}
	for _, f := range got {
		var o struct {
			ID     uint64
			Status string
			Filled json.Number
			Fills  []struct {
				TradeID uint64 `json:"trade_id"`
			}
		}
		if err := json.Unmarshal([]byte(f.data), &o); err != nil {
			return err
		}
		if trades[o.ID] == nil {
			trades[o.ID] = map[uint64]bool{}
		}
		for _, fill := range o.Fills {
			trades[o.ID][fill.TradeID] = true
		}
		status := ordersv1.OrderStatus_value["ORDER_STATUS_"+strings.ToUpper(o.Status)]
		last[o.ID] = fmt.Sprintf("%d %d %s %d", account, status, o.Filled, len(trades[o.ID]))
	}
	mine := strconv.FormatUint(account, 10) + " "
	n := 0
	for id, want := range facts.orders {
		if !strings.HasPrefix(want, mine) {
			continue
		}
		n++
		if last[id] != want {
			return fmt.Errorf("order %d (account, status, filled, trades) is %q, want %q", id, last[id], want)
		}
	}
	if n != len(last) || n == 0 {
		return fmt.Errorf("frames of %d orders, want %d", len(last), n)
	}
	return nil
}

// placedAndSeen places orders through one replica and looks at the owner's feed
// of another.
func placedAndSeen(t *testing.T, token, one, two string) {
	t.Helper()
	const orders = 200
	type frame struct {
		id string
		at time.Time
	}
	seen := make(chan frame, 4*orders)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel()
	wait.Go(func() {
		_, _ = live.Follow(ctx, live.Options{URL: two, Token: token}, live.Request{Channel: "orders", From: live.Position{Seq: 1}}, func(f live.Frame) error {
			at := time.Now()
			var o struct {
				ID string `json:"client_order_id"`
			}
			if json.Unmarshal(f.Data, &o) == nil && strings.HasPrefix(o.ID, "seen-") {
				seen <- frame{o.ID, at}
			}
			return nil
		})
	})
	api := &fondaco.Client{URL: one, Token: token}
	var took []time.Duration
	for i := range orders {
		id, began := fmt.Sprintf("seen-%d", i), time.Now()
		if _, err := api.PlaceOrder(ctx, fondaco.NewOrder{Symbol: "WINE18-USD", Side: "buy", Type: "limit", Price: "0.01", Quantity: "1", ClientOrderID: id}); err != nil {
			t.Fatal(err)
		}
		for f := (frame{}); f.id != id; {
			select {
			case f = <-seen:
			case <-ctx.Done():
				t.Fatalf("order %d has no frame on the other replica", i)
			}
			if f.id == id && i > 0 { // the first waited for the subscription
				took = append(took, f.at.Sub(began))
			}
		}
	}
	slices.Sort(took)
	t.Logf("an order placed through one replica is a frame on another: p50 %v, p99 %v, of %d (wanted: 50 ms)", took[len(took)/2], took[len(took)*99/100], len(took))
}
