package command

import (
	"encoding/binary"
	"errors"

	"google.golang.org/protobuf/encoding/protowire"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/market"
)

// Outcome is what became of a command, see orders.v1.Outcome.
type Outcome struct {
	Reject            ordersv1.RejectReason
	Status            ordersv1.OrderStatus
	CancelReason      ordersv1.CancelReason
	Repeated          bool
	OrderID, SecondID uint64
	Filled, Remaining int64 // lots
	Canceled          uint32
	Fills             []market.Fill
}

// Reply is the answer to a pack. Outcomes are read one at a time.
type Reply struct {
	PackNo, InSeq uint64
	NowMS         int64
	outcomes      []byte // what follows the last outcome read
	data          []byte
	Count         int
}

var errReply = errors.New("the engine's answer is not an orders.v1.PackReply")

// ReadReply takes an orders.v1.PackReply apart; it aliases data.
func ReadReply(data []byte) (Reply, error) {
	r := Reply{data: data, outcomes: data}
	for b := data; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return r, errReply
		}
		b = b[n:]
		switch typ {
		case protowire.VarintType:
			v, n := protowire.ConsumeVarint(b)
			if n < 0 {
				return r, errReply
			}
			b = b[n:]
			switch num {
			case 1:
				r.PackNo = v
			case 2:
				r.InSeq = v
			case 4:
				r.NowMS = int64(v)
			}
		case protowire.BytesType:
			_, n := protowire.ConsumeBytes(b)
			if n < 0 {
				return r, errReply
			}
			b = b[n:]
			if num == 3 {
				r.Count++
			}
		default:
			if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
				return r, errReply
			}
			b = b[n:]
		}
	}
	return r, nil
}

// Next reads the next outcome into o; false when there is none.
func (r *Reply) Next(o *Outcome) bool {
	for len(r.outcomes) > 0 {
		num, typ, n := protowire.ConsumeTag(r.outcomes)
		r.outcomes = r.outcomes[n:]
		if num == 3 && typ == protowire.BytesType {
			body, n := protowire.ConsumeBytes(r.outcomes)
			r.outcomes = r.outcomes[n:]
			return o.read(body)
		}
		r.outcomes = r.outcomes[protowire.ConsumeFieldValue(num, typ, r.outcomes):]
	}
	return false
}

func (o *Outcome) read(b []byte) bool {
	*o = Outcome{Fills: o.Fills[:0]}
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return false
		}
		b = b[n:]
		switch typ {
		case protowire.Fixed64Type:
			if len(b) < 8 {
				return false
			}
			v := binary.LittleEndian.Uint64(b)
			b = b[8:]
			switch num {
			case 2:
				o.OrderID = v
			case 4:
				o.Filled = int64(v)
			case 5:
				o.Remaining = int64(v)
			case 10:
				o.SecondID = v
			}
		case protowire.VarintType:
			v, n := protowire.ConsumeVarint(b)
			if n < 0 {
				return false
			}
			b = b[n:]
			switch num {
			case 1:
				o.Reject = ordersv1.RejectReason(v)
			case 3:
				o.Status = ordersv1.OrderStatus(v)
			case 6:
				o.CancelReason = ordersv1.CancelReason(v)
			case 7:
				o.Repeated = v != 0
			case 9:
				o.Canceled = uint32(v)
			}
		case protowire.BytesType:
			v, n := protowire.ConsumeBytes(b)
			if n < 0 {
				return false
			}
			b = b[n:]
			if num == 8 {
				var f market.Fill
				if !readFill(v, &f) {
					return false
				}
				o.Fills = append(o.Fills, f)
			}
		default:
			return false
		}
	}
	return true
}

func readFill(b []byte, f *market.Fill) bool {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 || typ != protowire.Fixed64Type || len(b) < n+8 {
			return false
		}
		v := binary.LittleEndian.Uint64(b[n:])
		b = b[n+8:]
		switch num {
		case 1:
			f.TradeID = v
		case 2:
			f.PriceTicks = int64(v)
		case 3:
			f.QuantityLots = int64(v)
		case 4:
			f.Fee = int64(v)
		}
	}
	return true
}
