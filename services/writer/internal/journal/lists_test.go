package journal_test

import (
	"math/rand/v2"
	"testing"

	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/writer/internal/journal"
	"fondaco.dev/services/writer/internal/partition"
	"fondaco.dev/services/writer/internal/writertest"
)

// TestListsSayWhatTheOrdersDo: whatever transactions the events came in, an
// account's lists name its orders in order, and the living are counted.
func TestListsSayWhatTheOrdersDo(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	p := &tape{e: &engine{w: w}, rng: rand.New(rand.NewPCG(3, 4)), accounts: 3}
	p.e.publish(t, nil, registry()...)
	for range 6 {
		p.e.publish(t, nil, p.output()...)
	}
	m := w.Metrics()
	w.Start("", "trade."+venue, tradesv1.Stream, tradesv1.Subject(venue), journal.New(venue, m), m, nil, func(p *partition.Partition) { p.MaxRows = 1 })
	w.Wait("", "trade."+venue, p.e.prev)
	for what, q := range map[string]string{
		"lists": `
with named as (select account, venue, array_agg(id order by first_id, at) as ids from trade.order_lists, unnest(ids) with ordinality as u(id, at) group by 1, 2),
made as (select account, venue, array_agg(id order by id) as ids from trade.orders group by 1, 2)
select count(*) = 3 and bool_and(named.ids is not distinct from made.ids) from named full join made using (account, venue)`,
		"rows of lists": `select bool_and(first_id = ids[1] and cardinality(ids) <= 128) and max(cardinality(ids)) = 128 from trade.order_lists`,
		"living": `
with alive as (select venue, id / 1024 * 1024 as first_id, count(*) as orders from trade.orders where status in (1, 2, 7) group by 1, 2)
select count(*) > 2 and bool_and(coalesce(l.orders, 0) = coalesce(alive.orders, 0)) from trade.live_orders l full join alive using (venue, first_id)`,
		"spans": `
select bool_and(last_id = first_id + 1023) and array_agg(first_id order by first_id) = (select array_agg(distinct id / 1024 * 1024) from trade.orders) from trade.live_orders`,
	} {
		if !writertest.Value[bool](w, q) {
			t.Errorf("%s are not what the orders are", what)
		}
	}
}
