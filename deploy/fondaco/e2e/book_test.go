package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// book is a fold of the venue's events, written without the house's code.
type book struct {
	assets   map[uint32]string
	quotes   map[uint32]string // of each market
	orders   map[uint64]*folded
	byClient map[string][]uint64
	deposits map[string]int64 // asset -> amount, withdrawals taken off
	balances map[string]int64 // account/asset -> available + reserved
	fees     map[string]int64 // asset -> smallest units
	trades   int
	kinds    map[string]int // events of each kind
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

func (b *book) add(t *testing.T, id, account uint64, client string, quantity int64, status ordersv1.OrderStatus) {
	t.Helper()
	if b.orders[id] != nil {
		t.Errorf("order %d is there twice", id)
	}
	b.orders[id] = &folded{account: account, clientID: client, quantity: quantity, status: status}
	b.byClient[clientKey(account, client)] = append(b.byClient[clientKey(account, client)], id)
}

func fold(t *testing.T, events []*tradesv1.Event) *book {
	t.Helper()
	b := &book{assets: map[uint32]string{}, quotes: map[uint32]string{}, orders: map[uint64]*folded{}, byClient: map[string][]uint64{},
		deposits: map[string]int64{}, balances: map[string]int64{}, fees: map[string]int64{}, kinds: map[string]int{}}
	for _, e := range events {
		b.kinds[strings.TrimPrefix(fmt.Sprintf("%T", e.Kind), "*tradesv1.Event_")]++
		switch k := e.Kind.(type) {
		case *tradesv1.Event_AssetAdded:
			b.assets[k.AssetAdded.Asset] = k.AssetAdded.Name
		case *tradesv1.Event_MarketAdded:
			b.quotes[k.MarketAdded.Market] = k.MarketAdded.Terms.Quote
		case *tradesv1.Event_FundsChanged:
			b.deposits[b.assets[k.FundsChanged.Asset]] += k.FundsChanged.Amount
		case *tradesv1.Event_OrderAccepted:
			o := k.OrderAccepted
			status := ordersv1.OrderStatus_ORDER_STATUS_OPEN
			if ordersv1.OrderType(o.Kind>>8&0xff) >= ordersv1.OrderType_ORDER_TYPE_STOP {
				status = ordersv1.OrderStatus_ORDER_STATUS_WAITING
			}
			b.add(t, o.OrderId, o.Account, o.ClientOrderId, int64(o.QuantityLots), status)
		case *tradesv1.Event_OrderRejected:
			o := k.OrderRejected.Order
			b.add(t, k.OrderRejected.OrderId, o.Account, o.ClientOrderId, o.QuantityLots, ordersv1.OrderStatus_ORDER_STATUS_REJECTED)
			b.orders[k.OrderRejected.OrderId].stale = k.OrderRejected.Reason == ordersv1.RejectReason_REJECT_REASON_STALE
		case *tradesv1.Event_Trade:
			b.trade(t, k.Trade)
		case *tradesv1.Event_OrderTriggered:
			b.orders[k.OrderTriggered.OrderId].status = ordersv1.OrderStatus_ORDER_STATUS_OPEN
		case *tradesv1.Event_OrderAmended:
			b.orders[k.OrderAmended.OrderId].quantity = int64(k.OrderAmended.QuantityLots)
		case *tradesv1.Event_OrderDecremented:
			b.orders[k.OrderDecremented.OrderId].quantity -= int64(k.OrderDecremented.Lots)
		case *tradesv1.Event_OrderCanceled:
			b.cancel(k.OrderCanceled)
		case *tradesv1.Event_BalanceChanged:
			c := k.BalanceChanged
			if int64(c.Available) < 0 || int64(c.Reserved) < 0 {
				t.Errorf("account %d has %d and %d of %s", c.Account, int64(c.Available), int64(c.Reserved), b.assets[c.Asset])
			}
			b.balances[fmt.Sprintf("%d/%s", c.Account, b.assets[c.Asset])] = int64(c.Available + c.Reserved)
		}
	}
	return b
}

func (b *book) trade(t *testing.T, tr *tradesv1.Trade) {
	t.Helper()
	b.trades++
	if tr.TradeId != uint64(b.trades) {
		t.Errorf("trade %d is the %dth", tr.TradeId, b.trades)
	}
	b.fees[b.quotes[tr.Market]] += int64(tr.MakerFee + tr.TakerFee)
	for _, id := range []uint64{tr.MakerOrderId, tr.TakerOrderId} {
		o := b.orders[id]
		o.filled += int64(tr.QuantityLots)
		o.fillCount++
		o.status = ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED
		if o.filled == o.quantity {
			o.status = ordersv1.OrderStatus_ORDER_STATUS_FILLED
		}
		if o.filled > o.quantity && o.quantity > 0 { // 0: a budget
			t.Errorf("order %d of %d is filled with %d", id, o.quantity, o.filled)
		}
	}
}

func (b *book) cancel(c *tradesv1.OrderCanceled) {
	o := b.orders[c.OrderId]
	switch reason := ordersv1.CancelReason(c.Reason); {
	case reason == ordersv1.CancelReason_CANCEL_REASON_EXPIRED:
		o.status = ordersv1.OrderStatus_ORDER_STATUS_EXPIRED
	case reason == ordersv1.CancelReason_CANCEL_REASON_BUDGET && o.filled > 0:
		o.status = ordersv1.OrderStatus_ORDER_STATUS_FILLED
	default:
		o.status = ordersv1.OrderStatus_ORDER_STATUS_CANCELED
	}
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
	fees := int64(0)
	for asset, amount := range b.fees {
		left[asset] -= amount
		fees += amount
	}
	for asset, rest := range left {
		if rest != 0 {
			t.Errorf("%d of %s are lost (or made, if negative)", rest, asset)
		}
	}
	t.Logf("%d orders (%d stale and sent again), %d trades, fees %d; events %v", len(b.orders), stale, b.trades, fees, b.kinds)
	if b.trades == 0 || fees == 0 {
		t.Error("nothing was traded: the load was no load")
	}
	for _, kind := range []string{"OrderAmended", "OrderTriggered", "OrderCanceled", "OrderRested"} {
		if b.kinds[kind] == 0 {
			t.Errorf("no %s is among the events: the load was no load", kind)
		}
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
