package engine

import (
	"errors"
	"fmt"
	"math/bits"
)

// audit checks the tree of pages against the levels.
func (l *ladder) audit() error {
	pages, levels := 0, 0
	if l.root != 0 {
		if l.pages[l.root].parent != 0 {
			return errors.New("the root page has a parent")
		}
		if err := l.auditPage(l.root, &pages, &levels); err != nil {
			return err
		}
	}
	freePages, freeLevels := 0, 0
	for p := l.freed; p != 0; p = l.pages[p].parent {
		freePages++
	}
	for v := l.free; v != 0; v = l.levels[v].head {
		freeLevels++
	}
	if levels != l.count || levels+freeLevels != max(len(l.levels)-1, 0) || pages+freePages != max(len(l.pages)-1, 0) {
		return fmt.Errorf("%d levels of %d, %d pages, %d and %d free", levels, l.count, pages, freeLevels, freePages)
	}
	if l.near != nil {
		for _, n := range l.near {
			if n.page != 0 && (l.pages[n.page].shift != 0 || l.pages[n.page].prefix != n.key || l.pages[n.page].bits == 0) {
				return fmt.Errorf("a short cut to prices of %d leads elsewhere", n.key<<6)
			}
		}
	}
	best := uint32(0)
	if l.root != 0 {
		g := &l.pages[l.root]
		k := bits.TrailingZeros64(g.bits)
		if l.down {
			k = 63 - bits.LeadingZeros64(g.bits)
		}
		best = l.first(g, k)
	}
	n := 0
	for v := l.best; v != 0; v = l.next(v) {
		if next := l.next(v); next != 0 && !l.before(l.levels[v].price, l.levels[next].price) {
			return fmt.Errorf("price %d comes before %d", l.levels[v].price, l.levels[next].price)
		}
		n++
	}
	if best != l.best || n != l.count {
		return fmt.Errorf("the best level is %d by the bitmaps, %d by record; %d levels of %d reached", best, l.best, n, l.count)
	}
	return nil
}

func (l *ladder) auditPage(p uint32, pages, levels *int) error {
	g := &l.pages[p]
	*pages++
	if g.bits == 0 || g.shift%6 != 0 {
		return fmt.Errorf("page of prefix %d is empty or of step %d", g.prefix, g.shift)
	}
	for k, c := range g.child {
		if (c != 0) != (g.bits>>k&1 != 0) {
			return fmt.Errorf("page of prefix %d: bit %d does not tell of child %d", g.prefix, k, c)
		}
		if c == 0 {
			continue
		}
		place := g.prefix<<6 | uint64(k)
		if g.shift == 0 {
			*levels++
			if lv := &l.levels[c]; uint64(lv.price) != place || lv.page != p || lv.orders == 0 {
				return fmt.Errorf("level %d is in the place of price %d, or empty", lv.price, place)
			}
			continue
		}
		child := &l.pages[c]
		if child.parent != p || child.shift >= g.shift || child.prefix>>(g.shift-child.shift-6) != place {
			return fmt.Errorf("page of prefix %d is in the place of %d", child.prefix, place)
		}
		if err := l.auditPage(c, pages, levels); err != nil {
			return err
		}
	}
	return nil
}
