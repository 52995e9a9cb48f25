package engine

// index finds slots by a hash of their key, by open addressing: an entry is
// the upper half of the hash and a slot, the home of an entry is the top bits
// of its tag, and taking one out moves those behind it back. The key is in the
// slab that the slots belong to; callers compare it.
type index struct {
	rows  []uint64 // tag << 32 | slot; 0: empty
	shift uint8    // 32 - log2 of len(rows)
	n     int
	thin  uint8        // more room for fewer collisions: a load of at most 1/2^(thin+1)
	large func([]byte) // see Options
}

const minIndex = 16

// mix spreads a number over 64 bits. From the public-domain splitmix64.
func mix(v uint64) uint64 {
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}

// mix2 is for keys of two numbers.
func mix2(a, b uint64) uint64 {
	v := (a*0x9e3779b97f4a7c15 ^ b) * 0xbf58476d1ce4e5b9
	return v ^ v>>32
}

// seek begins a search: the position and the tag of a hash.
func (x *index) seek(hash uint64) (at, tag uint32) {
	tag = uint32(hash >> 32)
	return tag >> x.shift, tag
}

// probe goes on from a position to the next entry of the tag. It returns its
// slot and the position to go on from; slot 0 ends the search.
func (x *index) probe(at, tag uint32) (slot, next uint32) {
	rows := x.rows
	mask := uint32(len(rows) - 1)
	for {
		if len(rows) == 0 {
			return 0, 0
		}
		r := rows[at&mask]
		if r == 0 {
			return 0, at
		}
		at++
		if uint32(r>>32) == tag {
			return uint32(r), at
		}
	}
}

// add enters a slot that is not in the index.
func (x *index) add(hash uint64, slot uint32) {
	if (x.n+1)<<(1+x.thin) > len(x.rows) {
		x.grow()
	}
	x.n++
	x.put(hash&^0xffffffff | uint64(slot))
}

func (x *index) put(row uint64) {
	mask := uint32(len(x.rows) - 1)
	at := uint32(row>>32) >> x.shift
	for x.rows[at&mask] != 0 {
		at++
	}
	x.rows[at&mask] = row
}

func (x *index) grow() {
	old := x.rows
	size := max(2*len(old), minIndex)
	x.rows = enlarged[uint64](nil, size, x.large)[:size]
	x.shift = 32
	for s := size; s > 1; s >>= 1 {
		x.shift--
	}
	for _, r := range old {
		if r != 0 {
			x.put(r)
		}
	}
}

// reserve makes room for n entries.
func (x *index) reserve(n int) {
	for n<<(1+x.thin) > len(x.rows) {
		x.grow()
	}
}

// remove takes out the entry of a slot, which must be there.
func (x *index) remove(hash uint64, slot uint32) {
	mask := uint32(len(x.rows) - 1)
	row := hash&^0xffffffff | uint64(slot)
	at := uint32(hash>>32) >> x.shift & mask
	for x.rows[at] != row {
		if x.rows[at] == 0 {
			panic("index: entry to remove is missing")
		}
		at = (at + 1) & mask
	}
	x.n--
	for next := at; ; {
		next = (next + 1) & mask
		r := x.rows[next]
		if r == 0 {
			break
		}
		home := uint32(r>>32) >> x.shift & mask
		if (next-home)&mask >= (next-at)&mask {
			x.rows[at] = r
			at = next
		}
	}
	x.rows[at] = 0
}

func (x *index) clone() index {
	c := *x
	c.rows = nil
	if len(x.rows) > 0 {
		c.rows = enlarged(x.rows, len(x.rows), x.large)
	}
	return c
}
