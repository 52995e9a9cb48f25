package engine

import "encoding/binary"

// put adds an event of kind n with these fields, which are the batch's own tmp.
func (e *Engine) put(n int, fields []byte) {
	b := e.out
	b.tmp = fields
	b.data = appendEvent(b.data, n, fields)
	b.n++
	e.events++
}

// openAccepted lays out an OrderAccepted that has a client order id or terms
// and returns where the fixed fields are, counted as in frameAccepted.
func (e *Engine) openAccepted(i uint32) *[77]byte {
	o := &e.orders[i]
	r := &o.rest
	b := e.out
	fields := append(b.tmp[:0], frameAccepted[4:]...)
	if r.clientID != 0 {
		fields = putBytes(fields, 10, e.ids.bytes(r.clientID))
	}
	var nested [128]byte
	if t := e.appendTerms(nested[:0], o); len(t) > 0 {
		fields = putBytes(fields, 11, t)
	}
	b.tmp = fields
	b.data = appendEvent(b.data, 5, fields)
	b.n++
	from := len(b.data) - len(fields) - 4
	return (*[77]byte)(b.data[from:])
}

// appendTerms appends an OrderTerms without its frame; nothing when the order
// has none.
func (e *Engine) appendTerms(f []byte, o *order) []byte {
	t := &e.terms[o.terms]
	f = putInt(putInt(f, 1, t.budget), 2, t.protection)
	f = putInt(putInt(f, 3, t.trigger), 4, t.trail)
	f = putInt(putInt(f, 5, t.display), 6, t.minLots)
	f = putBool(f, 7, o.flags&flagPost != 0)
	f = putInt(f, 8, t.expiresMs)
	if t.other != 0 && e.orders[t.other].id < o.id {
		f = putUint(f, 9, e.orders[t.other].id)
	}
	return f
}

func (e *Engine) emitPackApplied(skipped bool) {
	from := e.in.From
	if !printable(from, MaxGatewayName) {
		from = ""
	}
	f := putUint(e.out.tmp[:0], 1, e.in.Seq)
	f = putUint(putString(f, 2, e.in.Gateway), 3, e.in.PackNo)
	f = putInt(f, 4, e.clock.nowMs)
	f = putBool(putBool(f, 5, skipped), 6, e.doubtful)
	e.put(1, putBool(putString(f, 7, from), 8, e.in.Bad))
}

func (e *Engine) emitAssetAdded(number uint32) {
	a := &e.assets[number-1]
	f := putUint(putString(e.out.tmp[:0], 1, a.name), 2, uint64(a.scale))
	e.put(2, putUint(f, 3, uint64(number)))
}

func (e *Engine) emitMarketAdded(m *market) {
	var terms [512]byte
	t := putString(terms[:0], 1, m.symbol)
	t = putString(putString(t, 2, e.assets[m.base-1].name), 3, e.assets[m.quote-1].name)
	t = putInt(putInt(t, 4, m.tick), 5, m.lot)
	t = putInt(putInt(t, 6, m.makerPPM), 7, m.takerPPM)
	if m.firstLimits != (Limits{}) {
		var limits [128]byte
		t = putBytes(t, 8, appendLimits(limits[:0], &m.firstLimits))
	}
	t = putBool(putInt(t, 9, m.dayEndsMs), 10, m.oneSide)
	t = putUint(t, 11, uint64(m.firstPhase))
	f := putUint(e.out.tmp[:0], 1, uint64(m.id))
	e.put(3, putMessage(f, 2, t))
}

func appendLimits(f []byte, l *Limits) []byte {
	f = putInt(putInt(f, 1, l.MinLots), 2, l.MaxLots)
	f = putInt(putInt(f, 3, l.MinNotional), 4, l.MaxNotional)
	f = putInt(putInt(f, 5, l.CollarPPM), 6, l.PausePPM)
	return putInt(putInt(f, 7, l.PauseMs), 8, l.Reference)
}

