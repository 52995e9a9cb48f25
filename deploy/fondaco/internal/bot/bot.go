// Package bot trades on the demo's markets, through the same HTTP routes as
// everybody else, so that a fresh system has a book, trades and candles to show.
package bot

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/run"
	"fondaco.dev/proto/config"
)

// Config says where and what the bots trade.
type Config struct {
	Base string // of the api
	File *config.File
	Seed int
	// Tokens gives each bot its account's token; fresh asks for new ones,
	// because the last were refused.
	Tokens func(ctx context.Context, names []string, fresh bool) (map[string]string, error)
	Log    *zap.Logger
}

// Names of the bots' accounts: two that make the book and two that take from it.
func Names() []string {
	return []string{"demo-maker-1", "demo-maker-2", "demo-taker-1", "demo-taker-2"}
}

const (
	// pause between two acts of all bots together: about 5 orders a second.
	pause = 200 * time.Millisecond
	// mostOpen orders of one bot; above it the oldest goes.
	mostOpen = 24
	// startPrice in ticks, around which the price wanders.
	startPrice = 2_000
	// phaseRefused is the reason of an order that the market's phase does not take.
	phaseRefused = "phase"
)

// Run trades until ctx ends. Whatever goes wrong is tried again later: bots
// are no reason to stop a system.
func Run(ctx context.Context, cfg Config) error {
	backoff := run.Backoff{Min: 200 * time.Millisecond, Max: 5 * time.Second}
	for fresh := false; ; {
		err := trade(ctx, cfg, fresh, backoff.Reset)
		if ctx.Err() != nil {
			return nil
		}
		fresh = errors.Is(err, errUnauthorized)
		cfg.Log.Debug("the bots pause", zap.Error(err))
		if backoff.Wait(ctx) != nil {
			return nil
		}
	}
}

func trade(ctx context.Context, cfg Config, fresh bool, well func()) error {
	tokens, err := cfg.Tokens(ctx, Names(), fresh)
	if err != nil {
		return err
	}
	// The same seed gives the same acts in the same order; what they meet in
	// the book after a restart may differ.
	rng := rand.New(rand.NewPCG(uint64(cfg.Seed), 0x666f6e6461636f))
	traders := make([]*trader, 0, len(Names()))
	for _, name := range Names() {
		t := &trader{client: newClient(cfg.Base, tokens[name]), taker: strings.Contains(name, "taker")}
		if err := t.remember(ctx); err != nil {
			return fmt.Errorf("asking for the open orders of %s: %w", name, err)
		}
		traders = append(traders, t)
	}
	cfg.Log.Info("the demo's bots trade", zap.Int("accounts", len(traders)))
	m := newMarkets(cfg.File)
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		mk := m[n%len(m)]
		mk.wander(rng)
		// Makers act three times as often as takers, or there is no book.
		who := traders[[]int{0, 1, 0, 2, 1, 0, 1, 3}[n%8]]
		if err := who.act(ctx, mk, rng); err != nil {
			return err
		}
		well()
	}
}

// trader is one account.
type trader struct {
	client *client
	taker  bool
	open   []resting // oldest first
	turn   int       // after a refusal for want of one asset: the other side
}

// remember takes over what rests in the book from the run before.
func (t *trader) remember(ctx context.Context) error {
	orders, err := t.client.open(ctx)
	for i := len(orders) - 1; i >= 0; i-- {
		t.open = append(t.open, resting{id: orders[i].ID.String()})
	}
	return err
}

// resting is an order that may still fill; market is nil for one of the run
// before.
type resting struct {
	id     string
	side   string
	market *market
}

func (t *trader) act(ctx context.Context, m *market, rng *rand.Rand) error {
	if len(t.open) >= mostOpen {
		id := t.open[0].id
		t.open = t.open[1:]
		return t.client.cancel(ctx, id)
	}
	side, lots, distance, kind := []string{"buy", "sell"}[(rng.IntN(2)+t.turn)%2], int64(1+rng.IntN(9)), int64(1+rng.IntN(25)), rng.IntN(10)
	if n := len(t.open); !t.taker && kind == 9 && n > 0 && t.open[n-1].market != nil {
		last := t.open[n-1]
		return t.client.amend(ctx, last.id, amendment{last.market.price(last.market.mid - sign(last.side)*distance), last.market.quantity(lots + 9)})
	}
	o := newOrder{Symbol: m.Symbol, Side: side, Type: "limit", TimeInForce: "gtc", Quantity: m.quantity(lots)}
	switch {
	case t.taker && kind < 5:
		o.Type, o.TimeInForce = "market", "ioc"
	case t.taker && kind == 5:
		// A stop further out: it fires when the price wanders there.
		o.Type, o.TimeInForce = "stop", ""
		o.Trigger, o.Protection = m.price(m.mid+sign(side)*(distance+20)), m.price(m.mid+sign(side)*200)
	case t.taker:
		o.TimeInForce, o.Price = "ioc", m.price(m.mid+sign(side)*distance)
	case kind == 8:
		// An iceberg: the book shows a lot at a time.
		o.Price, o.Quantity, o.Display = m.price(m.mid-sign(side)*distance), m.quantity(lots+20), m.quantity(lots)
	default:
		o.Price = m.price(m.mid - sign(side)*distance)
	}
	got, err := t.client.place(ctx, o)
	if err == nil && got.Reason == phaseRefused && t.taker {
		// An auction takes orders that rest only.
		o.Type, o.TimeInForce, o.Trigger, o.Protection = "limit", "gtc", "", ""
		o.Price = m.price(m.mid + sign(side)*distance)
		got, err = t.client.place(ctx, o)
	}
	if err != nil {
		return err
	}
	switch {
	case got.Status == "open" || got.Status == "partially_filled" || got.Status == "waiting":
		t.open = append(t.open, resting{got.ID.String(), side, m})
	case got.Status == "rejected" && got.Reason == "insufficient_balance":
		t.turn++
	}
	return nil
}

// sign is that of a taker's distance from the middle.
func sign(name string) int64 {
	if name == "buy" {
		return 1
	}
	return -1
}
