package twin

import (
	"cmp"
	"maps"
	"math"
	"math/big"
	"slices"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

func times(first int64, rest ...int64) *big.Int {
	n := big.NewInt(first)
	for _, f := range rest {
		n.Mul(n, big.NewInt(f))
	}
	return n
}

func plus(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) }

// small is an amount that was shown to fit.
func small(n *big.Int) int64 {
	if !n.IsInt64() {
		panic("amount beyond 2^63-1")
	}
	return n.Int64()
}

// millionths rounds a number of parts per million up.
func millionths(n *big.Int) *big.Int {
	n = plus(n, big.NewInt(999_999))
	return n.Quo(n, big.NewInt(1_000_000))
}

// worth is the quote amount of lots at a price.
func (m *market) worth(price, lots int64) *big.Int { return times(price, lots, m.unit) }

// owedFees are all fees of an order's fills, and of a further notional at a rate.
func (m *market) owedFees(o *order, further *big.Int, ppm int64) *big.Int {
	n := plus(times(o.asTaker, m.terms.TakerFeePpm), times(o.asMaker, m.terms.MakerFeePpm))
	return millionths(plus(n, new(big.Int).Mul(further, big.NewInt(ppm))))
}

func (m *market) highRate() int64 { return max(m.terms.MakerFeePpm, m.terms.TakerFeePpm) }

// need is what an order's rest can cost, in the asset that it spends.
func (v *Venue) need(o *order) *big.Int {
	m := v.market(o.market)
	if o.side == sell {
		return times(o.open(), m.terms.Lot)
	}
	at := o.price
	switch {
	case o.budget > 0:
		return big.NewInt(o.budgetLeft)
	case o.isMarket() && o.body.ProtectionTicks == 0:
		_, cost := v.look(o)
		return cost
	case o.isMarket():
		at = o.body.ProtectionTicks
	}
	rest := m.worth(at, o.open())
	n := plus(rest, m.owedFees(o, rest, m.highRate()))
	return n.Sub(n, big.NewInt(o.paid))
}

// settle sets aside what an order's rest can cost; a pair sets aside the larger
// of its legs' needs once, with the first.
func (v *Venue) settle(o *order) {
	leg := v.find(o.other)
	if o.other == 0 || leg == nil {
		o.reserve = small(v.need(o))
		return
	}
	a, b := small(v.need(o)), small(v.need(leg))
	o.reserve, leg.reserve = max(a, b), 0
	if leg.id < o.id {
		o.reserve, leg.reserve = 0, max(a, b)
	}
}

// spends is the asset that orders of a side pay with.
func (m *market) spends(side ordersv1.Side) uint32 {
	if side == buy {
		return m.quote
	}
	return m.base
}

// reserved is the sum over the open orders.
func (v *Venue) reserved(p purse) int64 {
	total := int64(0)
	for _, o := range v.orders {
		if o.live && o.account == p.account && v.market(o.market).spends(o.side) == p.asset {
			total += o.reserve
		}
	}
	return total
}

func (v *Venue) available(p purse) int64 { return v.owned[p] - v.reserved(p) }

// Balance is an account's balance of an asset.
func (v *Venue) Balance(account uint64, asset uint32) (available, reserved int64) {
	p := purse{account, asset}
	return v.available(p), v.reserved(p)
}

type balance struct{ available, reserved int64 }

func (v *Venue) balances() map[purse]balance {
	all := map[purse]balance{}
	for p := range v.owned {
		all[p] = balance{v.available(p), v.reserved(p)}
	}
	return all
}

// emitBalances ends a pack: what differs, by account and asset. (The engine's
// order is that of the first touch; tests compare sets.)
func (v *Venue) emitBalances(before map[purse]balance) {
	after := v.balances()
	keys := slices.SortedFunc(maps.Keys(after), func(a, b purse) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.asset, b.asset))
	})
	for _, p := range keys {
		if b := after[p]; b != before[p] {
			v.emit(&tradesv1.BalanceChanged{Account: p.account, Asset: p.asset,
				Available: uint64(b.available), Reserved: uint64(b.reserved)})
		}
	}
}

// moveFunds is a deposit (sign 1) or a withdrawal (sign -1).
func (v *Venue) moveFunds(account uint64, asset string, amount int64, id string, sign int64) {
	if r := v.barred("funds"); r != ok {
		v.refuse(account, 0, r)
		return
	}
	if !printable(id, 128) {
		v.refuse(account, 0, badCommand)
		return
	}
	as := v.assetID(asset)
	if old := v.funds[id]; old != nil {
		if amount <= 0 || old.Account != account || old.Asset != as || old.Amount != sign*amount {
			v.refuse(account, 0, ordersv1.RejectReason_REJECT_REASON_CONFLICT)
			return
		}
		v.repeated()
		return
	}
	p := purse{account, as}
	switch {
	case account == 0:
		v.refuse(account, 0, ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ACCOUNT)
	case as == 0:
		v.refuse(account, 0, ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ASSET)
	case amount <= 0:
		v.refuse(account, 0, ordersv1.RejectReason_REJECT_REASON_BAD_QUANTITY)
	case sign > 0 && amount > math.MaxInt64-v.supply[as]:
		v.refuse(account, 0, ordersv1.RejectReason_REJECT_REASON_OVERFLOW)
	case sign < 0 && amount > v.available(p):
		v.refuse(account, 0, ordersv1.RejectReason_REJECT_REASON_INSUFFICIENT_BALANCE)
	default:
		v.accounts[account] = true
		v.owned[p] += sign * amount
		v.supply[as] += sign * amount
		v.funds[id] = &tradesv1.FundsChanged{Account: account, Asset: as, Amount: sign * amount, Id: id}
		v.emit(v.funds[id])
		v.done()
	}
}

// Conserved reports an asset whose balances and fees are not what was brought
// in less what was taken out, or a balance below nothing; 0 when all is well.
func (v *Venue) Conserved() uint32 {
	for i := range v.assets {
		as := uint32(i + 1)
		sum := v.fees[as]
		for p, n := range v.owned {
			if p.asset != as {
				continue
			}
			if v.available(p) < 0 || v.reserved(p) < 0 {
				return as
			}
			sum += n
		}
		if sum != v.supply[as] {
			return as
		}
	}
	return 0
}