// emitFundsChanged tells a deposit, or a withdrawal when amount is negative.
func (e *Engine) emitFundsChanged(account uint64, asset uint32, amount int64, id []byte) {
	f := putUint(putUint(e.out.tmp[:0], 1, account), 2, uint64(asset))
	f = putUint(f, 3, uint64(amount<<1^amount>>63))
	e.put(4, putBytes(f, 4, id))
}

// emitOrderRejected tells an order as it was asked for. Ids that are not
// printable are left out.
func (e *Engine) emitOrderRejected(id uint64, c *Command, r reason, forgotten bool) {
	b := e.out
	n := putUint(putUint(b.order[:0], 1, c.Account), 2, uint64(c.Market))
	n = putUint(putUint(putUint(n, 3, uint64(c.Side)), 4, uint64(c.Type)), 5, uint64(c.TIF))
	n = putInt(putInt(n, 6, c.Price), 7, c.Quantity)
	if printableBytes(c.ClientID, MaxClientID) {
		n = putBytes(n, 8, c.ClientID)
	}
	n = putUint(n, 9, uint64(c.Malformed))
	t := c.Ext
	if t == nil {
		t = &Terms{}
	}
	n = putInt(putInt(n, 10, t.Budget), 11, t.Protection)
	n = putInt(putInt(n, 12, t.Trigger), 13, t.Trail)
	n = putInt(putInt(n, 14, t.Display), 15, t.MinLots)
	n = putInt(putBool(n, 16, c.PostOnly), 17, t.ExpiresMs)
	n = putUint(putUint(n, 18, uint64(c.SelfTrade)), 19, c.Ref)
	b.order = n
	f := putMessage(putUint(b.tmp[:0], 1, id), 2, n)
	f = putInt(putUint(f, 3, uint64(r)), 4, e.clock.nowMs)
	e.put(6, putBool(f, 5, forgotten))
}

func (e *Engine) emitHalted() {
	e.put(11, putInt(putInt(e.out.tmp[:0], 1, e.clock.nowMs), 2, e.clock.leaptToMs))
}

func (e *Engine) emitResumed() { e.put(12, putInt(e.out.tmp[:0], 1, e.clock.nowMs)) }

func (e *Engine) emitCommandRejected(account, orderID uint64, r reason) {
	f := putUint(putUint(e.out.tmp[:0], 1, uint64(e.index)), 2, account)
	e.put(13, putUint(putUint(f, 3, orderID), 4, uint64(r)))
}

func (e *Engine) emitPhaseChanged(m *market, volatility bool) {
	f := putUint(putUint(e.out.tmp[:0], 1, uint64(m.id)), 2, uint64(m.phase))
	f = putUint(putInt(f, 3, m.endsAtMs), 4, uint64(m.then))
	e.put(16, putInt(putBool(f, 5, volatility), 6, e.clock.nowMs))
}

func (e *Engine) emitAuctioned(m *market, price, volume, surplus, reference int64, input []byte) {
	f := putUint(e.out.tmp[:0], 1, uint64(m.id))
	f = putInt(putInt(f, 2, price), 3, volume)
	f = putUint(f, 4, uint64(surplus<<1^surplus>>63))
	f = putBytes(putInt(f, 5, reference), 6, input)
	e.put(17, putInt(putInt(f, 7, m.beganMs), 8, e.clock.nowMs))
}

func (e *Engine) emitLimitsChanged(m *market) {
	var limits [128]byte
	f := putUint(e.out.tmp[:0], 1, uint64(m.id))
	e.put(18, putMessage(f, 2, appendLimits(limits[:0], &m.limits)))
}

func (e *Engine) emitKeptAlive(account uint64, deadlineMs int64) {
	e.put(19, putInt(putUint(e.out.tmp[:0], 1, account), 2, deadlineMs))
}

func (e *Engine) emitActivated() {
	e.put(20, putUint(e.out.tmp[:0], 1, uint64(e.semantics)))
}

func sizeTag(n int) int { return sizeUvarint(uint64(n) << 3) }

func sizeBytes(n int) int { return sizeUvarint(uint64(n)) + n }

func sizeUvarint(v uint64) int {
	var b [binary.MaxVarintLen64]byte
	return binary.PutUvarint(b[:], v)
}
