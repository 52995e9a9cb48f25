package market

// Over is what changed by older and then by d: the levels of both, each with its
// newest quantity. Neither is changed.
func (d *Depth) Over(older *Depth) *Depth {
	out := *d
	out.Bids = over(d.Bids, older.Bids, func(a, b int64) bool { return a > b })
	out.Asks = over(d.Asks, older.Asks, func(a, b int64) bool { return a < b })
	return &out
}

// over merges two sides, best first; better says whether a price comes before
// another.
func over(newer, older []Level, better func(a, b int64) bool) []Level {
	out := make([]Level, 0, len(newer)+len(older))
	for len(newer) > 0 && len(older) > 0 {
		switch n, o := newer[0], older[0]; {
		case n.PriceTicks == o.PriceTicks:
			out, newer, older = append(out, n), newer[1:], older[1:]
		case better(n.PriceTicks, o.PriceTicks):
			out, newer = append(out, n), newer[1:]
		default:
			out, older = append(out, o), older[1:]
		}
	}
	return append(append(out, newer...), older...)
}
