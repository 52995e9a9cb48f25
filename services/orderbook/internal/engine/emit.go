package engine

import "encoding/binary"

// Events are written straight into the bytes of an Output, each as
//
//	+----------------+--------+---------------+--------+-----------+
//	| field 6, bytes | length | kind N, bytes | length | fields... |
//	+----------------+--------+---------------+--------+-----------+
//
// Those of orders and balances have fixed-width fields, zeros included, so each
// is a frame of known bytes with the values stored in their places. The others
// are in emitrare.go. Field numbers are those of trades.v1; a test decodes every
// kind.

var le = binary.LittleEndian

// Frames: the fixed bytes of events, with zeros where the values go.
var (
	frameAccepted    = frame[[77]byte](5, 8, 8, 8, 8, 8, 4, 4, 8, 8)
	frameTrade       = frame[[104]byte](7, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 4, 4)
	frameCanceled    = frame[[36]byte](8, 8, 8, 8, 4)
	frameAmended     = frame[[69]byte](9, 8, 8, 8, 8, 8, 8, 8, 1)
	frameBalance     = frame[[36]byte](10, 8, 8, 8, 4)
	frameRested      = frame[[31]byte](14, 8, 8, 8)
	frameTriggered   = frame[[31]byte](15, 8, 8, 8)
	frameMoved       = frame[[23]byte](21, 8, 8)
	frameDecremented = frame[[41]byte](22, 8, 8, 8, 8)
)

// frame lays out an event of kind n whose fields 1.. have these widths; 1 is a
// bool.
func frame[A ~[23]byte | ~[31]byte | ~[36]byte | ~[41]byte | ~[69]byte | ~[77]byte | ~[104]byte](n int, widths ...int) A {
	var fields []byte
	for i, w := range widths {
		wire := map[int]byte{8: 1, 4: 5, 1: 0}[w]
		fields = append(fields, byte(i+1)<<3|wire)
		fields = append(fields, make([]byte, w)...)
	}
	return A(appendEvent(nil, n, fields))
}

// appendEvent frames the fields of an event.
func appendEvent(b []byte, n int, fields []byte) []byte {
	inner := sizeTag(n) + sizeBytes(len(fields))
	b = append(b, 6<<3|2)
	b = binary.AppendUvarint(b, uint64(inner))
	b = binary.AppendUvarint(b, uint64(n)<<3|2)
	b = binary.AppendUvarint(b, uint64(len(fields)))
	return append(b, fields...)
}

func (e *Engine) emitTrade(m *market, price, lots int64, maker, taker *order, makerFee, takerFee int64, auction bool) {
	e.events++
	if auction {
		e.emitAuctionTrade(m, price, lots, maker, taker, makerFee, takerFee)
		return
	}
	p := newEvent[[104]byte](e.out)
	*p = frameTrade
	e.putTrade(p, m, price, lots, maker, taker, makerFee, takerFee)
}

func (e *Engine) putTrade(p *[104]byte, m *market, price, lots int64, maker, taker *order, makerFee, takerFee int64) {
	le.PutUint64(p[5:], e.tradeID)
	le.PutUint64(p[14:], uint64(price))
	le.PutUint64(p[23:], uint64(lots))
	le.PutUint64(p[32:], maker.id)
	le.PutUint64(p[41:], taker.id)
	le.PutUint64(p[50:], e.accounts[maker.acct].id)
	le.PutUint64(p[59:], e.accounts[taker.acct].id)
	le.PutUint64(p[68:], uint64(makerFee))
	le.PutUint64(p[77:], uint64(takerFee))
	le.PutUint64(p[86:], uint64(e.clock.nowMs))
	le.PutUint32(p[95:], m.id)
	le.PutUint32(p[100:], uint32(taker.side()))
}

// emitAuctionTrade is a trade with one field more.
func (e *Engine) emitAuctionTrade(m *market, price, lots int64, maker, taker *order, makerFee, takerFee int64) {
	p := newEvent[[106]byte](e.out)
	q := (*[104]byte)(p[:])
	*q = frameTrade
	e.putTrade(q, m, price, lots, maker, taker, makerFee, takerFee)
	p[1] += 2
	p[3] += 2
	p[104], p[105] = 13<<3, 1
}

func (e *Engine) emitOrderCanceled(id uint64, why cause, lots int64) {
	e.events++
	p := newEvent[[36]byte](e.out)
	*p = frameCanceled
	putCanceled(p, id, why, lots, e.clock.nowMs)
}

func putCanceled(p *[36]byte, id uint64, why cause, lots, nowMs int64) {
	le.PutUint64(p[5:], id)
	le.PutUint64(p[14:], uint64(lots))
	le.PutUint64(p[23:], uint64(nowMs))
	le.PutUint32(p[32:], uint32(why))
}

