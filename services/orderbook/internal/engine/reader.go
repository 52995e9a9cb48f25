package engine

import "encoding/binary"

// reader goes over the fields of a message. The first error sticks.
type reader struct {
	b   []byte
	bad bool
}

// next returns the number and wire type of the next field; 0 at the end.
func (r *reader) next() (field, wire int) {
	if len(r.b) == 0 {
		return 0, 0
	}
	v := r.varint()
	if v>>3 == 0 || v>>3 > 1<<29-1 {
		r.fail()
		return 0, 0
	}
	return int(v >> 3), int(v & 7)
}

func (r *reader) fail() { r.b, r.bad = nil, true }

func (r *reader) varint() uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 {
		v := r.b[0]
		r.b = r.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// num reads a varint field; another wire type is not one.
func (r *reader) num(wire int) uint64 {
	if wire != 0 {
		r.skip(wire)
		return 0
	}
	return r.varint()
}

// bytes reads a length-delimited field; the bytes stay the message's.
func (r *reader) bytes(wire int) []byte {
	if wire != 2 {
		r.skip(wire)
		return nil
	}
	n := r.varint()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

// skip goes over a field that nobody wants.
func (r *reader) skip(wire int) {
	n := 0
	switch wire {
	case 0:
		r.varint()
		return
	case 1:
		n = 8
	case 2:
		r.bytes(2)
		return
	case 5:
		n = 4
	default:
		r.fail()
		return
	}
	if n > len(r.b) {
		r.fail()
		return
	}
	r.b = r.b[n:]
}
