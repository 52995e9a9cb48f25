package engine

// asset is something that accounts hold. Its number is its index + 1.
type asset struct {
	name   string
	scale  uint32
	supply int64 // deposits - withdrawals
	fees   int64 // taken by the venue
}

// market is a pair of assets with its books. Its number is its index + 1.
type market struct {
	id       uint32
	base     uint32 // asset numbers
	quote    uint32
	phase    uint8
	then     uint8 // phase after an auction
	oneSide  bool
	tick     int64 // price step in quote units per whole base unit
	lot      int64 // quantity step in base units
	unit     int64 // quote units of one lot at one tick: tick*lot / 10^base.scale
	makerPPM int64
	takerPPM int64
	maxPPM   int64 // the higher of the two: what a reservation reckons with

	last     int64 // price of the newest trade; 0: none
	pauseRef int64 // reference of the volatility pause; 0: none
	beganMs  int64 // of the auction
	endsAtMs int64 // of the auction; 0: by hand
	limits   Limits

	books [2]ladder // bids, asks: by flagSell, so that no branch depends on the side

	// Waiting orders: triggered by prices that rise, that fall; trailing stops
	// by the price at which they move.
	rising, falling       heap
	followSell, followBuy heap
	timer                 uint32 // handle of the auction's end; 0: none
	waiting               int    // waiting orders
	pending               bool   // due triggers are left

	dirty       bool // hash is out of date
	hash        sum
	symbol      string
	dayEndsMs   int64
	firstPhase  uint8 // as asked for
	firstLimits Limits
}

// book is the side in which an order of this direction rests.
func (m *market) book(o *order) *ladder {
	return &m.books[o.flags&flagSell]
}

// against is the side that it takes from.
func (m *market) against(o *order) *ladder {
	return &m.books[^o.flags&flagSell]
}

// spends is the asset that an order pays with, gets the one that it is paid in.
func (m *market) spends(o *order) uint32 {
	if o.sells() {
		return m.base
	}
	return m.quote
}

// asset is what a side pays with: 1 for sales, 0 for purchases.
func (m *market) asset(sells uint32) uint32 {
	if sells != 0 {
		return m.base
	}
	return m.quote
}

// reference is the price that collars are measured from; 0: none.
func (m *market) reference() int64 {
	if m.last != 0 {
		return m.last
	}
	return m.limits.Reference
}

func (e *Engine) market(o *order) *market { return &e.markets[o.market-1] }
