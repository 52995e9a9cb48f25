package engine

// Preview is the auction of a market as it would be held now.
type Preview struct {
	Phase     uint8 // orders.v1.Phase
	Price     int64 // ticks; 0: nothing crosses
	Volume    int64 // lots that would trade, before self-trade rules
	Surplus   int64 // lots bought minus sold that would find nobody
	Reference int64 // ticks; 0: none
	Input     [32]byte
	EndsAtMs  int64 // 0: by hand
}

// PreviewAuction computes an auction without holding it; false for an unknown
// market. It changes nothing but scratch memory.
func (e *Engine) PreviewAuction(number uint32) (Preview, bool) {
	if number == 0 || int(number) > len(e.markets) {
		return Preview{}, false
	}
	m := &e.markets[number-1]
	p := Preview{Phase: m.phase, Reference: m.reference(), EndsAtMs: m.endsAtMs}
	p.Price, p.Volume, p.Surplus = e.Indicative(number)
	copy(p.Input[:], e.auctionInput(m))
	return p, true
}
