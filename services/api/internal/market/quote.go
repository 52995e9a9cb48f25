package market

import (
	"math/big"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

const buy = ordersv1.Side_SIDE_BUY

// Quote is what an order of so many lots would trade for now, by what the book
// shows: hidden quantities, other orders on their way and self-trades are not
// in it. Prices are 0 when nothing would fill.
type Quote struct {
	Seq        uint64
	FilledLots int64
	Worst      int64 // ticks
	Total      *big.Int
	Fee        *big.Int // taker's, in the quote's smallest unit
	Enough     bool
}

// Quote walks the book.
func (s *State) Quote(m *Market, side ordersv1.Side, lots int64) Quote {
	q := Quote{Seq: s.Seq}
	t := s.trading(m.ID)
	var total Wide
	if t != nil {
		levels := t.book.asks
		if side != buy {
			levels = t.book.bids
		}
		for i := len(levels) - 1; i >= 0 && q.FilledLots < lots; i-- {
			n := min(levels[i].Lots, lots-q.FilledLots)
			total = total.Add(m.Notional(levels[i].PriceTicks, n))
			q.FilledLots += n
			q.Worst = levels[i].PriceTicks
		}
	}
	q.Enough = q.FilledLots == lots
	q.Total = total.Big()
	// ceil(rate x notional)
	fee := new(big.Int).Mul(q.Total, big.NewInt(m.TakerFeePPM))
	q.Fee = fee.Add(fee, big.NewInt(999_999)).Quo(fee, big.NewInt(1_000_000))
	return q
}
