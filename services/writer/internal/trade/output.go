package trade

import (
	"errors"
	"iter"

	"google.golang.org/protobuf/encoding/protowire"
)

// Output is a message of TRADES whose events are still as they came: trades.v1's
// own decoding makes five objects an order, of which nothing is kept.
type Output struct {
	FirstInSeq, LastInSeq uint64
	Part                  uint32
	Last                  bool
	FirstEventSeq         uint64
	PrevSeq               uint64
	PrevDigest            []byte // of the message's own bytes
	Count                 int    // events

	data []byte
}

var errNoOutput = errors.New("it is no message of the order book")

// ReadOutput reads a message, which must not change afterwards. Fields that it
// does not know are skipped, as trades.v1 has it.
func ReadOutput(data []byte) (Output, error) {
	o := Output{data: data}
	for b := data; len(b) > 0; {
		f, n := nextField(b)
		if n <= 0 {
			return o, errNoOutput
		}
		b = b[n:]
		if f.typ != protowire.VarintType && f.typ != protowire.BytesType {
			continue
		}
		isBytes := f.typ == protowire.BytesType
		switch {
		case f.num == 6 && isBytes:
			o.Count++
		case f.num == 9 && isBytes:
			o.PrevDigest = f.bytes
		case isBytes:
		case f.num == 1:
			o.FirstInSeq = f.value
		case f.num == 2:
			o.LastInSeq = f.value
		case f.num == 3:
			o.Part = uint32(f.value)
		case f.num == 4:
			o.Last = f.value != 0
		case f.num == 5:
			o.FirstEventSeq = f.value
		case f.num == 8:
			o.PrevSeq = f.value
		}
	}
	return o, nil
}

// Events are the events, with their numbers, as trades.v1.Event encodes them.
func (o *Output) Events() iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		seq := o.FirstEventSeq
		for b := o.data; len(b) > 0; {
			f, n := nextField(b)
			b = b[n:]
			if f.num == 6 && f.typ == protowire.BytesType {
				if !yield(seq, f.bytes) {
					return
				}
				seq++
			}
		}
	}
}

// field is one field of a message.
type field struct {
	num   protowire.Number
	typ   protowire.Type
	value uint64 // of a number
	bytes []byte // of a text, bytes or message
}

// nextField reads the field at the beginning of b and says how long it is, or at most
// 0 when there is none.
func nextField(b []byte) (f field, n int) {
	if len(b) == 0 {
		return f, 0
	}
	if t := b[0]; t < 0x80 {
		f.num, f.typ, n = protowire.Number(t>>3), protowire.Type(t&7), 1
	} else if f.num, f.typ, n = protowire.ConsumeTag(b); n < 0 {
		return f, n
	}
	if f.num == 0 {
		return f, 0
	}
	m := 0
	switch f.typ {
	case protowire.Fixed64Type:
		f.value, m = protowire.ConsumeFixed64(b[n:])
	case protowire.Fixed32Type:
		var v uint32
		v, m = protowire.ConsumeFixed32(b[n:])
		f.value = uint64(v)
	case protowire.VarintType:
		f.value, m = protowire.ConsumeVarint(b[n:])
	case protowire.BytesType:
		f.bytes, m = protowire.ConsumeBytes(b[n:])
	default:
		m = protowire.ConsumeFieldValue(f.num, f.typ, b[n:])
	}
	if m < 0 {
		return f, m
	}
	return f, n + m
}
