package engine

// OrderState is an order as it stands in a snapshot: all that belongs to the
// logical state and nothing of where it lies in memory.
type OrderState struct {
	ID, Account                       uint64
	Market                            uint32
	Side, Status, Type, TIF, SelfRule uint8
	Why                               uint8 // cause of a cancel; reject of a rejected order
	PostOnly                          bool
	Price, Remaining, Reserved        int64
	Quantity, Filled                  int64
	Made, Took                        int64  // notional of its fills as maker (and in auctions), and as taker
	FeePaid                           int64  // quote units; follows from Made and Took
	Arrival                           uint64 // number of its newest OrderRested in the venue; of a dead order the stream time of its death
	Ref                               uint64
	ClientID                          []byte
	Content                           [2]uint64 // ContentOf the order as asked for; only with a ClientID
	HasTerms                          bool
	Terms                             Terms // Trigger is the present one, ExpiresMs also for DAY
	Visible                           int64 // icebergs
	Triggered                         bool
	OtherLeg                          uint64 // order id of the living other leg; 0: none
}

// ContentOf is the hash by which a client order id's command is known again.
func ContentOf(c *Command) [2]uint64 {
	s := c.content()
	return [2]uint64{s.a, s.b}
}

// orderState reads a slot; the client id stays the slab's.
func (e *Engine) orderState(i uint32, s *OrderState) {
	o := &e.orders[i]
	r := &o.rest
	*s = OrderState{
		ID: o.id, Account: e.accounts[o.acct].id, Market: uint32(o.market), Side: o.side(), Status: o.status,
		Type: r.typ, TIF: r.tif, SelfRule: r.self, Why: r.why, PostOnly: o.flags&flagPost != 0,
		Price: o.price, Remaining: o.remaining, Reserved: o.reserved, Quantity: r.quantity, Filled: e.filledLots(i),
		Made: r.made, Took: r.took, FeePaid: e.feePaid(i), Arrival: r.arrival, Ref: o.ref,
	}
	if r.clientID != 0 {
		c := &e.ids.rows[r.clientID]
		s.ClientID, s.Content = c.text[:c.n], [2]uint64{c.content.a, c.content.b}
	}
	if o.terms != 0 {
		t := &e.terms[o.terms]
		s.HasTerms, s.Visible, s.Triggered = true, t.visible, t.triggered
		s.Terms = Terms{t.budget, t.protection, t.trigger, t.trail, t.display, t.minLots, t.expiresMs}
		if o.flags&flagPair != 0 {
			s.OtherLeg = e.orders[t.other].id
		}
	}
}

// feePaid is what an order has paid in fees: rounded up once over all its fills.
func (e *Engine) feePaid(i uint32) int64 {
	r := &e.orders[i].rest
	if r.made|r.took == 0 {
		return 0
	}
	return e.market(&e.orders[i]).owed(r).ceil()
}
