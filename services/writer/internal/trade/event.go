package trade

import (
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	tradesv1 "fondaco.dev/proto/trades/v1"
)

// Reader decodes events. The usual kinds go into objects of its own, which the next
// Read overwrites; what Changes keeps of an event is never in those.
type Reader struct {
	accepted, rested, canceled, balance, trade tradesv1.Event
	a                                          tradesv1.Event_OrderAccepted
	r                                          tradesv1.Event_OrderRested
	c                                          tradesv1.Event_OrderCanceled
	b                                          tradesv1.Event_BalanceChanged
	t                                          tradesv1.Event_Trade
	p                                          plain
}

// NewReader makes a Reader.
func NewReader() *Reader {
	r := &Reader{}
	r.a.OrderAccepted, r.r.OrderRested, r.c.OrderCanceled, r.b.BalanceChanged = &tradesv1.OrderAccepted{}, &tradesv1.OrderRested{}, &tradesv1.OrderCanceled{}, &tradesv1.BalanceChanged{}
	r.accepted.Kind, r.rested.Kind, r.canceled.Kind, r.balance.Kind, r.trade.Kind = &r.a, &r.r, &r.c, &r.b, &r.t
	return r
}

// Read decodes an event as trades.v1 would; it is good until the next Read. Whatever
// is not plainly one of the usual kinds is left to trades.v1 itself.
func (r *Reader) Read(raw []byte) (*tradesv1.Event, error) {
	if f, n := nextField(raw); n == len(raw) && n > 0 && f.typ == protowire.BytesType {
		switch b := f.bytes; f.num {
		case 5:
			if r.p.accepted(r.a.OrderAccepted, b) {
				return &r.accepted, nil
			}
		case 7:
			// A Changes keeps it.
			if r.t.Trade = new(tradesv1.Trade); r.p.trade(r.t.Trade, b) {
				return &r.trade, nil
			}
		case 8:
			if r.p.canceled(r.c.OrderCanceled, b) {
				return &r.canceled, nil
			}
		case 10:
			if r.p.balance(r.b.BalanceChanged, b) {
				return &r.balance, nil
			}
		case 14:
			if r.p.rested(r.r.OrderRested, b) {
				return &r.rested, nil
			}
		}
	}
	e := &tradesv1.Event{}
	if err := proto.Unmarshal(raw, e); err != nil {
		return nil, fmt.Errorf("decoding an event: %w", err)
	}
	return e, nil
}

// plain is a message of which every field is a fixed number or the one text that it
// has, by the fields' numbers.
type plain struct {
	v    [16]uint64
	text []byte
}

// Which fields are fixed64, fixed32 and the text: bits by the fields' numbers. Source:
// proto/trades/v1/trades.proto.
const (
	acceptedWide, acceptedNarrow, acceptedText = 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<8 | 1<<9, 1<<6 | 1<<7, 1 << 10
	restedWide                                 = 1<<1 | 1<<2 | 1<<3
	canceledWide, canceledNarrow               = 1<<1 | 1<<2 | 1<<3, 1 << 4
	balanceWide, balanceNarrow                 = 1<<1 | 1<<2 | 1<<3, 1 << 4
	tradeWide, tradeNarrow                     = 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<8 | 1<<9 | 1<<10, 1<<11 | 1<<12
)

// read says false to any other field, which is left to who knows all of them.
func (p *plain) read(b []byte, wide, narrow, text uint16) bool {
	*p = plain{}
	for len(b) > 0 {
		f, n := nextField(b)
		if n <= 0 || int(f.num) >= len(p.v) {
			return false
		}
		switch bit := uint16(1) << f.num; {
		case f.typ == protowire.Fixed64Type && wide&bit != 0, f.typ == protowire.Fixed32Type && narrow&bit != 0:
			p.v[f.num] = f.value
		case f.typ == protowire.BytesType && text&bit != 0:
			p.text = f.bytes
		default:
			return false
		}
		b = b[n:]
	}
	return utf8.Valid(p.text)
}

func (p *plain) accepted(m *tradesv1.OrderAccepted, b []byte) bool {
	ok := p.read(b, acceptedWide, acceptedNarrow, acceptedText)
	m.OrderId, m.Account, m.PriceTicks, m.QuantityLots, m.Reserved = p.v[1], p.v[2], p.v[3], p.v[4], p.v[5]
	m.Market, m.Kind, m.AtMs, m.ClientRef, m.ClientOrderId = uint32(p.v[6]), uint32(p.v[7]), p.v[8], p.v[9], string(p.text)
	return ok
}

func (p *plain) rested(m *tradesv1.OrderRested, b []byte) bool {
	ok := p.read(b, restedWide, 0, 0)
	m.OrderId, m.RemainingLots, m.VisibleLots = p.v[1], p.v[2], p.v[3]
	return ok
}

func (p *plain) canceled(m *tradesv1.OrderCanceled, b []byte) bool {
	ok := p.read(b, canceledWide, canceledNarrow, 0)
	m.OrderId, m.RemainingLots, m.AtMs, m.Reason = p.v[1], p.v[2], p.v[3], uint32(p.v[4])
	return ok
}

func (p *plain) balance(m *tradesv1.BalanceChanged, b []byte) bool {
	ok := p.read(b, balanceWide, balanceNarrow, 0)
	m.Account, m.Available, m.Reserved, m.Asset = p.v[1], p.v[2], p.v[3], uint32(p.v[4])
	return ok
}

func (p *plain) trade(m *tradesv1.Trade, b []byte) bool {
	ok := p.read(b, tradeWide, tradeNarrow, 0)
	m.TradeId, m.PriceTicks, m.QuantityLots, m.MakerOrderId, m.TakerOrderId = p.v[1], p.v[2], p.v[3], p.v[4], p.v[5]
	m.MakerAccount, m.TakerAccount, m.MakerFee, m.TakerFee, m.AtMs = p.v[6], p.v[7], p.v[8], p.v[9], p.v[10]
	m.Market, m.TakerSide = uint32(p.v[11]), uint32(p.v[12])
	return ok
}
