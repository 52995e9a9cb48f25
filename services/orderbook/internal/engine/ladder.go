package engine

import "math/bits"

// ladder holds the price levels of one side, of bids, asks or waiting orders.
// Levels are found through a tree of pages: a page covers 64 neighbours, prices
// on the lowest step and pages above, with a bitmap of those that exist. Steps
// that all prices share are left out, so a page knows its step (shift) and its
// place (prefix); a market whose prices are near each other has two or three
// steps, one with prices from 1 to 2^62 at most eleven. A small table of the
// lowest pages saves the way down.
//
// Levels and pages live in slabs; 0 is none.
type ladder struct {
	best   uint32 // level that comes first
	down   bool   // the highest price comes first
	root   uint32 // page
	count  int    // levels
	levels []level
	pages  []page
	free   uint32 // level; chained by head
	freed  uint32 // page; chained by parent
	near   *[nearSize]nearPage
}

// level is the queue at one price.
type level struct {
	price      int64
	lots       int64 // visible lots of all orders in the queue
	head, tail uint32
	orders     uint32
	page       uint32
}

type page struct {
	prefix uint64 // price >> (shift+6)
	bits   uint64
	shift  uint8
	parent uint32
	child  [64]uint32 // levels when shift is 0, else pages
}

const nearSize = 64

// nearPage remembers which lowest page covers prices of price>>6 == key.
type nearPage struct {
	key  uint64
	page uint32
}

// find returns the level at a price; 0 when there is none.
func (l *ladder) find(price int64) uint32 {
	p := l.pageOf(price)
	if p == 0 {
		return 0
	}
	return l.pages[p].child[price&63]
}

// pageOf returns the lowest page that covers a price; 0 when there is none.
func (l *ladder) pageOf(price int64) uint32 {
	if l.near == nil {
		return 0
	}
	key := uint64(price) >> 6
	n := &l.near[key%nearSize]
	if n.key == key && n.page != 0 {
		return n.page
	}
	p := l.root
	for p != 0 {
		g := &l.pages[p]
		if uint64(price)>>(g.shift+6) != g.prefix {
			return 0
		}
		if g.shift == 0 {
			*n = nearPage{key, p}
			return p
		}
		p = g.child[uint64(price)>>g.shift&63]
	}
	return 0
}

// nearLevel is find among the pages of the table; 0 may also mean that it is of
// another page.
func (l *ladder) nearLevel(price int64) uint32 {
	if l.near == nil {
		return 0
	}
	n := &l.near[uint64(price)>>6%nearSize]
	if n.key != uint64(price)>>6 {
		return 0
	}
	return slotOf(l.pages, n.page).child[price&63] // page 0 has none
}

// at returns the level at a price, made when there is none.
func (l *ladder) at(price int64) uint32 {
	if p := l.pageOf(price); p != 0 {
		if v := l.pages[p].child[price&63]; v != 0 {
			return v
		}
		return l.open(p, price)
	}
	return l.open(l.grow(price), price)
}

// open makes the level at a price in its lowest page.
func (l *ladder) open(p uint32, price int64) uint32 {
	v := l.free
	if v != 0 {
		l.free = l.levels[v].head
	} else {
		if len(l.levels) == 0 {
			l.levels = append(l.levels, level{})
		}
		v = uint32(len(l.levels))
		l.levels = append(l.levels, level{})
	}
	lv := &l.levels[v]
	*lv = level{}
	lv.price, lv.page = price, p
	g := &l.pages[p]
	g.child[price&63] = v
	g.bits |= 1 << (price & 63)
	l.count++
	if l.best == 0 || l.before(price, l.levels[l.best].price) {
		l.best = v
	}
	return v
}

// before reports whether a price comes before another.
func (l *ladder) before(price, other int64) bool {
	f := l.flip()
	return price^f < other^f
}

// crosses reports whether an order with a limit would trade with a level of
// this side: a purchase with asks up to it, a sale with bids down to it.
func (l *ladder) crosses(price, limit int64) bool {
	f := l.flip()
	return price^f <= limit^f
}

// takes reports that an order with a limit would trade with the best
// of this side.
func (l *ladder) takes(limit int64) bool {
	return l.best != 0 && l.crosses(l.levels[l.best].price, limit)
}

