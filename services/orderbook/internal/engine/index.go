package engine

// index finds slots by a hash of their key, by open addressing: an entry is
// the upper half of the hash and a slot, the home of an entry is the top bits
// of its tag, and taking one out moves those behind it back. The key is in the
// slab that the slots belong to; callers compare it.
//
// It is in parts, by the topmost bits, that grow by themselves: making the whole
// of a large one anew would keep a command waiting.
type index struct {
	parts [indexParts]indexPart
	n     int
	thin  uint8        // more room for fewer collisions: a load of at most 1/2^(thin+1)
	large func([]byte) // see Options
}

type indexPart struct {
	rows  []uint64 // tag << 32 | slot; 0: empty
	n     int
	shift uint8 // 32 - log2 of len(rows)
}

const (
	indexBits  = 6
	indexParts = 1 << indexBits
	minBits    = 4
	minIndex   = 1 << minBits // rows of a part
)

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
	return x.parts[tag>>(32-indexBits)].home(tag), tag
}

// home is where the search of a tag begins; the topmost bits chose the part.
func (p *indexPart) home(tag uint32) uint32 { return tag << indexBits >> p.shift }

// probe goes on from a position to the next entry of the tag. It returns its
// slot and the position to go on from; slot 0 ends the search.
func (x *index) probe(at, tag uint32) (slot, next uint32) {
	rows := x.parts[tag>>(32-indexBits)].rows
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
	p := &x.parts[hash>>(64-indexBits)]
	if (p.n+1)<<(1+x.thin) > len(p.rows) {
		x.grow(p)
	}
	x.n++
	p.n++
	p.put(hash&^0xffffffff | uint64(slot))
}

func (p *indexPart) put(row uint64) {
	mask := uint32(len(p.rows) - 1)
	at := p.home(uint32(row >> 32))
	for p.rows[at&mask] != 0 {
		at++
	}
	p.rows[at&mask] = row
}

// grow makes a part larger; the first entry makes all of them.
func (x *index) grow(p *indexPart) {
	old := p.rows
	if len(old) == 0 {
		rows := make([]uint64, indexParts*minIndex)
		for k := range x.parts {
			x.parts[k] = indexPart{rows: rows[k*minIndex:][:minIndex:minIndex], shift: 32 - minBits}
		}
		return
	}
	p.rows = enlarged[uint64](nil, 2*len(old), x.large)[:2*len(old)]
	p.shift--
	for _, r := range old {
		if r != 0 {
			p.put(r)
		}
	}
}

// reserve makes room for n entries.
func (x *index) reserve(n int) {
	n += n / 16 // some parts get more than others
	for k := range x.parts {
		for n<<(1+x.thin)/indexParts > len(x.parts[k].rows) {
			x.grow(&x.parts[k])
		}
	}
}

// remove takes out the entry of a slot, which must be there.
func (x *index) remove(hash uint64, slot uint32) {
	p := &x.parts[hash>>(64-indexBits)]
	mask := uint32(len(p.rows) - 1)
	row := hash&^0xffffffff | uint64(slot)
	if len(p.rows) == 0 {
		panic("index: entry to remove is missing")
	}
	at := p.home(uint32(hash>>32)) & mask
	for p.rows[at] != row {
		if p.rows[at] == 0 {
			panic("index: entry to remove is missing")
		}
		at = (at + 1) & mask
	}
	x.n--
	p.n--
	for next := at; ; {
		next = (next + 1) & mask
		r := p.rows[next]
		if r == 0 {
			break
		}
		home := p.home(uint32(r>>32)) & mask
		if (next-home)&mask >= (next-at)&mask {
			p.rows[at] = r
			at = next
		}
	}
	p.rows[at] = 0
}

func (x *index) clone() index {
	c := *x
	for k := range c.parts {
		if rows := x.parts[k].rows; len(rows) > 0 {
			c.parts[k].rows = enlarged(rows, len(rows), x.large)
		}
	}
	return c
}
