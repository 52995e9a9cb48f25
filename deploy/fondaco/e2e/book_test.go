package e2e

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// book is a fold of the venue's events, written without the house's code.
type book struct {
	orders   map[uint64]*folded
	byClient map[string][]uint64
	deposits map[string]int64 // asset -> amount
	balances map[string]int64 // account/asset -> available + reserved
	fees     int64            // quote units
	trades   int
}

type folded struct {
	account   uint64
	clientID  string
	quantity  int64
	filled    int64
	status    ordersv1.OrderStatus
	fillCount int
	// stale: it came too late to be carried out, and its client order id was free
	// for another try.
	stale bool
}

func clientKey(account uint64, id string) string { return fmt.Sprintf("%d/%s", account, id) }

func fold(t *testing.T, events []*tradesv1.Event) *book {
	t.Helper()
	b := &book{orders: map[uint64]*folded{}, byClient: map[string][]uint64{}, deposits: map[string]int64{}, balances: map[string]int64{}}
	add := func(id, account uint64, client string, quantity int64, status ordersv1.OrderStatus) {
		if b.orders[id] != nil {
			t.Errorf("order %d is there twice", id)
		}
		b.orders[id] = &folded{account: account, clientID: client, quantity: quantity, status: status}
		b.byClient[clientKey(account, client)] = append(b.byClient[clientKey(account, client)], id)
	}
	for _, e := range events {
		switch {
		case e.GetDeposited() != nil:
			b.deposits[e.GetDeposited().Asset] += e.GetDeposited().Amount
		case e.GetOrderAccepted() != nil:
			o := e.GetOrderAccepted()
			add(o.OrderId, o.Account, o.ClientOrderId, o.QuantityLots, ordersv1.OrderStatus_ORDER_STATUS_OPEN)
		case e.GetOrderRejected() != nil:
			o := e.GetOrderRejected()
			add(o.OrderId, o.Account, o.ClientOrderId, o.QuantityLots, ordersv1.OrderStatus_ORDER_STATUS_REJECTED)
			b.orders[o.OrderId].stale = o.Reason == ordersv1.RejectReason_REJECT_REASON_STALE
		case e.GetTrade() != nil:
			tr := e.GetTrade()
			b.trades++
			if tr.TradeId != uint64(b.trades) {
				t.Errorf("trade %d is the %dth", tr.TradeId, b.trades)
			}
			b.fees += tr.MakerFee + tr.TakerFee
			for _, id := range []uint64{tr.MakerOrderId, tr.TakerOrderId} {
				o := b.orders[id]
				o.filled += tr.QuantityLots
				o.fillCount++
				o.status = ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED
				if o.filled == o.quantity {
					o.status = ordersv1.OrderStatus_ORDER_STATUS_FILLED
				}
				if o.filled > o.quantity {
					t.Errorf("order %d of %d is filled with %d", id, o.quantity, o.filled)
				}
			}
		case e.GetOrderCanceled() != nil:
			b.orders[e.GetOrderCanceled().OrderId].status = ordersv1.OrderStatus_ORDER_STATUS_CANCELED
		case e.GetBalanceChanged() != nil:
			c := e.GetBalanceChanged()
			if c.Available < 0 || c.Reserved < 0 {
				t.Errorf("account %d has %d and %d of %s", c.Account, c.Available, c.Reserved, c.Asset)
			}
			b.balances[fmt.Sprintf("%d/%s", c.Account, c.Asset)] = c.Available + c.Reserved
		}
	}
	return b
}

// named finds the order of a client order id that was answered with this id,
// and the others that carry the same client order id.
func (b *book) named(account uint64, cid, id string) (order *folded, others []*folded) {
	for _, n := range b.byClient[clientKey(account, cid)] {
		if fmt.Sprint(n) == id {
			order = b.orders[n]
			continue
		}
		others = append(others, b.orders[n])
	}
	return order, others
}

// checkBook compares the events with what clients were told and with the rows.
func checkBook(t *testing.T, db *pgx.Conn, events []*tradesv1.Event, clients []*client) {
	t.Helper()
	b := fold(t, events)
	answered, stale := 0, 0
	for _, o := range b.orders {
		if o.stale {
			stale++
		}
	}
	for _, c := range clients {
		for cid, p := range c.answered {
			answered++
			o, others := b.named(c.account, cid, p.ID)
			if o == nil {
				t.Errorf("order %s was answered as %s and is not in the journal", cid, p.ID)
				continue
			}
			for _, other := range others {
				if !other.stale {
					t.Errorf("order %s was answered as %s and is in the journal once more: %+v", cid, p.ID, *other)
				}
			}
			if o.stale {
				stale-- // this one was answered, and the client left it at that
			}
			if o.fillCount < p.Fills {
				t.Errorf("order %s was answered with %d fills and has %d", cid, p.Fills, o.fillCount)
			}
			if (p.Status == "rejected") != (o.status == ordersv1.OrderStatus_ORDER_STATUS_REJECTED) {
				t.Errorf("order %s was answered as %s and is %v", cid, p.Status, o.status)
			}
		}
	}
	// Every order was followed up to its answer, so there are no others but those
	// that came too late and were sent again.
	if len(b.orders) != answered+stale {
		t.Errorf("%d orders are in the journal, %d of them stale and sent again; %d were answered", len(b.orders), stale, answered)
	}
	left := map[string]int64{}
	for asset, amount := range b.deposits {
		left[asset] = amount
	}
	for key, amount := range b.balances {
		var account uint64
		var asset string
		if _, err := fmt.Sscanf(key, "%d/%s", &account, &asset); err != nil {
			t.Fatal(err)
		}
		left[asset] -= amount
	}
	left["USD"] -= b.fees
	for asset, rest := range left {
		if rest != 0 {
			t.Errorf("%d of %s are lost (or made, if negative)", rest, asset)
		}
	}
	t.Logf("%d orders (%d stale and sent again), %d trades, fees %d", len(b.orders), stale, b.trades, b.fees)
	if b.trades == 0 || b.fees == 0 {
		t.Error("nothing was traded: the load was no load")
	}

	rows, err := db.Query(t.Context(), "select id, account, client_order_id, quantity_lots, filled_lots, status from trade.orders")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var id, account uint64
		var cid string
		var quantity, filled int64
		var status int32
		if err := rows.Scan(&id, &account, &cid, &quantity, &filled, &status); err != nil {
			t.Fatal(err)
		}
		n++
		o := b.orders[id]
		if o == nil {
			t.Errorf("row of an order %d that is in no event", id)
			continue
		}
		if want := (folded{account, cid, quantity, filled, ordersv1.OrderStatus(status), o.fillCount, o.stale}); *o != want {
			t.Errorf("order %d: the events say %+v, the row %+v", id, *o, want)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if n != len(b.orders) {
		t.Errorf("%d rows of orders, %d orders in the events", n, len(b.orders))
	}
}
