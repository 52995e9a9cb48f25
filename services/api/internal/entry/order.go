package entry

import (
	"bytes"
	"strconv"
	"time"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/command"
	"fondaco.dev/services/api/internal/decimal"
	"fondaco.dev/services/api/internal/problem"
)

const (
	badTick = ordersv1.RejectReason_REJECT_REASON_BAD_TICK
	badLot  = ordersv1.RejectReason_REJECT_REASON_BAD_LOT
)

// amount reads a decimal into steps; what is no whole number of them is left
// to the engine to refuse.
func (r *Reader) amount(at field, scale uint32, step int64, why ordersv1.RejectReason, malformed *ordersv1.RejectReason) (int64, error) {
	tok, err := r.form.text(at)
	if err != nil || !r.form.have.has(at) {
		return 0, err
	}
	n, bad := decimal.StepsOf(tok, scale, step)
	switch bad {
	case nil:
		return n, nil
	case decimal.ErrStep:
		*malformed = why
		return 0, nil
	case decimal.ErrRange:
		*malformed = ordersv1.RejectReason_REJECT_REASON_OVERFLOW
		return 0, nil
	}
	return 0, problem.Parameter(names[at], `wants a decimal such as "12.50", without an exponent`)
}

// order reads the form as a new order.
func (r *Reader) order(o *command.Order) error {
	f := &r.form
	symbol, err := f.text(fSymbol)
	if err != nil {
		return err
	}
	if len(symbol) == 0 {
		return problem.Parameter("symbol", "is required, as listed at /v1/markets")
	}
	side, err := f.text(fSide)
	if err != nil {
		return err
	}
	var ok bool
	if o.Side, ok = sideOf(side); !ok {
		return problem.Parameter("side", "is required", "buy", "sell")
	}
	if err := r.kind(o); err != nil {
		return err
	}
	if o.ClientID, err = r.clientID(); err != nil {
		return err
	}
	if o.Ref, err = f.whole(fRef, "wants a whole number from 1 to 9223372036854775807"); err != nil {
		return err
	}
	if o.Ref != 0 && o.ClientID != nil {
		return problem.Parameter("client_ref", "an order has a client_order_id or a client_ref, not both")
	}
	if o.PostOnly, err = f.flag(fPostOnly); err != nil {
		return err
	}
	if err := r.selfTrade(o); err != nil {
		return err
	}
	if err := r.expiry(o); err != nil {
		return err
	}
	if o.Market = r.Dir.MarketOf(symbol); o.Market == nil {
		return r.unknownMarket()
	}
	if err := r.amounts(o); err != nil {
		return err
	}
	if o.Ref == 0 && o.ClientID == nil {
		o.ClientID = r.IDs.Next()
	}
	return nil
}

// amounts reads prices and quantities in the market's units.
func (r *Reader) amounts(o *command.Order) error {
	m := o.Market
	for _, a := range [...]struct {
		at    field
		to    *int64
		scale uint32
		step  int64
		why   ordersv1.RejectReason
	}{
		{fPrice, &o.Price, m.QuoteScale, m.Tick, badTick}, {fQuantity, &o.Quantity, m.BaseScale, m.Lot, badLot},
		{fBudget, &o.Budget, m.QuoteScale, 1, ordersv1.RejectReason_REJECT_REASON_BAD_QUANTITY},
		{fProtection, &o.Protection, m.QuoteScale, m.Tick, badTick}, {fTrigger, &o.Trigger, m.QuoteScale, m.Tick, badTick},
		{fTrail, &o.Trail, m.QuoteScale, m.Tick, badTick}, {fDisplay, &o.Display, m.BaseScale, m.Lot, badLot}, {fMin, &o.MinLots, m.BaseScale, m.Lot, badLot},
	} {
		if !r.form.have.has(a.at) {
			continue
		}
		var err error
		if *a.to, err = r.amount(a.at, a.scale, a.step, a.why, &o.Malformed); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) selfTrade(o *command.Order) error {
	tok, err := r.form.text(fSelfTrade)
	if err != nil || !r.form.have.has(fSelfTrade) {
		return err
	}
	switch string(tok) {
	case "none":
		o.SelfTrade = ordersv1.SelfTrade_SELF_TRADE_NONE
	case "cancel_taker":
		o.SelfTrade = ordersv1.SelfTrade_SELF_TRADE_CANCEL_TAKER
	case "cancel_maker":
		o.SelfTrade = ordersv1.SelfTrade_SELF_TRADE_CANCEL_MAKER
	case "cancel_both":
		o.SelfTrade = ordersv1.SelfTrade_SELF_TRADE_CANCEL_BOTH
	case "decrement":
		o.SelfTrade = ordersv1.SelfTrade_SELF_TRADE_DECREMENT
	default:
		return problem.Parameter("self_trade_prevention", "no such rule", "none", "cancel_taker", "cancel_maker", "cancel_both", "decrement")
	}
	return nil
}

// expiry is RFC 3339 or Unix milliseconds.
func (r *Reader) expiry(o *command.Order) error {
	tok, err := r.form.text(fExpires)
	if err != nil {
		return err
	}
	gtd := o.TimeInForce == ordersv1.TimeInForce_TIME_IN_FORCE_GTD
	if !r.form.have.has(fExpires) {
		if gtd {
			return problem.Parameter("expires_at", `is required for GTD, as "2026-01-31T12:00:00Z" or Unix milliseconds`)
		}
		return nil
	}
	if !gtd {
		return problem.Parameter("expires_at", "only GTD orders have one; set time_in_force to GTD")
	}
	if n, bad := strconv.ParseInt(string(tok), 10, 64); bad == nil && n > 0 {
		o.ExpiresMS = n
		return nil
	}
	at, bad := time.Parse(time.RFC3339Nano, string(tok))
	if bad != nil || at.UnixMilli() <= 0 {
		return problem.Parameter("expires_at", `wants a time such as "2026-01-31T12:00:00Z", or Unix milliseconds`)
	}
	o.ExpiresMS = at.UnixMilli()
	return nil
}

func sideOf(b []byte) (ordersv1.Side, bool) {
	switch string(b) {
	case "buy":
		return ordersv1.Side_SIDE_BUY, true
	case "sell":
		return ordersv1.Side_SIDE_SELL, true
	}
	if lower := bytes.ToLower(b); len(b) <= 4 && !bytes.Equal(lower, b) {
		return sideOf(lower)
	}
	return 0, false
}
