package engine

import "encoding/binary"

// Bounds of an answer; all fills are in TRADES.
const (
	// maxFillsAnswered is the number of fills that one outcome carries: the
	// oldest; filled_lots is always whole.
	maxFillsAnswered = 1000
	// maxReply is the size in bytes from which on outcomes carry no fills: a
	// reply is one message, below the server's limit of 8 MiB.
	maxReply = 4 << 20
)

// Reply is the answer to one pack, an orders.v1.PackReply in bytes. The zero
// value is ready, a nil one answers nobody.
type Reply struct {
	data    []byte
	gateway string
}

// Bytes is the encoded PackReply, good until the next pack; empty when the
// pack was skipped.
func (r *Reply) Bytes() []byte { return r.data }

// Gateway is who asked; empty when the pack was skipped.
func (r *Reply) Gateway() string { return r.gateway }

func (r *Reply) reset() {
	if r != nil {
		r.data, r.gateway = r.data[:0], ""
	}
}

func (r *Reply) begin(gateway string, packNo, inSeq uint64) {
	if r != nil {
		r.gateway = gateway
		r.data = putUint(putUint(r.data, 1, packNo), 2, inSeq)
	}
}

func (r *Reply) end(nowMs int64) {
	if r != nil && len(r.data) > 0 {
		r.data = putInt(r.data, 4, nowMs)
	}
}

// answer is what the command at hand tells about its order: as it is after the
// command and its triggers, or was when it ended.
type answer struct {
	slot      uint32 // of the order while it is in the slab
	repeated  bool
	status    uint8
	why       cause
	reject    reason // of a rejected order
	id        uint64
	second    uint64 // the second order of a pair
	filled    int64
	remaining int64
	canceled  int // orders, by a CancelAll
}

// fill is what the answered order traded.
type fill struct {
	tradeID          uint64
	price, lots, fee int64
}

// capture takes an order's state into the answer: it may leave the slab.
func (e *Engine) capture(i uint32) {
	a, o := &e.answer, &e.orders[i]
	a.slot = 0
	a.id, a.status, a.filled, a.remaining = o.id, o.status, e.filledLots(i), o.remaining
	switch o.status {
	case statusRejected:
		a.reject, a.remaining = reason(o.why), 0
	case statusCanceled, statusExpired, statusFilled:
		a.why = o.why
	}
}

func (a *answer) rejected(id uint64) { a.id, a.status = id, statusRejected }

// noteFill keeps a fill of the answered order.
func (e *Engine) noteFill(price, lots int64, maker uint32, makerFee, takerFee int64) {
	if len(e.fills) == maxFillsAnswered {
		return
	}
	f := fill{e.tradeID, price, lots, takerFee}
	if maker == e.answer.slot {
		f.fee = makerFee
	}
	e.fills = append(e.fills, f)
}

// outcome adds the answer of a command; somebody wants it.
func (e *Engine) outcome(r reason) {
	p, a := e.reply, &e.answer
	if a.slot != 0 {
		e.capture(a.slot)
	}
	fills := e.fills
	if len(p.data) >= maxReply || r != ok || a.repeated {
		fills = nil
	}
	start := len(p.data)
	b := append(p.data, 3<<3|2, 0)
	b = putUint(b, 1, uint64(r))
	b = putFixed(b, 2, a.id)
	b = putUint(b, 3, uint64(a.status))
	b = putFixed(b, 4, uint64(a.filled))
	b = putFixed(b, 5, uint64(a.remaining))
	b = putUint(b, 6, uint64(a.why))
	b = putBool(b, 7, a.repeated)
	for k := range fills {
		f := &fills[k]
		b = append(b, 8<<3|2, byte(fillSize(f)))
		b = putFixed(putFixed(b, 1, f.tradeID), 2, uint64(f.price))
		b = putFixed(putFixed(b, 3, uint64(f.lots)), 4, uint64(f.fee))
	}
	b = putUint(b, 9, uint64(a.canceled))
	p.data = closeMessage(putFixed(b, 10, a.second), start+1)
}

// closeMessage writes the length of what follows its byte at from; a long one
// takes more than that byte.
func closeMessage(b []byte, from int) []byte {
	n := len(b) - from - 1
	if n < 0x80 {
		b[from] = byte(n)
		return b
	}
	more := sizeUvarint(uint64(n)) - 1
	b = append(b, make([]byte, more)...)
	copy(b[from+1+more:], b[from+1:])
	binary.PutUvarint(b[from:], uint64(n))
	return b
}

func fillSize(f *fill) int {
	n := 9
	for _, v := range [...]int64{f.price, f.lots, f.fee} {
		if v != 0 {
			n += 9
		}
	}
	return n
}
