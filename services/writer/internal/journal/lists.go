package journal

import (
	"context"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/services/writer/internal/bulk"
	"fondaco.dev/services/writer/internal/trade"
)

// maxListed bounds a row of trade.order_lists: 1 KB, so that it is not moved out of
// the table, and a page of orders reads few that it does not want.
const maxListed = 128

var listColumns = []string{"account", "first_id", "venue", "ids"}

// list names the orders that the batch made, by account. In an index each of them
// would be an entry at a place of its own; in a transaction an account that trades
// much has many. made: in the order of ids, which only rise from batch to batch.
func (j *Journal) list(ctx context.Context, tx pgx.Tx, made []*trade.Order) error {
	rows := bulk.New(listColumns, 0)
	lists := map[uint64][]uint64{}
	send := func(account uint64, ids []uint64) {
		rows.Row()
		rows.Int8(account)
		rows.Int8(ids[0])
		rows.Text(j.venue)
		rows.Int8Array(ids)
	}
	for _, o := range made {
		ids := append(lists[o.Account], o.ID)
		if len(ids) == maxListed {
			send(o.Account, ids)
			ids = ids[:0]
		}
		lists[o.Account] = ids
	}
	for account, ids := range lists {
		if len(ids) > 0 {
			send(account, ids)
		}
	}
	defer rows.Release()
	return rows.Send(ctx, tx, "trade.order_lists")
}

// queueLiving brings the numbers of living orders on.
func (j *Journal) queueLiving(batch *pgx.Batch, c *trade.Changes) {
	living := c.Living()
	if len(living) == 0 {
		return
	}
	firsts, lasts, more := make([]int64, len(living)), make([]int64, len(living)), make([]int32, len(living))
	for i, l := range living {
		firsts[i], lasts[i], more[i] = l.First, l.Last, l.More
	}
	const q = `
insert into trade.live_orders as l (venue, first_id, last_id, orders)
select $1, u.* from unnest($2::bigint[], $3::bigint[], $4::integer[]) as u
on conflict (venue, first_id) do update set orders = l.orders + excluded.orders`
	batch.Queue(q, j.venue, firsts, lasts, more)
}