// flip is what turns prices so that the lower comes first: -1 or 0.
func (l *ladder) flip() int64 {
	f := int64(0)
	if l.down {
		f = 1
	}
	return -f
}

// grow makes the lowest page for a price, with the pages above it that are
// needed, and returns it.
func (l *ladder) grow(price int64) uint32 {
	if l.near == nil {
		l.near = new([nearSize]nearPage)
	}
	leaf := l.newPage(0, uint64(price)>>6)
	parent, at := uint32(0), l.root
	for at != 0 {
		g := &l.pages[at]
		if uint64(price)>>(g.shift+6) != g.prefix {
			break
		}
		parent, at = at, g.child[uint64(price)>>g.shift&63]
	}
	if at != 0 {
		// Another page is where the new one should be: both go below a page of
		// the lowest step that covers them.
		other := l.pages[at].prefix << (l.pages[at].shift + 6)
		differ := uint8(bits.Len64(other^uint64(price))-1) / 6 * 6
		differ = max(differ, l.pages[at].shift+6)
		over := l.newPage(differ, uint64(price)>>(differ+6))
		l.hang(over, at, other)
		l.hang(parent, over, uint64(price))
		parent = over
	}
	l.hang(parent, leaf, uint64(price))
	return leaf
}

// hang puts a page below its parent, or at the root.
func (l *ladder) hang(parent, child uint32, price uint64) {
	l.pages[child].parent = parent
	if parent == 0 {
		l.root = child
		return
	}
	g := &l.pages[parent]
	k := price >> g.shift & 63
	g.child[k] = child
	g.bits |= 1 << k
}

func (l *ladder) newPage(shift uint8, prefix uint64) uint32 {
	p := l.freed
	if p != 0 {
		l.freed = l.pages[p].parent
	} else {
		if len(l.pages) == 0 {
			l.pages = append(l.pages, page{})
		}
		p = uint32(len(l.pages))
		l.pages = append(l.pages, page{})
	}
	g := &l.pages[p]
	g.prefix, g.shift, g.parent = prefix, shift, 0
	return p
}

// remove takes an empty level out.
func (l *ladder) remove(v uint32) {
	lv := &l.levels[v]
	if v == l.best {
		l.best = l.next(v)
	}
	price, p := uint64(lv.price), lv.page
	*lv = level{}
	lv.head = l.free
	l.free = v
	l.count--
	for p != 0 {
		g := &l.pages[p]
		k := price >> g.shift & 63
		g.child[k] = 0
		g.bits &^= 1 << k
		if g.bits != 0 {
			return
		}
		up := g.parent
		if g.shift == 0 {
			if n := &l.near[g.prefix%nearSize]; n.page == p {
				*n = nearPage{}
			}
		}
		g.parent = l.freed
		l.freed = p
		if p == l.root {
			l.root = 0
		}
		p = up
	}
}

// next returns the level after v; 0 at the end.
func (l *ladder) next(v uint32) uint32 {
	lv := &l.levels[v]
	price, p := uint64(lv.price), lv.page
	for p != 0 {
		g := &l.pages[p]
		k := price >> g.shift & 63
		if l.down {
			if rest := g.bits & (1<<k - 1); rest != 0 {
				return l.first(g, 63-bits.LeadingZeros64(rest))
			}
		} else if rest := g.bits >> k >> 1; rest != 0 {
			return l.first(g, int(k)+1+bits.TrailingZeros64(rest))
		}
		p = g.parent
	}
	return 0
}

// first returns the first level below child k of a page.
func (l *ladder) first(g *page, k int) uint32 {
	for g.shift != 0 {
		g = &l.pages[g.child[k&63]]
		if l.down {
			k = 63 - bits.LeadingZeros64(g.bits)
		} else {
			k = bits.TrailingZeros64(g.bits)
		}
	}
	return g.child[k&63]
}

// clone copies the ladder.
func (l *ladder) clone() ladder {
	c := *l
	c.levels = append([]level(nil), l.levels...)
	c.pages = append([]page(nil), l.pages...)
	if l.near != nil {
		near := *l.near
		c.near = &near
	}
	return c
}
