package tape

import "math/rand/v2"

// Mix says what Generate writes.
type Mix struct {
	Resting  int    // orders in the book before the mix begins, and about as many throughout
	Commands int    // commands of the mix
	Accounts int    // at least 2
	Prices   int    // ticks on each side of the middle that hold orders
	Seed     uint64 // the same seed gives the same tape
}

// Generate makes a tape of a quiet market's mix: half new orders that rest, two
// fifths cancels of live orders, one tenth orders that take one to three resting ones
// whole. The book's size stays about what it was.
func Generate(m Mix) []Record {
	g := &generator{mix: m, rand: rand.New(rand.NewPCG(m.Seed, 0x6f72646572))}
	g.sides[Bid] = make([][]queued, m.Prices)
	g.sides[Ask] = make([][]queued, m.Prices)
	for range m.Resting {
		g.rest()
	}
	for range m.Commands {
		switch n := g.rand.IntN(10); {
		case n < 5:
			g.rest()
		case n < 9:
			g.cancel()
		default:
			g.take()
		}
	}
	return g.out
}

// queued is an order that the generator believes to rest.
type queued struct {
	ref     uint64
	account uint32
	lots    uint64
}

// place is where a live order was put; cancel finds it there.
type place struct {
	side  Side
	level int
	ref   uint64
}

// generator keeps a small book of its own, so that cancels name live orders and
// takers meet the sizes that they were made for.
type generator struct {
	mix   Mix
	rand  *rand.Rand
	sides [2][][]queued // by distance from the middle
	live  []place
	ref   uint64
	out   []Record
}

// MaxPrices is how many prices fit between the middle and 0.
const MaxPrices = middle - 2

// middle is the price between the sides.
const middle = 1 << 20

func price(s Side, level int) int64 {
	if s == Bid {
		return middle - 1 - int64(level)
	}
	return middle + 1 + int64(level)
}

func (g *generator) account() uint32 { return uint32(1 + g.rand.IntN(g.mix.Accounts)) }

func (g *generator) add(r Record) {
	r.TimeMs = uint64(len(g.out) / 1000)
	g.out = append(g.out, r)
}

// rest places an order; most are near the middle.
func (g *generator) rest() {
	s := Side(g.rand.IntN(2))
	level := min(g.rand.IntN(g.mix.Prices), g.rand.IntN(g.mix.Prices))
	g.ref++
	q := queued{g.ref, g.account(), uint64(1 + g.rand.IntN(100))}
	g.sides[s][level] = append(g.sides[s][level], q)
	g.live = append(g.live, place{s, level, q.ref})
	g.add(Record{Op: OpNew, Side: s, Account: q.account, Ref: q.ref, Price: price(s, level), Quantity: q.lots})
}

// cancel takes a live order out, whichever chance names.
func (g *generator) cancel() {
	for len(g.live) > 0 {
		i := g.rand.IntN(len(g.live))
		p := g.live[i]
		g.live[i] = g.live[len(g.live)-1]
		g.live = g.live[:len(g.live)-1]
		level := g.sides[p.side][p.level]
		for k := range level {
			if level[k].ref == p.ref {
				g.add(Record{Op: OpCancel, Account: level[k].account, Ref: p.ref})
				g.sides[p.side][p.level] = append(level[:k], level[k+1:]...)
				return
			}
		}
		// It was taken meanwhile; try another.
	}
	g.rest()
}

// take trades with up to three orders at the best price of a side.
func (g *generator) take() {
	s := Side(g.rand.IntN(2))
	for level := range g.sides[s] {
		makers := g.sides[s][level]
		if len(makers) == 0 {
			continue
		}
		n := min(len(makers), 1+g.rand.IntN(3))
		lots := uint64(0)
		for _, m := range makers[:n] {
			lots += m.lots
		}
		g.sides[s][level] = makers[n:]
		g.ref++
		// An account of its own: nobody trades with himself.
		g.add(Record{Op: OpNew, Side: 1 - s, TIF: IOC, Account: uint32(g.mix.Accounts + 1), Ref: g.ref, Price: price(s, level), Quantity: lots})
		return
	}
	g.rest()
}

// Sweep makes a tape of orders that rest, one a price, and a last one that takes
// them all.
func Sweep(orders int) []Record {
	out := make([]Record, 0, orders+1)
	for i := range orders {
		out = append(out, Record{Op: OpNew, Side: Ask, Account: uint32(i % 100), Ref: uint64(i), Price: price(Ask, i), Quantity: 10})
	}
	return append(out, Record{Op: OpNew, Side: Bid, TIF: IOC, Account: 100, Ref: 1, Price: price(Ask, orders), Quantity: 10 * uint64(orders)})
}