func (e *Engine) emitOrderRested(id uint64, lots, visible int64) {
	e.events++
	p := newEvent[[31]byte](e.out)
	*p = frameRested
	putRested(p, id, lots, visible)
}

func putRested(p *[31]byte, id uint64, lots, visible int64) {
	le.PutUint64(p[5:], id)
	le.PutUint64(p[14:], uint64(lots))
	le.PutUint64(p[23:], uint64(visible))
}

func (e *Engine) emitOrderTriggered(id uint64, last int64) {
	e.events++
	p := newEvent[[31]byte](e.out)
	*p = frameTriggered
	le.PutUint64(p[5:], id)
	le.PutUint64(p[14:], uint64(e.clock.nowMs))
	le.PutUint64(p[23:], uint64(last))
}

func (e *Engine) emitTriggerMoved(id uint64, trigger int64) {
	e.events++
	p := newEvent[[23]byte](e.out)
	*p = frameMoved
	le.PutUint64(p[6:], id)
	le.PutUint64(p[15:], uint64(trigger))
}

func (e *Engine) emitOrderDecremented(id uint64, lots, remaining, visible int64) {
	e.events++
	p := newEvent[[41]byte](e.out)
	*p = frameDecremented
	le.PutUint64(p[6:], id)
	le.PutUint64(p[15:], uint64(lots))
	le.PutUint64(p[24:], uint64(remaining))
	le.PutUint64(p[33:], uint64(visible))
}

// emitOrderAmended tells the order's terms as they are now.
func (e *Engine) emitOrderAmended(i uint32, visible int64, kept bool) {
	e.events++
	o := &e.orders[i]
	p := newEvent[[69]byte](e.out)
	*p = frameAmended
	le.PutUint64(p[5:], o.id)
	le.PutUint64(p[14:], uint64(o.price))
	le.PutUint64(p[23:], uint64(e.orders[i].quantity))
	le.PutUint64(p[32:], uint64(o.remaining))
	le.PutUint64(p[41:], uint64(visible))
	le.PutUint64(p[50:], uint64(o.reserved))
	le.PutUint64(p[59:], uint64(e.clock.nowMs))
	if kept {
		p[68] = 1
	}
}

func putBalance(p *[36]byte, b *balance) {
	*p = frameBalance
	le.PutUint64(p[5:], b.owner)
	le.PutUint64(p[14:], uint64(b.available))
	le.PutUint64(p[23:], uint64(b.reserved))
	le.PutUint32(p[32:], b.asset)
}

// frameResting is an order that rests at once.
var frameResting = [108]byte(append(frameAccepted[:], frameRested[:]...))

// emitPlain tells an order without any rare term that has its reservation.
func (e *Engine) emitPlain(c *Command, kind uint32, id uint64, reserved int64) {
	e.events++
	p := newEvent[[77]byte](e.out)
	*p = frameAccepted
	e.putPlain(p, c, kind, id, reserved)
}

func (e *Engine) putPlain(p *[77]byte, c *Command, kind uint32, id uint64, reserved int64) {
	le.PutUint64(p[5:], id)
	le.PutUint64(p[14:], c.Account)
	le.PutUint64(p[23:], uint64(c.Price))
	le.PutUint64(p[32:], uint64(c.Quantity))
	le.PutUint64(p[41:], uint64(reserved))
	le.PutUint32(p[50:], c.Market)
	le.PutUint32(p[55:], kind)
	le.PutUint64(p[60:], uint64(e.clock.nowMs))
	le.PutUint64(p[69:], c.Ref)
}

func putAccepted(p *[77]byte, o *order, account uint64, nowMs int64) {
	le.PutUint64(p[5:], o.id)
	le.PutUint64(p[14:], account)
	le.PutUint64(p[23:], uint64(o.price))
	le.PutUint64(p[32:], uint64(o.quantity))
	le.PutUint64(p[41:], uint64(o.reserved))
	le.PutUint32(p[50:], uint32(o.market))
	le.PutUint32(p[55:], uint32(o.side())|uint32(o.typ)<<8|uint32(o.tif)<<16|uint32(o.self)<<24)
	le.PutUint64(p[60:], uint64(nowMs))
	le.PutUint64(p[69:], o.ref)
}

// emitOrderAccepted tells an order that has its reservation.
func (e *Engine) emitOrderAccepted(i uint32) {
	e.events++
	o := &e.orders[i]
	var p *[77]byte
	if o.clientID == 0 && o.terms == 0 && o.flags&flagPost == 0 {
		p = newEvent[[77]byte](e.out)
		*p = frameAccepted
	} else {
		p = e.openAccepted(i)
	}
	putAccepted(p, o, e.accounts[o.acct].id, e.clock.nowMs)
}
