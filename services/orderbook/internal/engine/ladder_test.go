package engine

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestLadderAgainstMap opens and removes levels near each other and as far away
// as prices go, and compares order, best and lookups with a sorted slice.
func TestLadderAgainstMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := ladder{down: rapid.Bool().Draw(t, "down")}
		var prices []int64
		price := rapid.OneOf(rapid.Int64Range(1, 200), rapid.Int64Range(4000, 5000), rapid.Int64Range(1, 1<<62),
			rapid.Map(rapid.IntRange(0, 62), func(k int) int64 { return 1 << k }))
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			if len(prices) > 0 && rapid.IntRange(0, 2).Draw(t, "remove") == 0 {
				k := rapid.IntRange(0, len(prices)-1).Draw(t, "which")
				v := l.find(prices[k])
				if v == 0 {
					t.Fatalf("price %d is not found", prices[k])
				}
				l.levels[v].orders = 0
				l.remove(v)
				prices = slices.Delete(prices, k, k+1)
			} else {
				p := price.Draw(t, "price")
				v := l.at(p)
				l.levels[v].orders = 1
				if l.levels[v].price != p || l.at(p) != v || l.find(p) != v {
					t.Fatalf("price %d is at level %d", p, v)
				}
				if !slices.Contains(prices, p) {
					prices = append(prices, p)
				}
			}
			slices.Sort(prices)
			if l.down {
				slices.Reverse(prices)
			}
			var got []int64
			for v := l.best; v != 0; v = l.next(v) {
				got = append(got, l.levels[v].price)
			}
			if !slices.Equal(got, prices) {
				t.Fatalf("levels %v, want %v", got, prices)
			}
			if err := l.audit(); err != nil {
				t.Fatal(err)
			}
			gone := price.Draw(t, "asked")
			if (l.find(gone) != 0) != slices.Contains(prices, gone) {
				t.Fatalf("price %d: found %t", gone, l.find(gone) != 0)
			}
		}
	})
}

// TestLadderAuditSeesDamage breaks one thing at a time.
func TestLadderAuditSeesDamage(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(*ladder){
		"bitmap":    func(l *ladder) { l.pages[l.levels[l.best].page].bits ^= 1 << 63 },
		"best":      func(l *ladder) { l.best = l.next(l.best) },
		"child":     func(l *ladder) { l.pages[l.levels[l.best].page].child[l.levels[l.best].price&63] = 0 },
		"price":     func(l *ladder) { l.levels[l.best].price++ },
		"count":     func(l *ladder) { l.count-- },
		"short cut": func(l *ladder) { l.near[7] = nearPage{7, l.root} },
		"parent":    func(l *ladder) { l.pages[l.levels[l.best].page].parent = 0 },
	} {
		var l ladder
		for _, p := range []int64{5, 70, 71, 5000} {
			l.levels[l.at(p)].orders = 1
		}
		if err := l.audit(); err != nil {
			t.Fatal(err)
		}
		damage(&l)
		if l.audit() == nil {
			t.Errorf("damage to the %s is not seen", name)
		}
	}
}
