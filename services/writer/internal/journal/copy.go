package journal

import (
	"strings"

	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/writer/internal/bulk"
	"fondaco.dev/services/writer/internal/trade"
)

// orderColumns are the columns of trade.orders as copyOrders writes them.
var orderColumns = strings.Split("venue, id, account, client_order_id, client_ref, market, side, type, time_in_force, self_trade, price_ticks, "+
	"quantity_lots, filled_lots, remaining_lots, visible_lots, decremented_lots, status, reject_reason, cancel_reason, resting, triggered, queue_seq, "+
	"quote_budget, protection_ticks, trigger_ticks, trail_ticks, display_lots, min_lots, post_only, expires_at_ms, other_leg, "+
	"created_ms, updated_ms, event_seq", ", ")

// orderBytes is what an order's row takes beside its texts.
const orderBytes = 340

func (j *Journal) copyOrders(list []*trade.Order) *bulk.Rows {
	size := 0
	for _, o := range list {
		size += orderBytes + len(j.venue) + len(o.ClientOrderID)
	}
	r := bulk.New(orderColumns, size)
	for _, o := range list {
		r.Row()
		r.Text(j.venue)
		r.Int8(o.ID)
		r.Int8(o.Account)
		r.Text(o.ClientOrderID)
		r.Numeric(o.ClientRef)
		r.Int4(o.Market)
		for _, v := range [4]int32{int32(o.Side), int32(o.Type), int32(o.TimeInForce), int32(o.SelfTrade)} {
			r.Int2(int16(v))
		}
		for _, v := range [6]int64{o.PriceTicks, o.QuantityLots, o.FilledLots, o.Remaining, o.Visible, o.Decremented} {
			r.Int8(uint64(v))
		}
		for _, v := range [3]int32{int32(o.Status), int32(o.RejectReason), int32(o.CancelReason)} {
			r.Int2(int16(v))
		}
		r.Bool(o.Resting)
		r.Bool(o.Triggered)
		r.Int8(o.QueueSeq)
		for _, v := range [6]int64{o.QuoteBudget, o.Protection, o.Trigger, o.Trail, o.Display, o.MinLots} {
			r.Int8(uint64(v))
		}
		r.Bool(o.PostOnly)
		for _, v := range [4]int64{o.ExpiresMs, int64(o.OtherLeg), o.CreatedMs, o.UpdatedMs} {
			r.Int8(uint64(v))
		}
		r.Int8(o.EventSeq)
	}
	return r
}

var messageColumns = []string{"venue", "seq", "first_in_seq", "last_in_seq", "part", "last", "first_event_seq", "data"}

// messageBytes is what a message's row takes beside its texts.
const messageBytes = 80

// copyMessages is the plan, verbatim.
func (j *Journal) copyMessages() *bulk.Rows {
	size := 0
	for i := range j.plan {
		size += messageBytes + len(j.venue) + len(j.plan[i].data)
	}
	r := bulk.New(messageColumns, size)
	for i := range j.plan {
		m := &j.plan[i]
		r.Row()
		r.Text(j.venue)
		r.Int8(m.seq)
		r.Int8(m.out.FirstInSeq)
		r.Int8(m.out.LastInSeq)
		r.Int4(m.out.Part)
		r.Bool(m.out.Last)
		r.Int8(m.out.FirstEventSeq)
		r.Bytes(m.data)
	}
	return r
}

var tradeColumns = strings.Split("venue, trade_id, market, price_ticks, quantity_lots, maker_order_id, taker_order_id, maker_account, taker_account, "+
	"taker_side, maker_fee, taker_fee, auction, at_ms, event_seq", ", ")

// tradeBytes is what a trade's row takes beside its text.
const tradeBytes = 170

func (j *Journal) copyTrades(list []trade.Numbered[*tradesv1.Trade]) *bulk.Rows {
	r := bulk.New(tradeColumns, len(list)*(tradeBytes+len(j.venue)))
	for i := range list {
		t := list[i].Event
		r.Row()
		r.Text(j.venue)
		r.Int8(t.GetTradeId())
		r.Int4(t.GetMarket())
		for _, v := range [6]uint64{t.GetPriceTicks(), t.GetQuantityLots(), t.GetMakerOrderId(), t.GetTakerOrderId(), t.GetMakerAccount(), t.GetTakerAccount()} {
			r.Int8(v)
		}
		r.Int2(int16(t.GetTakerSide()))
		r.Int8(t.GetMakerFee())
		r.Int8(t.GetTakerFee())
		r.Bool(t.GetAuction())
		r.Int8(t.GetAtMs())
		r.Int8(list[i].EventSeq)
	}
	return r
}
