package bench

import (
	"fmt"
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// mixPacks encodes packs of 1,000 commands without their heads: after a first
// pack of orders, half new orders, two fifths cancels of earlier ones and a tenth
// IOC orders that cross.
func mixPacks(n int) ([][]byte, error) {
	g := &mixer{rand: rand.New(rand.NewPCG(1, 2))}
	return encode(n, func(i int) *ordersv1.Command {
		switch k := g.rand.IntN(10); {
		case k < 5 || len(g.live) == 0 || i < ordersv1.MaxCommands:
			return g.rest()
		case k < 9:
			return g.cancel()
		}
		return g.take()
	})
}

// restPacks encodes packs of orders that only rest.
func restPacks(n int) ([][]byte, error) {
	g := &mixer{rand: rand.New(rand.NewPCG(3, 4))}
	return encode(n, func(int) *ordersv1.Command { return g.rest() })
}

func encode(n int, next func(i int) *ordersv1.Command) ([][]byte, error) {
	var packs [][]byte
	p := &ordersv1.Pack{}
	for i := range n {
		p.Commands = append(p.Commands, next(i))
		if len(p.Commands) == ordersv1.MaxCommands || i == n-1 {
			data, err := proto.Marshal(p)
			if err != nil {
				return nil, fmt.Errorf("encoding a pack: %w", err)
			}
			packs = append(packs, data)
			p.Commands = p.Commands[:0]
		}
	}
	return packs, nil
}

// mixer makes commands; refs are unique over all accounts.
type mixer struct {
	rand *rand.Rand
	ref  uint64
	live []resting
}

type resting struct{ account, ref uint64 }

// middle is the price between the sides, in ticks.
const middle = 100_000

func (g *mixer) order(force ordersv1.TimeInForce, side ordersv1.Side, price, lots int64) *ordersv1.NewOrder {
	g.ref++
	return &ordersv1.NewOrder{Account: firstTrader + g.rand.Uint64N(traders), Market: bookMarket, Side: side, Type: ordersv1.OrderType_ORDER_TYPE_LIMIT,
		TimeInForce: force, PriceTicks: price, QuantityLots: lots, ClientRef: g.ref, SelfTrade: ordersv1.SelfTrade_SELF_TRADE_CANCEL_MAKER}
}

func (g *mixer) rest() *ordersv1.Command {
	away := 1 + int64(min(g.rand.IntN(1000), g.rand.IntN(1000)))
	side, price := ordersv1.Side_SIDE_BUY, middle-away
	if g.rand.IntN(2) == 0 {
		side, price = ordersv1.Side_SIDE_SELL, middle+away
	}
	o := g.order(ordersv1.TimeInForce_TIME_IN_FORCE_GTC, side, price, 1+g.rand.Int64N(100))
	g.live = append(g.live, resting{o.Account, o.ClientRef})
	return &ordersv1.Command{Op: &ordersv1.Command_NewOrder{NewOrder: o}}
}

// cancel names an order that may have been filled: then it is refused, as it is
// in life.
func (g *mixer) cancel() *ordersv1.Command {
	i := g.rand.IntN(len(g.live))
	r := g.live[i]
	g.live[i] = g.live[len(g.live)-1]
	g.live = g.live[:len(g.live)-1]
	return &ordersv1.Command{Op: &ordersv1.Command_Cancel{Cancel: &ordersv1.CancelOrder{Account: r.account, ClientRef: r.ref}}}
}

func (g *mixer) take() *ordersv1.Command {
	side, price := ordersv1.Side_SIDE_BUY, int64(middle+1000)
	if g.rand.IntN(2) == 0 {
		side, price = ordersv1.Side_SIDE_SELL, middle-1000
	}
	return &ordersv1.Command{Op: &ordersv1.Command_NewOrder{NewOrder: g.order(ordersv1.TimeInForce_TIME_IN_FORCE_IOC, side, price, 1+g.rand.Int64N(100))}}
}
