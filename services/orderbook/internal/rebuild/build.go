package rebuild

import (
	"cmp"
	"maps"
	"slices"

	"fondaco.dev/services/orderbook/internal/engine"
	"fondaco.dev/services/orderbook/internal/hugepage"
)

// forget drops what the engine has forgotten by the last pack: gateways that
// were not heard of for an hour, client order ids of orders dead for a day, and
// the oldest of those above the bound.
func (f *Fold) forget() {
	maps.DeleteFunc(f.gateways, func(_ string, g *gatewayRow) bool { return g.seenMs <= f.packMs-gatewayMs })
	gone := 0
	for gone < len(f.dead) && (len(f.dead)-gone > engine.MaxDeadIDs || int64(f.dead[gone].Arrival) <= f.packMs-clientIDMs) {
		f.dead[gone] = nil
		gone++
	}
	f.dead = f.dead[gone:]
}

// build makes the engine.
func (f *Fold) build() (*engine.Engine, error) {
	b, err := f.assemble()
	if err != nil {
		return nil, err
	}
	return b.Engine()
}

// assemble gives a builder all that was folded.
func (f *Fold) assemble() (*engine.Builder, error) {
	b := engine.NewBuilder(hugepage.Options(), f.s)
	for i := range f.assets {
		a := &f.assets[i]
		b.Asset(a.name, a.scale, a.supply, a.fees)
	}
	for _, m := range f.markets {
		if err := b.Market(m.terms, m.state); err != nil {
			return nil, err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(f.accounts)) {
		b.Account(id, f.accounts[id])
	}
	holdings := slices.SortedFunc(maps.Keys(f.balances), func(x, y holding) int {
		return cmp.Or(cmp.Compare(x.account, y.account), cmp.Compare(x.asset, y.asset))
	})
	for _, h := range holdings {
		c := f.balances[h]
		if err := b.Balance(h.account, h.asset, int64(c.Available), int64(c.Reserved)); err != nil {
			return nil, err
		}
	}
	for _, o := range f.dead {
		if err := b.Order(o); err != nil {
			return nil, err
		}
	}
	live := slices.SortedFunc(maps.Values(f.orders), func(x, y *engine.OrderState) int {
		return cmp.Or(cmp.Compare(x.Arrival, y.Arrival), cmp.Compare(x.ID, y.ID))
	})
	for _, o := range live {
		if err := b.Order(o); err != nil {
			return nil, err
		}
	}
	for _, m := range f.mass {
		b.MassCancel(m.Account, m.Market, uint8(m.Side), uint8(m.Reason), m.AfterOrderId, m.LastOrderId)
	}
	for _, c := range f.chases {
		b.Chase(c.Market, uint8(c.Side), c.LastTicks, c.LastOrderId)
	}
	for _, c := range f.funds {
		b.Fund([]byte(c.Id), c.Account, c.Asset, c.Amount)
	}
	names := slices.SortedFunc(maps.Keys(f.gateways), func(x, y string) int { return cmp.Compare(f.gateways[x].heard, f.gateways[y].heard) })
	for _, name := range names {
		g := f.gateways[name]
		b.Gateway(name, g.no, g.seenMs)
	}
	b.ReserveRest()
	return b, nil
}
