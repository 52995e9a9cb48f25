package market

import (
	"encoding/binary"
	"iter"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	tradesv1 "fondaco.dev/proto/trades/v1"
)

// The events that come by the thousand are read by hand: numbers of fixed
// width, no allocation but for strings that are kept. Every reader answers
// false where it meets what it does not know, and the generated code decides.

// Field numbers of trades.v1.Event.
const (
	kindAccepted = 5
	kindTrade    = 7
	kindCanceled = 8
	kindBalance  = 10
	kindRested   = 14
)

// eventKind is the event's field number and message.
func eventKind(raw []byte) (kind protowire.Number, body []byte, ok bool) {
	kind, typ, n := protowire.ConsumeTag(raw)
	if n < 0 || typ != protowire.BytesType {
		return 0, nil, false
	}
	body, m := protowire.ConsumeBytes(raw[n:])
	return kind, body, m >= 0 && n+m == len(raw)
}

// fields calls fixed for each number of fixed width and bytes for each string
// or message; false when there is anything else or one of them says so.
func fields(b []byte, fixed func(num protowire.Number, v uint64) bool, other func(num protowire.Number, v []byte) bool) bool {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return false
		}
		b = b[n:]
		switch typ {
		case protowire.Fixed64Type:
			if len(b) < 8 || !fixed(num, binary.LittleEndian.Uint64(b)) {
				return false
			}
			b = b[8:]
		case protowire.Fixed32Type:
			if len(b) < 4 || !fixed(num, uint64(binary.LittleEndian.Uint32(b))) {
				return false
			}
			b = b[4:]
		case protowire.VarintType:
			v, n := protowire.ConsumeVarint(b)
			if n < 0 || !fixed(num, v) {
				return false
			}
			b = b[n:]
		case protowire.BytesType:
			v, n := protowire.ConsumeBytes(b)
			if n < 0 || other == nil || !other(num, v) {
				return false
			}
			b = b[n:]
		default:
			return false
		}
	}
	return true
}

// framed says whether b is made of fields 1.. of these widths, in order and
// nothing else: the order book writes its frequent events so.
func framed(b []byte, widths ...int) bool {
	at := 0
	for i, w := range widths {
		tag := byte(i+1)<<3 | byte(protowire.Fixed64Type)
		if w == 4 {
			tag = byte(i+1)<<3 | byte(protowire.Fixed32Type)
		}
		if at >= len(b) || b[at] != tag {
			return false
		}
		at += 1 + w
	}
	return at == len(b)
}

