package journal

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/writer/internal/trade"
)

// load reads the orders that the plan changes without having made them.
func (j *Journal) load(ctx context.Context, tx pgx.Tx) (map[uint64]*trade.Order, error) {
	ids, err := j.older()
	if err != nil {
		return nil, err
	}
	known := make(map[uint64]*trade.Order, j.events/2)
	if len(ids) == 0 {
		return known, nil
	}
	// A join, since "id = any($2)" may be planned as a filter: every order of the
	// venue was compared with every id.
	const q = `
select o.id, account, client_order_id, client_ref, market, side, type, time_in_force, self_trade, price_ticks, quantity_lots, filled_lots,
	remaining_lots, visible_lots, decremented_lots, status, reject_reason, cancel_reason, resting, triggered, queue_seq, quote_budget, protection_ticks,
	trigger_ticks, trail_ticks, display_lots, min_lots, post_only, expires_at_ms, other_leg, created_ms, updated_ms, event_seq
from unnest($2::bigint[]) as u(id) join trade.orders o on o.venue = $1 and o.id = u.id`
	rows, err := tx.Query(ctx, q, j.venue, ids)
	if err != nil {
		return nil, fmt.Errorf("reading orders: %w", err)
	}
	var o trade.Order
	_, err = pgx.ForEachRow(rows, []any{&o.ID, &o.Account, &o.ClientOrderID, &o.ClientRef, &o.Market, &o.Side, &o.Type, &o.TimeInForce, &o.SelfTrade,
		&o.PriceTicks, &o.QuantityLots, &o.FilledLots, &o.Remaining, &o.Visible, &o.Decremented, &o.Status, &o.RejectReason, &o.CancelReason, &o.Resting, &o.Triggered,
		&o.QueueSeq, &o.QuoteBudget, &o.Protection, &o.Trigger, &o.Trail, &o.Display, &o.MinLots, &o.PostOnly, &o.ExpiresMs, &o.OtherLeg,
		&o.CreatedMs, &o.UpdatedMs, &o.EventSeq}, func() error {
		copied := o
		copied.Lived = o.Alive()
		known[o.ID] = &copied
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading orders: %w", err)
	}
	return known, nil
}

// older are the orders that the plan changes and did not make, each once.
func (j *Journal) older() (ids []int64, err error) {
	var touched [4]int64
	defer clear(j.made)
	err = j.each(func(_ uint64, e *tradesv1.Event) error {
		if id := trade.Made(e); id != 0 {
			j.made[id] = true
		}
		for _, id := range trade.Touched(touched[:0], e) {
			if !j.made[uint64(id)] {
				ids = append(ids, id)
			}
		}
		return nil
	})
	slices.Sort(ids)
	return slices.Compact(ids), err
}

// orders copies the orders that the batch made, replaces what it changed of
// others, and keeps what both were before their changes.
func (j *Journal) orders(ctx context.Context, tx pgx.Tx, c *trade.Changes) error {
	made := make([]*trade.Order, 0, len(c.Orders))
	var changed []*trade.Order
	for _, o := range c.Orders {
		if o.Made {
			made = append(made, o)
		} else {
			changed = append(changed, o)
		}
	}
	slices.SortFunc(made, func(a, b *trade.Order) int { return cmp.Compare(a.ID, b.ID) })
	rows := j.copyOrders(made)
	err := rows.Send(ctx, tx, "trade.orders")
	rows.Release()
	if err != nil {
		return err
	}
	if err := j.list(ctx, tx, made); err != nil {
		return err
	}
	if err := j.replace(ctx, tx, changed); err != nil {
		return err
	}
	if len(c.Before) == 0 {
		return nil
	}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"trade", "order_changes"},
		[]string{"venue", "id", "event_seq", "price_ticks", "quantity_lots", "filled_lots", "remaining_lots", "trigger_ticks", "triggered"},
		pgx.CopyFromSlice(len(c.Before), func(i int) ([]any, error) {
			b := &c.Before[i]
			return []any{j.venue, int64(b.ID), int64(b.EventSeq), b.PriceTicks, b.Quantity, b.Filled, b.Remaining, b.Trigger, b.Triggered}, nil
		})); err != nil {
		return fmt.Errorf("copying order changes: %w", err)
	}
	return nil
}

// replace updates what events can change of an order.
func (j *Journal) replace(ctx context.Context, tx pgx.Tx, orders []*trade.Order) error {
	if len(orders) == 0 {
		return nil
	}
	n := len(orders)
	ids, prices, quantities, filled := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	remaining, visible, decremented, triggers, queues := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	legs, updated, seqs := make([]int64, n), make([]int64, n), make([]int64, n)
	statuses, cancels, resting, triggered := make([]int16, n), make([]int16, n), make([]bool, n), make([]bool, n)
	for i, o := range orders {
		ids[i], prices[i], quantities[i], filled[i] = int64(o.ID), o.PriceTicks, o.QuantityLots, o.FilledLots
		remaining[i], visible[i], decremented[i], triggers[i], queues[i] = o.Remaining, o.Visible, o.Decremented, o.Trigger, int64(o.QueueSeq)
		legs[i], updated[i], seqs[i] = int64(o.OtherLeg), o.UpdatedMs, int64(o.EventSeq)
		statuses[i], cancels[i], resting[i], triggered[i] = int16(o.Status), int16(o.CancelReason), o.Resting, o.Triggered
	}
	const q = `
update trade.orders o set price_ticks = u.price, quantity_lots = u.quantity, filled_lots = u.filled, remaining_lots = u.remaining, visible_lots = u.visible,
	trigger_ticks = u.trigger, queue_seq = u.queue, other_leg = u.leg, updated_ms = u.updated, event_seq = u.seq, status = u.status,
	cancel_reason = u.cancel, resting = u.resting, triggered = u.triggered, decremented_lots = u.decremented
from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[],
	$12::bigint[], $13::smallint[], $14::smallint[], $15::boolean[], $16::boolean[], $17::bigint[])
	as u(id, price, quantity, filled, remaining, visible, trigger, queue, leg, updated, seq, status, cancel, resting, triggered, decremented)
where o.venue = $1 and o.id = u.id`
	if _, err := tx.Exec(ctx, q, j.venue, ids, prices, quantities, filled, remaining, visible, triggers, queues, legs, updated, seqs,
		statuses, cancels, resting, triggered, decremented); err != nil {
		return fmt.Errorf("updating orders: %w", err)
	}
	return nil
}
