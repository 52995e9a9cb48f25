// Package book gives the operator's program what it can do about a venue's
// book: verify it, rebuild it from the writer's journal, and look at an auction
// before it is held.
package book

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/ask"
	"fondaco.dev/services/orderbook/internal/rebuild"
	"fondaco.dev/services/orderbook/internal/recovery"
	"fondaco.dev/services/orderbook/internal/snapshot"
)

// Verified is the outcome, or the progress, of a verification.
type Verified struct {
	FromInSeq uint64 `json:"from_in_seq"` // snapshot that it began with; 0 = the first pack
	InSeq     uint64 `json:"in_seq"`
	Events    uint64 `json:"events"`
	Packs     int    `json:"packs"`
	Outputs   int    `json:"outputs"`
	Tail      uint64 `json:"tail"` // TRADES message that was compared last
	End       uint64 `json:"end"`  // the last one
	Cut       bool   `json:"cut"`  // the last output waits for a leader to complete it
	Digest    string `json:"digest,omitempty"`
}

// Verify replays a venue and compares every message of TRADES with what comes
// out. An error says where the two part, or why it cannot be done. progress,
// which may be nil, is told now and then.
func Verify(ctx context.Context, b *bus.Bus, venue string, progress func(Verified)) (Verified, error) {
	src := &recovery.Source{Bus: recovery.OnBus(b), Store: snapshot.New(b.JetStream(), venue, ""), Venue: venue, Log: zap.NewNop()}
	said := time.Now()
	v, err := src.Verify(ctx, func(v recovery.Verdict) {
		if progress != nil && time.Since(said) >= time.Second {
			said = time.Now()
			progress(verified(v))
		}
	})
	out := verified(v)
	if err == nil {
		out.Digest = hex.EncodeToString(v.Digest[:])
	}
	return out, err
}

func verified(v recovery.Verdict) Verified {
	return Verified{FromInSeq: v.FromInSeq, InSeq: v.InSeq, Events: v.Events, Packs: v.Packs, Outputs: v.Outputs, Tail: v.Tail, End: v.End, Cut: v.Cut}
}

// Journal is a copy of a venue's TRADES messages.
type Journal interface {
	// Each gives every message in stream order.
	Each(ctx context.Context, venue string, fn func(seq uint64, data []byte) error) error
}

// Rebuilt is the outcome of a rebuild.
type Rebuilt struct {
	InSeq    uint64 `json:"in_seq"`
	Events   uint64 `json:"events"`
	Orders   int    `json:"open_orders"`
	Accounts int    `json:"accounts"`
	Digest   string `json:"digest"`           // equal to the one in TRADES, unless Closed
	Closed   int    `json:"closed,omitempty"` // messages that end an output whose packs are lost; see [rebuild.Fold.Close]
	Snapshot string `json:"snapshot,omitempty"`
	Tail     uint64 `json:"tail"`               // TRADES sequence of the last message that counts
	Refilled bool   `json:"refilled,omitempty"` // ORDERS or TRADES was lost and goes on behind what the journal holds
}

// Rebuild makes the state of a venue from its events alone, checks its digest
// against the last output's and, with a bus, stores it as a snapshot and lets
// lost streams go on behind it: an order book then starts from there. A journal
// that ends inside an output is ended first. b may be nil: then the journal is only
// examined. discard throws away what the streams
// hold of another life, which is ErrOtherLife otherwise.
func Rebuild(ctx context.Context, journal Journal, b *bus.Bus, venue string, discard bool) (Rebuilt, error) {
	fold, last := rebuild.New(), output{venue: venue}
	err := journal.Each(ctx, venue, func(seq uint64, data []byte) error {
		sum := sha256.Sum256(data)
		if err := fold.Message(seq, data, sum[:]); err != nil {
			return err
		}
		return last.take(seq, data)
	})
	if err != nil {
		return Rebuilt{}, fmt.Errorf("folding the journal: %w", err)
	}
	var closed []rebuild.Message
	if fold.Cut() {
		if closed, err = fold.Close(); err != nil {
			return Rebuilt{}, err
		}
	}
	for _, m := range closed {
		if err := last.take(m.Seq, m.Data); err != nil {
			return Rebuilt{}, err
		}
	}
	e, err := fold.Engine()
	if err != nil {
		return Rebuilt{}, err
	}
	d, size := e.Digest(), e.Size()
	tail, _ := fold.Tail()
	r := Rebuilt{InSeq: e.LastInSeq(), Events: e.Events(), Orders: size.LiveOrders, Accounts: size.Accounts, Digest: hex.EncodeToString(d[:]), Closed: len(closed), Tail: tail}
	if b == nil {
		return r, nil
	}
	l, err := last.look(ctx, b, len(closed), discard)
	if err != nil {
		return r, err
	}
	if r.Refilled, err = last.putBack(ctx, b, l); err != nil {
		return r, err
	}
	store := snapshot.New(b.JetStream(), venue, "")
	if !l.ready {
		if err := last.depose(ctx, b); err != nil {
			return r, err
		}
		// ORDERS will go on behind this state: nothing can be replayed from an older
		// one, and those of another life are wrong.
		if err := store.Clear(ctx); err != nil {
			return r, fmt.Errorf("removing snapshots that lead nowhere: %w", err)
		}
	}
	ref, err := store.Save(ctx, e.LastInSeq(), e.AppendSnapshot(nil))
	if err != nil {
		return r, fmt.Errorf("storing the rebuilt state: %w", err)
	}
	r.Snapshot = ref.Name
	if l.ready {
		return r, nil
	}
	r.Refilled = true
	return r, b.Begin(ctx, ordersv1.Stream, last.lastIn+1)
}

// Auction is what a market's auction would do now.
type Auction = ask.Answer

// SimulateAuction asks the venue's leader to compute the auction of a market
// without holding it.
func SimulateAuction(ctx context.Context, b *bus.Bus, venue, market string) (Auction, error) {
	data, err := json.Marshal(ask.Request{Auction: market})
	if err != nil {
		return Auction{}, err
	}
	m, err := b.Conn().RequestWithContext(ctx, ordersv1.CallSubject(venue), data)
	if errors.Is(err, nats.ErrNoResponders) || errors.Is(err, context.DeadlineExceeded) {
		return Auction{}, fmt.Errorf("nobody leads venue %s: see /readyz of its order book", venue)
	}
	if err != nil {
		return Auction{}, fmt.Errorf("asking venue %s: %w", venue, err)
	}
	var a Auction
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return Auction{}, fmt.Errorf("reading the answer of venue %s: %w", venue, err)
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}
