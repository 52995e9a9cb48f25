package engine

import "unsafe"

// memory is where slabs and indexes get theirs from; see Options.
type memory struct {
	large   func(memory []byte)
	reserve func(bytes int) (room []byte, need func(bytes int))
}

// room is address space in which a slab grows without moving; the zero value is
// none. What need refers to holds the space, so it is kept as long as the slab.
type room struct {
	bytes []byte
	need  func(bytes int)
}

const (
	largeSlab = 2 << 20   // bytes from which on Options.Large is told
	roomFrom  = 256 << 10 // bytes from which on a slab has a room
	roomBytes = 16 << 30  // address space of a room; only what is used takes memory
	leastStep = 1 << 20   // bytes by which a slab grows in its room
)

// held is a room that a copy of its slab reads on and does not grow in.
func (r *room) held() room { return room{need: r.need} }

// spaces are rooms that the slabs of the next copy will be in.
type spaces struct{ orders, refs room }

// ReadyClone has memory made ready for a Clone that comes soon, beside the engine:
// most of what a Clone takes is the first use of its memory. It does nothing when
// Options.Reserve is not there, or was asked by it before.
func (e *Engine) ReadyClone() {
	if e.spaces.orders.bytes != nil {
		return
	}
	e.spaces = spaces{readied(e.orders, &e.memory), readied(e.byRef.buckets, &e.memory)}
}

// readied is a room for a copy of a slab, some of whose growth included.
func readied[T any](s []T, m *memory) room {
	var one T
	n := len(s) * int(unsafe.Sizeof(one))
	if m.reserve == nil || n < roomFrom {
		return room{}
	}
	bytes, need := m.reserve(n + n/16 + leastStep)
	if bytes == nil {
		return room{}
	}
	need(len(bytes))
	return room{bytes, need}
}

// copied is a copy of a slab in a room, if it fits in there, with what holds it.
func copied[T any](s []T, r room, large func([]byte)) ([]T, room) {
	var one T
	if size := int(unsafe.Sizeof(one)); len(s)*size <= len(r.bytes) {
		t := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(r.bytes))), len(s))
		copy(t, s)
		return t, r.held()
	}
	return enlarged(s, cap(s), large), room{}
}

// further makes a slab longer by an element of zeros.
func further[T any](s []T, r *room, m *memory) []T {
	n := len(s)
	if n == cap(s) {
		s = grown(s, 1, r, m)
	}
	return s[:n+1]
}

// grown makes room for so many elements more, and for others after them: by a
// sixteenth where it is, so that the sixteenth after that can be got ready
// meanwhile; or, where there is no room, by an eighth in another place: a slab that
// doubles would waste what the memory figure allows.
func grown[T any](s []T, by int, r *room, m *memory) []T {
	var one T
	size := int(unsafe.Sizeof(one))
	if n := (len(s) + by) * size; r.bytes != nil || n >= roomFrom {
		step := max(n/16, leastStep)
		if t := extended(s, (n+step)/size, r, m); t != nil {
			r.need(n + 2*step)
			return t
		}
	}
	return enlarged(s, len(s)+by+max(len(s)/8, 1024), m.large)
}

// extended makes room for n in all in the slab's room, which it gets if it has
// none yet; nil when there is none to get.
func extended[T any](s []T, n int, r *room, m *memory) []T {
	var one T
	size := int(unsafe.Sizeof(one))
	if n*size > len(r.bytes) {
		if m.reserve == nil {
			return nil
		}
		bytes, need := m.reserve(max(roomBytes, 4*n*size))
		if bytes == nil {
			return nil
		}
		t := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(bytes))), len(bytes)/size)
		copy(t, s)
		*r = room{bytes, need} // the old one is let go of only now
		s = t[:len(s)]
	}
	r.need(n * size)
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(r.bytes))), n)[:len(s)]
}

// roomy returns a slab with room for n in all.
func roomy[T any](s []T, n int, r *room, m *memory) []T {
	var one T
	if n <= cap(s) {
		return s
	}
	if n*int(unsafe.Sizeof(one)) >= roomFrom {
		if t := extended(s, n, r, m); t != nil {
			return t
		}
	}
	return enlarged(s, n, m.large)
}

// InRooms is how many bytes the slabs have that are in address space which
// Options.Reserve gave: it is no part of the heap.
func (e *Engine) InRooms() (bytes int) {
	for _, n := range [...]int{
		roomed(e.orders, &e.orderRoom), roomed(e.terms, &e.termsRoom), roomed(e.accounts, &e.accountRoom), roomed(e.balances, &e.balanceRoom),
		roomed(e.byRef.buckets, &e.byRef.room), roomed(e.ids.rows, &e.ids.room), roomed(e.funds.rows, &e.funds.rowRoom), roomed(e.funds.texts, &e.funds.textRoom),
	} {
		bytes += n
	}
	return bytes
}

// roomed is how many bytes a slab has in its room.
func roomed[T any](s []T, r *room) int {
	var one T
	if r.bytes == nil {
		return 0
	}
	return cap(s) * int(unsafe.Sizeof(one))
}

// enlarged copies a slab into one with room for n.
func enlarged[T any](old []T, n int, large func([]byte)) []T {
	s := make([]T, len(old), n)
	if size := n * int(unsafe.Sizeof(s[:1][0])); large != nil && size >= largeSlab {
		large(unsafe.Slice((*byte)(unsafe.Pointer(&s[:1][0])), size))
	}
	copy(s, old)
	return s
}

// Ready has the memory of so many orders in all there before they come, as far as
// the slab has a room: getting it ready goes on beside the engine.
func (e *Engine) Ready(orders int) {
	if orders <= cap(e.orders) {
		return
	}
	if s := extended(e.orders, orders, &e.orderRoom, &e.memory); s != nil {
		e.orders = s
	}
}
