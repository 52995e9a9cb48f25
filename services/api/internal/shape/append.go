package shape

import (
	"strconv"
	"time"

	"fondaco.dev/services/api/internal/decimal"
	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/reject"
)

// AppendString writes a JSON string of printable ASCII; anything else goes the
// long way.
func AppendString[T []byte | string](b []byte, s T) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return append(b, Encode(string(s))...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// AppendFills writes an array of fills.
func AppendFills(b []byte, fills []market.Fill, m *market.Market) []byte {
	b = append(b, '[')
	for i, f := range fills {
		if i > 0 {
			b = append(b, ',')
		}
		b = decimal.AppendSteps(append(b, `{"price":"`...), f.PriceTicks, m.Tick, m.QuoteScale)
		b = decimal.AppendSteps(append(b, `","quantity":"`...), f.QuantityLots, m.Lot, m.BaseScale)
		b = decimal.AppendSteps(append(b, `","fee":"`...), f.Fee, 1, m.QuoteScale)
		b = strconv.AppendUint(append(b, `","trade_id":`...), f.TradeID, 10)
		b = append(b, '}')
	}
	return append(b, ']')
}

// AppendDepth writes what Encode(OfDepth(d, m)) gives.
func AppendDepth(b []byte, d *market.Depth, m *market.Market) []byte {
	b = strconv.AppendUint(append(b, `{"seq":`...), d.Seq, 10)
	b = appendLevels(append(b, `,"bids":[`...), d.Bids, m)
	b = appendLevels(append(b, `],"asks":[`...), d.Asks, m)
	b = strconv.AppendUint(append(b, `],"checksum":`...), uint64(d.Checksum), 10)
	return append(b, '}')
}

func appendLevels(b []byte, levels []market.Level, m *market.Market) []byte {
	for i, l := range levels {
		if i > 0 {
			b = append(b, ',')
		}
		b = decimal.AppendSteps(append(b, `["`...), l.PriceTicks, m.Tick, m.QuoteScale)
		b = decimal.AppendSteps(append(b, `","`...), l.Lots, m.Lot, m.BaseScale)
		b = append(b, `"]`...)
	}
	return b
}

// AppendOrder writes what Encode(OfOrder(o, m)) gives, without its detours:
// most of what the api writes are orders.
func AppendOrder(b []byte, o *market.Order, m *market.Market) []byte {
	b = strconv.AppendUint(append(b, `{"id":`...), o.ID, 10)
	b = AppendString(append(b, `,"client_order_id":`...), o.ClientOrderID)
	if o.ClientRef != 0 {
		b = strconv.AppendUint(append(b, `,"client_ref":`...), o.ClientRef, 10)
	}
	if m == nil {
		b = append(b, `,"symbol":null`...)
	} else {
		b = AppendString(append(b, `,"symbol":`...), m.Symbol)
	}
	b = append(append(b, `,"side":"`...), Side(o.Side)...)
	b = append(append(b, `","type":"`...), OrderType(o.Type)...)
	b = append(append(b, `","time_in_force":"`...), TimeInForce(o.TimeInForce)...)
	b = append(b, `","price":`...)
	if m == nil || o.PriceTicks == 0 {
		b = append(b, `null`...)
	} else {
		b = append(decimal.AppendSteps(append(b, '"'), o.PriceTicks, m.Tick, m.QuoteScale), '"')
	}
	b = append(b, `,"quantity":`...)
	if m == nil || o.QuantityLots == 0 {
		b = append(b, `null`...)
	} else {
		b = append(decimal.AppendSteps(append(b, '"'), o.QuantityLots, m.Lot, m.BaseScale), '"')
	}
	b = append(b, `,"filled":"`...)
	if m == nil {
		b = append(b, '0')
	} else {
		b = decimal.AppendSteps(b, o.FilledLots, m.Lot, m.BaseScale)
	}
	b = append(b, `","remaining":`...)
	if m == nil || o.QuantityLots == 0 {
		b = append(b, `null`...)
	} else {
		b = append(decimal.AppendSteps(append(b, '"'), o.RemainingLots, m.Lot, m.BaseScale), '"')
	}
	b = append(append(b, `,"status":"`...), Status(o.Status)...)
	b = append(b, `","reason":`...)
	switch {
	case o.RejectReason != 0:
		b = append(append(append(b, '"'), reject.Of(o.RejectReason).Code...), '"')
	case o.CancelReason != 0:
		b = append(append(append(b, '"'), CancelReason(o.CancelReason)...), '"')
	default:
		b = append(b, `null`...)
	}
	if o.Terms != (market.Terms{}) || o.SelfTrade != 0 {
		b = appendTerms(b, o, m)
	}
	b = append(b, `,"fills":`...)
	if m == nil {
		b = append(b, `[]`...)
	} else {
		b = AppendFills(b, o.Fills, m)
	}
	b = appendTime(b, `,"created_at":"`, o.CreatedMS)
	b = appendTime(b, `,"updated_at":"`, o.UpdatedMS)
	return append(b, '}')
}

func appendTerms(b []byte, o *market.Order, m *market.Market) []byte {
	t := &o.Terms
	if m != nil {
		for _, x := range [...]struct {
			name    string
			n, step int64
			scale   uint32
		}{{"quote_quantity", t.QuoteBudget, 1, m.QuoteScale}, {"trigger_price", t.TriggerTicks, m.Tick, m.QuoteScale}, {"trail", t.TrailTicks, m.Tick, m.QuoteScale},
			{"protection_price", t.ProtectionTicks, m.Tick, m.QuoteScale}, {"display_quantity", t.DisplayLots, m.Lot, m.BaseScale}, {"min_quantity", t.MinLots, m.Lot, m.BaseScale}} {
			if x.n != 0 {
				b = append(append(append(b, `,"`...), x.name...), `":"`...)
				b = append(decimal.AppendSteps(b, x.n, x.step, x.scale), '"')
			}
		}
	}
	if t.PostOnly {
		b = append(b, `,"post_only":true`...)
	}
	b = appendTime(b, `,"expires_at":"`, t.ExpiresAtMS)
	if s := SelfTrade(o.SelfTrade); s != "" {
		b = append(append(append(b, `,"self_trade_prevention":"`...), s...), '"')
	}
	if t.OtherLeg != 0 {
		b = strconv.AppendUint(append(b, `,"other_leg":`...), t.OtherLeg, 10)
	}
	return b
}

func appendTime(b []byte, name string, ms int64) []byte {
	if ms == 0 {
		return b
	}
	return append(time.UnixMilli(ms).UTC().AppendFormat(append(b, name...), "2006-01-02T15:04:05.000Z"), '"')
}
