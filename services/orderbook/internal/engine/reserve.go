package engine

// ReserveRest has every live order that was added reserve what its rest can
// cost: for folds of events, which do not tell what an order has reserved after a
// fill. The first leg of a pair reserves for both. Order's Reserved counts for
// what has no such measure. It takes effect in Engine.
func (b *Builder) ReserveRest() { b.reserves = true }

func (b *Builder) reserveRest() {
	e := b.e
	for k := 1; k < len(e.orders); k++ {
		i := uint32(k)
		o := &e.orders[i]
		if o.id == 0 || !o.isLive() {
			continue
		}
		m := e.market(o)
		need := e.needOf(m, i)
		if o.flags&flagPair != 0 {
			j := e.terms[o.terms].other
			if e.orders[j].id < o.id {
				need = 0
			} else {
				need = max(need, e.needOf(m, j))
			}
		}
		if o.reserved != need {
			o.reserved = need
			e.mark(i)
		}
	}
}

// Reservations tells what each live order reserves: for folds that have to say
// what is available. No engine can be made of the builder afterwards.
func (b *Builder) Reservations(tell func(account uint64, asset uint32, amount int64)) error {
	if err := b.settle(); err != nil {
		return err
	}
	e := b.e
	for k := 1; k < len(e.orders); k++ {
		if o := &e.orders[k]; o.id != 0 && o.isLive() && o.reserved != 0 {
			tell(e.accounts[o.acct].id, e.market(o).spends(o), o.reserved)
		}
	}
	return nil
}