func u64(b []byte, at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
func u32(b []byte, at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }

func decodeAccepted(b []byte, e *tradesv1.OrderAccepted) bool {
	if framed(b, 8, 8, 8, 8, 8, 4, 4, 8, 8) {
		e.OrderId, e.Account, e.PriceTicks, e.QuantityLots, e.Reserved = u64(b, 1), u64(b, 10), u64(b, 19), u64(b, 28), u64(b, 37)
		e.Market, e.Kind, e.AtMs, e.ClientRef, e.ClientOrderId, e.Terms = u32(b, 46), u32(b, 51), u64(b, 56), u64(b, 65), "", nil
		return true
	}
	e.OrderId, e.Account, e.PriceTicks, e.QuantityLots, e.Reserved, e.Market, e.Kind, e.AtMs, e.ClientRef, e.ClientOrderId, e.Terms = 0, 0, 0, 0, 0, 0, 0, 0, 0, "", nil
	return fields(b, func(num protowire.Number, v uint64) bool {
		switch num {
		case 1:
			e.OrderId = v
		case 2:
			e.Account = v
		case 3:
			e.PriceTicks = v
		case 4:
			e.QuantityLots = v
		case 5:
			e.Reserved = v
		case 6:
			e.Market = uint32(v)
		case 7:
			e.Kind = uint32(v)
		case 8:
			e.AtMs = v
		case 9:
			e.ClientRef = v
		default:
			return false
		}
		return true
	}, func(num protowire.Number, v []byte) bool {
		switch num {
		case 10:
			e.ClientOrderId = string(v)
		case 11:
			e.Terms = &tradesv1.OrderTerms{}
			return proto.Unmarshal(v, e.Terms) == nil
		default:
			return false
		}
		return true
	})
}

func decodeRested(b []byte, e *tradesv1.OrderRested) bool {
	if framed(b, 8, 8, 8) {
		e.OrderId, e.RemainingLots, e.VisibleLots = u64(b, 1), u64(b, 10), u64(b, 19)
		return true
	}
	e.OrderId, e.RemainingLots, e.VisibleLots = 0, 0, 0
	return fields(b, func(num protowire.Number, v uint64) bool {
		switch num {
		case 1:
			e.OrderId = v
		case 2:
			e.RemainingLots = v
		case 3:
			e.VisibleLots = v
		default:
			return false
		}
		return true
	}, nil)
}

func decodeTrade(b []byte, e *tradesv1.Trade) bool {
	e.TradeId, e.PriceTicks, e.QuantityLots, e.MakerOrderId, e.TakerOrderId, e.MakerAccount, e.TakerAccount = 0, 0, 0, 0, 0, 0, 0
	e.MakerFee, e.TakerFee, e.AtMs, e.Market, e.TakerSide, e.Auction = 0, 0, 0, 0, 0, false
	return fields(b, func(num protowire.Number, v uint64) bool {
		switch num {
		case 1:
			e.TradeId = v
		case 2:
			e.PriceTicks = v
		case 3:
			e.QuantityLots = v
		case 4:
			e.MakerOrderId = v
		case 5:
			e.TakerOrderId = v
		case 6:
			e.MakerAccount = v
		case 7:
			e.TakerAccount = v
		case 8:
			e.MakerFee = v
		case 9:
			e.TakerFee = v
		case 10:
			e.AtMs = v
		case 11:
			e.Market = uint32(v)
		case 12:
			e.TakerSide = uint32(v)
		case 13:
			e.Auction = v != 0
		default:
			return false
		}
		return true
	}, nil)
}

func decodeCanceled(b []byte, e *tradesv1.OrderCanceled) bool {
	if framed(b, 8, 8, 8, 4) {
		e.OrderId, e.RemainingLots, e.AtMs, e.Reason = u64(b, 1), u64(b, 10), u64(b, 19), u32(b, 28)
		return true
	}
	e.OrderId, e.RemainingLots, e.AtMs, e.Reason = 0, 0, 0, 0
	return fields(b, func(num protowire.Number, v uint64) bool {
		switch num {
		case 1:
			e.OrderId = v
		case 2:
			e.RemainingLots = v
		case 3:
			e.AtMs = v
		case 4:
			e.Reason = uint32(v)
		default:
			return false
		}
		return true
	}, nil)
}

func decodeBalance(b []byte, e *tradesv1.BalanceChanged) bool {
	if framed(b, 8, 8, 8, 4) {
		e.Account, e.Available, e.Reserved, e.Asset = u64(b, 1), u64(b, 10), u64(b, 19), u32(b, 28)
		return true
	}
	e.Account, e.Available, e.Reserved, e.Asset = 0, 0, 0, 0
	return fields(b, func(num protowire.Number, v uint64) bool {
		switch num {
		case 1:
			e.Account = v
		case 2:
			e.Available = v
		case 3:
			e.Reserved = v
		case 4:
			e.Asset = uint32(v)
		default:
			return false
		}
		return true
	}, nil)
}

// Output is the part of a trades.v1.Output that the fold needs.
type Output struct {
	FirstEventSeq uint64
	Last          bool
	data          []byte
}

// ReadOutput takes a message of TRADES apart, which the output aliases.
func ReadOutput(data []byte) (out Output, ok bool) {
	out.data = data
	ok = fields(data, func(num protowire.Number, v uint64) bool {
		switch num {
		case 4:
			out.Last = v != 0
		case 5:
			out.FirstEventSeq = v
		}
		return true
	}, func(protowire.Number, []byte) bool { return true })
	return out, ok
}

// Events are the serialized events with their event_seq.
func (o Output) Events() iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		seq := o.FirstEventSeq
		for b := o.data; len(b) > 0; {
			num, typ, n := protowire.ConsumeTag(b)
			m := protowire.ConsumeFieldValue(num, typ, b[n:])
			if num == 6 && typ == protowire.BytesType {
				event, _ := protowire.ConsumeBytes(b[n:])
				if !yield(seq, event) {
					return
				}
				seq++
			}
			b = b[n+m:]
		}
	}
}
