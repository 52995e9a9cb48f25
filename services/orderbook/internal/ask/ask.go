// Package ask answers questions to a running venue: requests on
// call.v1.orderbook.<venue>, in JSON, carried out by the leader between two
// packs. A standby stays silent, so that who asks gets the leader's word.
package ask

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/engine"
)

// Bounds: questions cost the venue time.
const (
	maxWaiting = 8
	maxWait    = 2 * time.Second
)

// Request is a question.
type Request struct {
	// Auction is the symbol of a market whose auction is to be computed.
	Auction string `json:"auction,omitempty"`
	// Directory asks for the assets and markets.
	Directory bool `json:"directory,omitempty"`
}

// Answer is the reply to a request.
type Answer struct {
	Error     string     `json:"error,omitempty"`
	Auction   *Auction   `json:"auction,omitempty"`
	Directory *Directory `json:"directory,omitempty"`
	// InSeq is the last pack that the answer knows, NowMs the stream's time.
	InSeq uint64 `json:"in_seq"`
	NowMs int64  `json:"now_ms"`
}

// Auction is what would happen if the market's auction were held now. Prices
// are in ticks, quantities in lots.
type Auction struct {
	Market      string `json:"market"`
	Phase       string `json:"phase"`
	Price       *int64 `json:"price_ticks"` // null: nothing crosses
	Volume      int64  `json:"volume_lots"`
	Surplus     int64  `json:"surplus_lots"`
	Reference   *int64 `json:"reference_ticks"` // null: none
	InputDigest string `json:"input_digest"`
	EndsAtMs    int64  `json:"ends_at_ms,omitempty"`
	Tick        int64  `json:"tick"`
	Lot         int64  `json:"lot"`
	ComputedUs  int64  `json:"computed_us"`
}

// Desk takes questions and hands them to whoever holds the engine.
type Desk struct {
	Asks chan func(*engine.Engine)

	deaf func() // ends the listening
	log  *zap.Logger
	stop context.CancelFunc
	ctx  context.Context
	slot chan struct{}
	wg   sync.WaitGroup
}

// Listen takes questions about the venue until Close.
func Listen(ctx context.Context, b *bus.Bus, venue string, log *zap.Logger) (*Desk, error) {
	d := &Desk{Asks: make(chan func(*engine.Engine)), log: log, slot: make(chan struct{}, maxWaiting)}
	d.ctx, d.stop = context.WithCancel(context.Background())
	var err error
	if d.deaf, err = b.Listen(ctx, ordersv1.CallSubject(venue), d.take); err != nil {
		d.stop()
		return nil, err
	}
	return d, nil
}

// Close ends the listening.
func (d *Desk) Close() {
	d.deaf()
	d.stop()
	d.wg.Wait()
}

// take passes a question on, if anybody leads; who asks too much is not heard.
func (d *Desk) take(m *nats.Msg) {
	select {
	case d.slot <- struct{}{}:
	default:
		return
	}
	d.wg.Go(func() {
		defer func() { <-d.slot }()
		ctx, cancel := context.WithTimeout(d.ctx, maxWait)
		defer cancel()
		answered := make(chan Answer, 1)
		question := func(e *engine.Engine) { answered <- Look(e, m.Data) }
		select {
		case d.Asks <- question:
		case <-ctx.Done():
			return
		}
		data, err := json.Marshal(<-answered)
		if err == nil {
			err = m.Respond(data)
		}
		if err != nil {
			d.log.Debug("a question was not answered", zap.Error(err))
		}
	})
}

// Look answers a question about a state.
func Look(e *engine.Engine, data []byte) Answer {
	a := Answer{InSeq: e.LastInSeq(), NowMs: e.NowMs()}
	var r Request
	err := json.Unmarshal(data, &r)
	if err == nil && r.Directory {
		a.Directory = directory(e)
		return a
	}
	if err != nil || r.Auction == "" {
		a.Error = "the request names no market"
		return a
	}
	number, found := e.MarketNumber(r.Auction)
	if !found {
		a.Error = fmt.Sprintf("the venue has no market %q", r.Auction)
		return a
	}
	started := time.Now()
	p, _ := e.PreviewAuction(number)
	took := time.Since(started)
	m, _ := e.Market(number)
	a.Auction = &Auction{
		Market: r.Auction, Phase: ordersv1.Phase(p.Phase).String(), Volume: p.Volume, Surplus: p.Surplus,
		InputDigest: hex.EncodeToString(p.Input[:]), EndsAtMs: p.EndsAtMs, Tick: m.Tick, Lot: m.Lot, ComputedUs: took.Microseconds(),
	}
	if p.Price != 0 {
		a.Auction.Price = &p.Price
	}
	if p.Reference != 0 {
		a.Auction.Reference = &p.Reference
	}
	return a
}
