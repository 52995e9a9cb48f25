package decode

import (
	"encoding/binary"
	"fmt"

	"github.com/ethereum/go-ethereum/accounts/abi"
)

const word = 32

// node is a type, prepared for decoding.
type node struct {
	kind    byte // abi.UintTy and so on
	bits    int  // of an integer; bytes of a bytesN; elements of an array
	size    int  // bytes that it takes in its parent: one word when dynamic
	dynamic bool // an offset stands for it
	elem    *node
	fields  []node
	keys    [][]byte // of the fields, with { or , before and : after
}

func newNode(t abi.Type) node {
	n := node{kind: t.T, bits: t.Size, size: word}
	switch t.T {
	case abi.StringTy, abi.BytesTy:
		n.dynamic = true
	case abi.SliceTy:
		elem := newNode(*t.Elem)
		n.elem, n.dynamic = &elem, true
	case abi.ArrayTy:
		elem := newNode(*t.Elem)
		n.elem, n.dynamic = &elem, elem.dynamic
		if !elem.dynamic {
			n.size = t.Size * elem.size
		}
	case abi.TupleTy:
		total := 0
		for i, e := range t.TupleElems {
			f := newNode(*e)
			key := []byte{','}
			if i == 0 {
				key[0] = '{'
			}
			name := t.TupleRawNames[i]
			if name == "" {
				name = fmt.Sprintf("arg%d", i)
			}
			n.fields, n.keys = append(n.fields, f), append(n.keys, append(appendString(key, name), ':'))
			n.dynamic = n.dynamic || f.dynamic
			total += f.size
		}
		if !n.dynamic {
			n.size = total
		}
	}
	return n
}

// limit is the most bytes that arguments may take as JSON. Offsets may point
// anywhere, so that a few kilobytes can stand for any number of elements; what
// a compiler wrote has a few bytes of JSON for each of its own.
func limit(data int) int { return 1<<20 + 16*data }

// writer writes encoded values as JSON. Its methods accept what go-ethereum's
// decoder accepts, and say false otherwise.
type writer struct {
	out   []byte
	limit int
	full  bool
}

// value writes the value whose head is at data[at:]; offsets count from the
// beginning of data.
func (w *writer) value(n *node, data []byte, at int) bool {
	if at+word > len(data) {
		return false
	}
	switch n.kind {
	case abi.StringTy, abi.BytesTy, abi.SliceTy:
		start, length, ok := prefixed(data, at)
		switch {
		case !ok:
			return false
		case n.kind == abi.SliceTy:
			return w.list(n.elem, data[start:], length)
		}
		body := data[start : start+length]
		if len(w.out)+2*len(body) > w.limit {
			w.full = true
			return false
		}
		if n.kind == abi.BytesTy {
			w.out = appendHex(w.out, body)
		} else {
			w.out = appendText(w.out, body)
		}
		return true
	case abi.ArrayTy:
		if !n.dynamic {
			return w.list(n.elem, data[at:], n.bits)
		}
		// The last 8 bytes of the offset decide, as in go-ethereum.
		offset := binary.BigEndian.Uint64(data[at+word-8 : at+word])
		if offset > uint64(len(data)) {
			return false
		}
		return w.list(n.elem, data[offset:], n.bits)
	case abi.TupleTy:
		if !n.dynamic {
			return w.tuple(n, data[at:])
		}
		offset, ok := small(data[at : at+word])
		if !ok || offset > len(data) {
			return false
		}
		return w.tuple(n, data[offset:])
	}
	return w.word(n, data[at:at+word])
}

func (w *writer) list(elem *node, data []byte, count int) bool {
	if word*count > len(data) {
		return false
	}
	w.out = append(w.out, '[')
	for i := range count {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if len(w.out) > w.limit {
			w.full = true
			return false
		}
		if !w.value(elem, data, i*elem.size) {
			return false
		}
	}
	w.out = append(w.out, ']')
	return true
}

func (w *writer) tuple(n *node, data []byte) bool {
	if len(n.fields) == 0 {
		w.out = append(w.out, '{')
	}
	at := 0
	for i := range n.fields {
		w.out = append(w.out, n.keys[i]...)
		if !w.value(&n.fields[i], data, at) {
			return false
		}
		at += n.fields[i].size
	}
	w.out = append(w.out, '}')
	return true
}

// prefixed finds the content of a value with its length before it.
func prefixed(data []byte, at int) (start, length int, ok bool) {
	offset, ok := small(data[at : at+word])
	if !ok || offset > len(data)-word {
		return 0, 0, false
	}
	start = offset + word
	length, ok = small(data[offset:start])
	return start, length, ok && length <= len(data)-start
}

// small reads a word that may be an offset or a length.
func small(b []byte) (int, bool) {
	if binary.BigEndian.Uint64(b)|binary.BigEndian.Uint64(b[8:])|binary.BigEndian.Uint64(b[16:]) != 0 {
		return 0, false
	}
	v := binary.BigEndian.Uint64(b[24:])
	return int(v), v <= 1<<62
}

// word writes a value of one word.
func (w *writer) word(n *node, b []byte) bool {
	switch n.kind {
	case abi.UintTy, abi.IntTy:
		return w.integer(n, b)
	case abi.AddressTy:
		w.out = appendHex(w.out, b[12:])
	case abi.BoolTy:
		v, ok := small(b)
		if !ok || v > 1 {
			return false
		}
		if v == 1 {
			w.out = append(w.out, "true"...)
		} else {
			w.out = append(w.out, "false"...)
		}
	case abi.FixedBytesTy:
		w.out = appendHex(w.out, b[:n.bits])
	case abi.FunctionTy:
		if binary.BigEndian.Uint64(b[24:]) != 0 {
			return false
		}
		w.out = appendHex(w.out, b[:24])
	case abi.HashTy:
		w.out = appendHex(w.out, b)
	default:
		return false
	}
	return true
}

// integer writes a number of 256 bits; go-ethereum checks the range of those
// widths alone that Go has a type for.
func (w *writer) integer(n *node, b []byte) bool {
	v := wide{binary.BigEndian.Uint64(b[24:]), binary.BigEndian.Uint64(b[16:]), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b)}
	negative := n.kind == abi.IntTy && v[3]>>63 == 1
	if negative {
		v = v.negated()
	}
	switch n.bits {
	case 8, 16, 32, 64:
		bits := n.bits
		if n.kind == abi.IntTy {
			bits--
		}
		if v[1]|v[2]|v[3] != 0 {
			return false
		}
		// A negative number may be one larger than a positive one.
		if top := v[0] >> bits; bits < 64 && top != 0 && !(negative && v[0] == 1<<bits) {
			return false
		}
	}
	quoted := n.bits > maxNumberBits
	if quoted {
		w.out = append(w.out, '"')
	}
	if negative {
		w.out = append(w.out, '-')
	}
	w.out = v.append(w.out)
	if quoted {
		w.out = append(w.out, '"')
	}
	return true
}
