package core

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
	data             []byte
	body, outc, fill []byte
}

// Bytes is the encoded PackReply, good until the next Apply; empty when the
// pack was skipped.
func (r *Reply) Bytes() []byte { return r.data }

func (r *Reply) reset() {
	if r != nil {
		r.data = r.data[:0]
	}
}

func (r *Reply) begin(packNo, inSeq uint64) {
	if r != nil {
		r.data = putUint(putUint(r.data, 1, packNo), 2, inSeq)
	}
}

// outcome answers a command that has no order to show.
func (r *Reply) outcome(why reason, repeated bool) {
	if r == nil {
		return
	}
	r.outc = putBool(putUint(r.outc[:0], 1, uint64(why)), 3, repeated)
	r.data = putMessage(r.data, 3, r.outc)
}

// order answers with an order's state.
func (r *Reply) order(o *order, symbol, clientID string, why reason, repeated bool, fills []keptFill) {
	if r == nil {
		return
	}
	b := putString(putUint(r.body[:0], 1, o.id), 2, clientID)
	b = putString(putUint(b, 3, o.account), 4, symbol)
	b = putUint(putUint(putUint(b, 5, uint64(o.side)), 6, uint64(o.kind)), 7, uint64(o.tif))
	b = putInt(putInt(putInt(b, 8, o.price), 9, o.quantity), 10, o.filled)
	b = putUint(putUint(putUint(b, 11, uint64(o.status)), 12, uint64(o.reject)), 13, uint64(o.cancel))
	if len(r.data) < maxReply {
		for i := range fills {
			f := &fills[i]
			r.fill = putInt(putInt(putInt(putUint(r.fill[:0], 1, f.tradeID), 2, f.price), 3, f.quantity), 4, f.fee)
			b = putMessage(b, 14, r.fill)
		}
	}
	r.body = b
	r.outc = putMessage(putUint(r.outc[:0], 1, uint64(why)), 2, b)
	r.outc = putBool(r.outc, 3, repeated)
	r.data = putMessage(r.data, 3, r.outc)
}
