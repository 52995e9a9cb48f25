package engine

// heap is a 4-ary min-heap of what waits for a time or a price, ordered by
// (key, kind, id), of which no two are equal; so what comes out does not depend
// on the order of what went in, and a heap need not be in digest or snapshot.
//
//	nodes  heap order; node k has the children 4k+1..4k+4
//	where  handle-1 -> index in nodes, or, of a free handle, freed|next free handle
//
// push gives a handle, by which its entry can be removed again before its turn.
// Handles count from 1; 0 is none. The zero value is an empty heap.
type heap struct {
	nodes []node
	where []uint32
	free  uint32 // first free handle, 0 = none
}

const freed = 1 << 31

// node is one entry: slot is what its owner finds the thing by.
type node struct {
	key    int64
	id     uint64
	slot   uint32
	handle uint32
	kind   uint8
}

func (a *node) before(b *node) bool {
	if a.key != b.key {
		return a.key < b.key
	}
	if a.kind != b.kind {
		return a.kind < b.kind
	}
	return a.id < b.id
}

// push adds an entry and returns its handle.
func (h *heap) push(key int64, kind uint8, id uint64, slot uint32) uint32 {
	handle := h.free
	if handle != 0 {
		h.free = h.where[handle-1] &^ freed
	} else {
		h.where = append(h.where, 0)
		handle = uint32(len(h.where))
	}
	h.nodes = append(h.nodes, node{})
	h.up(uint32(len(h.nodes)-1), node{key, id, slot, handle, kind})
	return handle
}

// remove takes the entry of a handle out; the handle is free afterwards.
func (h *heap) remove(handle uint32) {
	at := h.where[handle-1]
	if at&freed != 0 {
		panic("removing a heap entry twice")
	}
	h.where[handle-1] = freed | h.free
	h.free = handle
	last := uint32(len(h.nodes) - 1)
	moved := h.nodes[last]
	h.nodes = h.nodes[:last]
	switch {
	case at == last:
	case at > 0 && moved.before(&h.nodes[(at-1)/4]):
		h.up(at, moved)
	default:
		h.down(at, moved)
	}
}

// first returns the least entry, nil when there is none. The pointer is good
// until the heap changes.
func (h *heap) first() *node {
	if len(h.nodes) == 0 {
		return nil
	}
	return &h.nodes[0]
}

func (h *heap) clone() heap {
	return heap{append([]node(nil), h.nodes...), append([]uint32(nil), h.where...), h.free}
}

func (h *heap) up(at uint32, n node) {
	for at > 0 {
		parent := (at - 1) / 4
		if !n.before(&h.nodes[parent]) {
			break
		}
		h.put(at, h.nodes[parent])
		at = parent
	}
	h.put(at, n)
}

func (h *heap) down(at uint32, n node) {
	for {
		least, end := 4*at+1, min(4*at+5, uint32(len(h.nodes)))
		if least >= end {
			break
		}
		for k := least + 1; k < end; k++ {
			if h.nodes[k].before(&h.nodes[least]) {
				least = k
			}
		}
		if !h.nodes[least].before(&n) {
			break
		}
		h.put(at, h.nodes[least])
		at = least
	}
	h.put(at, n)
}

func (h *heap) put(at uint32, n node) {
	h.nodes[at] = n
	h.where[n.handle-1] = at
}

// audit reports whether heap order and handles agree.
func (h *heap) audit() bool {
	for k := range h.nodes {
		if h.where[h.nodes[k].handle-1] != uint32(k) || k > 0 && h.nodes[k].before(&h.nodes[(k-1)/4]) {
			return false
		}
	}
	free := 0
	for f := h.free; f != 0 && free <= len(h.where); f = h.where[f-1] &^ freed {
		free++
	}
	return free+len(h.nodes) == len(h.where)
}

// holds reports whether a handle is that of such an entry.
func (h *heap) holds(handle uint32, key int64, id uint64, slot uint32) bool {
	if handle == 0 || int(handle) > len(h.where) || h.where[handle-1]&freed != 0 {
		return false
	}
	n := &h.nodes[h.where[handle-1]]
	return n.handle == handle && n.key == key && n.id == id && n.slot == slot
}
