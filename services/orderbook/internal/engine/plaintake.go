package engine

// takeable bounds the notionals of which takePlain adds up the fees: with rates of
// at most 10^6, three of them are below 2^63 in millionths.
const takeable = 1 << 41

// taking is a plain order that takes, while it is in no slab.
type taking struct {
	m         *market
	account   uint64
	acct      uint32
	sells     uint32 // 1 when it sells, else 0
	id        uint64
	left      int64 // lots
	reserved  int64
	took      int64 // notional of its fills, quote units
	fee       int64 // paid so far, quote units
	makerFees int64 // of its makers
}

// plainTake lets a plain order trade with plain ones, as long as it meets no
// others; the first of another kind has it brought into the slab, where the
// general code goes on. Its own side of the trades is summed up and entered once.
func (e *Engine) plainTake(c *Command, m *market, acct, held uint32, need int64, hash uint64) {
	e.orderID++
	t := taking{m: m, account: c.Account, acct: acct, sells: uint32(c.Side-buy) & 1, id: e.orderID, left: c.Quantity, reserved: need}
	e.emitPlain(c, c.kind(), t.id, need)
	b := e.touchSlot(held)
	b.available -= need
	b.reserved += need
	general := m.limits.PausePPM != 0 || !e.takePlain(c, &t)
	if t.took != 0 {
		e.settleTaken(&t, c.Quantity-t.left)
	}
	switch {
	case general:
		e.run(m, e.shelve(c, &t, hash))
	case t.left != 0 && c.TIF == tifGTC:
		e.settleDown(m, e.shelve(c, &t, hash))
	default:
		b = slotOf(e.balances, held)
		b.available += t.reserved
		b.reserved -= t.reserved
		why, status := cause(0), statusFilled
		if t.left != 0 {
			why, status = causeIOC, statusCanceled
			e.emitOrderCanceled(t.id, why, t.left)
		}
		if e.reply != nil {
			e.answer = answer{id: t.id, status: status, why: why, filled: c.Quantity - t.left, remaining: t.left}
		}
	}
	if m.waiting != 0 || m.pending {
		e.beginWork()
		e.runTriggers(m)
	}
}

// shelve brings an order that takes into the slab, to rest or to go on.
func (e *Engine) shelve(c *Command, t *taking, hash uint64) uint32 {
	i := e.newSlot()
	o := &e.orders[i]
	flags := o.flags&flagDirty | uint8(t.sells)
	*o = order{}
	o.id, o.price, o.remaining, o.reserved, o.ref = t.id, c.Price, t.left, t.reserved, c.Ref
	o.acct, o.market, o.flags, o.status = t.acct, uint16(c.Market), flags, statusOpen
	o.quantity, o.took, o.typ, o.tif, o.self = c.Quantity, t.took, typeLimit, c.TIF, c.SelfTrade
	if t.took != 0 {
		o.status = statusPartly
	}
	e.answer.slot = i
	if c.TIF == tifIOC {
		o.flags |= flagPassing
		return i
	}
	e.byID.add(o.id, i, e.orders)
	e.enterRef(hash, i)
	e.enlist(i)
	e.mark(i)
	return i
}

// takePlain trades until nothing is left, or the book no longer crosses; false
// when what comes next is not plain.
func (e *Engine) takePlain(c *Command, t *taking) bool {
	m := t.m
	l := &m.books[t.sells^1]
	for t.left > 0 && l.takes(c.Price) {
		lv := slotOf(l.levels, l.best)
		i := lv.head
		maker := slotOf(e.orders, i)
		if maker.terms|maker.clientID != 0 || maker.acct == t.acct && c.SelfTrade != selfNone {
			return false
		}
		price, lots := lv.price, min(maker.remaining, t.left)
		paid := price * lots * m.unit // below both notionals, which were checked
		if uint64(paid|t.took|maker.made|maker.took) >= takeable {
			return false
		}
		// Fees are rounded up once over all fills of an order; see trade.
		owed := maker.took*m.takerPPM + maker.made*m.makerPPM
		makerFee := ceilPPM(owed+paid*m.makerPPM) - ceilPPM(owed)
		takerFee := ceilPPM((t.took+paid)*m.takerPPM) - t.fee
		if t.took == 0 { // the taker's balances come before those of its makers
			e.touchPaid(t.acct, m, e.purseAt(t.acct, m).held[(t.sells^1)&1], t.sells)
			if m.pauseRef == 0 {
				m.pauseRef = price
				e.markMarket(m)
			}
		}
		t.took += paid
		t.fee += takerFee
		t.makerFees += makerFee
		t.left -= lots
		if m.last != price {
			m.last = price
			e.markMarket(m)
		}
		e.emitPlainTrade(t, maker, price, lots, makerFee, takerFee)
		lv.lots -= lots
		maker.made += paid
		maker.remaining -= lots
		if maker.remaining != 0 {
			maker.status = statusPartly
			e.mark(i)
			e.payMaker(t, maker, i, paid, makerFee, lots*m.lot)
			return true // the taker has none left
		}
		next := maker.next
		lv.head = next
		slotOf(e.orders, next).prev = 0
		if lv.orders--; lv.orders == 0 {
			l.remove(l.best)
		}
		a := e.payMaker(t, maker, i, paid, makerFee, lots*m.lot)
		e.byRef.remove(mix2(a.id, maker.ref), i)
		e.endPlain(a, maker, i)
	}
	return true
}

// payMaker captures what a maker spends in a trade, and hands it what it gets. What
// rests keeps what its rest can cost, which for a sale is all that it still has.
// Which side it is on is not foretold, so both amounts are worked out.
func (e *Engine) payMaker(t *taking, maker *order, i uint32, paid, fee, goods int64) *account {
	m := t.m
	a := e.purseAt(maker.acct, m)
	buys := int64(t.sells)
	spent, got := either(goods, paid+fee, buys), either(paid-fee, goods, buys)
	e.roomForChanges(1)
	spends := a.held[(t.sells^1)&1]
	b := e.touchPlain(spends)
	keep := int64(0)
	if maker.remaining != 0 {
		keep = e.needOf(m, i)
	}
	b.available += maker.reserved - spent - keep
	b.reserved -= maker.reserved - keep
	maker.reserved = keep
	e.touchPaid(maker.acct, m, a.held[t.sells&1], t.sells^1).available += got
	return slotOf(e.accounts, maker.acct)
}

// either is a when which is 0 and b when it is 1, without a branch.
func either(a, b, which int64) int64 { return a ^ (a^b)&-which }

// purseAt is purse without the question whether there is such an account.
func (e *Engine) purseAt(acct uint32, m *market) *account {
	a := slotOf(e.accounts, acct)
	if a.market != m.id {
		e.openPurse(acct, m)
	}
	return a
}

// touchPaid is touchSlot for what a side is paid in; the account may hold none of
// it yet.
func (e *Engine) touchPaid(acct uint32, m *market, held uint32, sells uint32) *balance {
	if held != 0 {
		return e.touchSlot(held)
	}
	return e.touch(acct, m.asset(sells^1))
}

// settleTaken enters the taker's side of its trades.
func (e *Engine) settleTaken(t *taking, lots int64) {
	m := t.m
	a := e.purseAt(t.acct, m)
	goods, sells := lots*m.lot, int64(t.sells)
	spent := either(t.took+t.fee, goods, sells)
	t.reserved -= spent
	slotOf(e.balances, a.held[t.sells&1]).reserved -= spent
	slotOf(e.balances, a.held[(t.sells^1)&1]).available += either(goods, t.took-t.fee, sells)
	e.assets[m.quote-1].fees += t.fee + t.makerFees
}

// ceilPPM is a fee in millionths, rounded up to whole quote units.
func ceilPPM(owed int64) int64 { return int64((uint64(owed) + ppmScale - 1) / ppmScale) }

// emitPlainTrade is emitTrade of an order that is in no slab.
func (e *Engine) emitPlainTrade(t *taking, maker *order, price, lots, makerFee, takerFee int64) {
	e.tradeID++
	e.events++
	p := newEvent[[104]byte](e.out)
	*p = frameTrade
	le.PutUint64(p[5:], e.tradeID)
	le.PutUint64(p[14:], uint64(price))
	le.PutUint64(p[23:], uint64(lots))
	le.PutUint64(p[32:], maker.id)
	le.PutUint64(p[41:], t.id)
	le.PutUint64(p[50:], slotOf(e.accounts, maker.acct).id)
	le.PutUint64(p[59:], t.account)
	le.PutUint64(p[68:], uint64(makerFee))
	le.PutUint64(p[77:], uint64(takerFee))
	le.PutUint64(p[86:], uint64(e.clock.nowMs))
	le.PutUint32(p[95:], t.m.id)
	le.PutUint32(p[100:], uint32(buy)+t.sells)
	if e.reply != nil && len(e.fills) < maxFillsAnswered {
		e.fills = append(e.fills, fill{e.tradeID, price, lots, takerFee})
	}
}
