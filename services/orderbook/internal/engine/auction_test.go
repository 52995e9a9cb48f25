package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	tradesv1 "fondaco.dev/proto/trades/v1"
)

// auction opens one, lets orders in, and returns the events of its end.
func (s *stage) auction(commands ...*Command) []string {
	s.t.Helper()
	s.admin(toPhase(phaseAuction, 0, 0))
	s.api(commands...)
	got := s.admin(toPhase(phaseContinuous, 0, 0))
	if n := len(got); n == 0 || got[n-1] != "phase CONTINUOUS" {
		s.t.Fatalf("the auction ended with %q", got)
	}
	return got[:len(got)-1]
}

func TestAuctionTradesAtOnePriceInPriceTimeOrder(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.want(s.auction(bid(1, 3, 101), bid(2, 3, 103), ask(3, 2, 99), ask(4, 2, 98), bid(5, 3, 101)),
		"auctioned 4@99 surplus 5", "trade 2+4 2@99 auction", "trade 2+3 1@99 auction", "trade 1+3 1@99 auction")
	if bids, asks := s.e.Depth(1, 9); len(asks) != 0 || len(bids) != 1 || bids[0].Lots != 5 {
		t.Errorf("the book is %v, %v", bids, asks)
	}
}

func TestIndicativeIsWhatTheUncrossDoes(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.admin(toPhase(phaseAuction, 0, 0))
	s.api(bid(1, 10, 101, shows(1)), ask(2, 4, 99), ask(2, 9, 102))
	before := s.e.Digest()
	price, volume, surplus := s.e.Indicative(1)
	if price != 99 || volume != 4 || surplus != 6 {
		t.Errorf("indicative %d@%d surplus %d", volume, price, surplus)
	}
	if s.e.Digest() != before {
		t.Error("looking at the auction changed the state")
	}
	s.want(s.admin(toPhase(phaseContinuous, 0, 0))[:1], "auctioned 4@99 surplus 6")
}

func TestAuctionOfNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.want(s.auction(bid(1, 1, 90), ask(2, 1, 91)), "auctioned 0@0 surplus 0")
}

// With equal volume and surplus the last price decides, and may be the price
// though no order names it.
func TestAuctionReference(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.lastPrice(95)
	s.want(s.auction(bid(1, 1, 100), ask(2, 1, 90))[:1], "auctioned 1@95 surplus 0")
	s = newStage(t, limits(Limits{Reference: 97}))
	s.want(s.auction(bid(1, 1, 100), ask(2, 1, 90))[:1], "auctioned 1@97 surplus 0")
}

func TestAuctionFeesAreTheMakersOnBothSides(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Command) { c.Admin.MakerPPM, c.Admin.TakerPPM = 10_000, 90_000 })
	s.auction(bid(1, 10, 100), ask(2, 10, 100))
	if got, _ := s.e.Balance(1, 2); got != rich-1000-10 {
		t.Errorf("the buyer has %d", got)
	}
	if got, _ := s.e.Balance(2, 2); got != rich+1000-10 {
		t.Errorf("the seller has %d", got)
	}
}

// The whole rest of an iceberg takes part at once, and it keeps its place.
func TestIcebergInAnAuction(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.want(s.auction(bid(1, 10, 100, shows(2)), bid(2, 5, 100), ask(3, 7, 100)),
		"auctioned 7@100 surplus 8", "trade 1+3 7@100 auction")
	if bids, _ := s.e.Depth(1, 1); bids[0].Lots != 2+5 {
		t.Errorf("the book shows %v", bids)
	}
	s.want(s.api(ask(3, 3, 100)), "4 accepted", "trade 1+4 2@100", "1 rests 1/1", "trade 2+4 1@100")
}

// Arrival, not the order id, says who is younger: an amended order came last.
func TestYoungerOrderIsTheTakerInAnAuction(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.want(s.auction(bid(1, 1, 90), ask(2, 1, 95), &Command{Op: OpAmend, Account: 1, OrderID: 1, Price: 100}),
		"auctioned 1@95 surplus 0", "trade 2+1 1@95 auction")
}

func TestSelfTradeInAnAuction(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		rule uint8
		want []string
	}{
		{"none", selfNone, []string{"auctioned 2@100 surplus 1", "trade 1+2 2@100 auction"}},
		{"cancel taker", selfDefault, []string{"auctioned 2@100 surplus 1", "2 canceled SELF_TRADE, 2 left"}},
		{"cancel maker", selfCancelMaker, []string{"auctioned 2@100 surplus 1", "1 canceled SELF_TRADE, 3 left"}},
		{"cancel both", selfCancelBoth, []string{"auctioned 2@100 surplus 1", "1 canceled SELF_TRADE, 3 left", "2 canceled SELF_TRADE, 2 left"}},
		{"decrement", selfDecrement, []string{"auctioned 2@100 surplus 1", "1 decremented by 2 to 1", "2 canceled SELF_TRADE, 2 left"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.want(s.auction(bid(1, 3, 100), ask(1, 2, 100, selfTrade(c.rule))), c.want...)
		})
	}
}

// The bid at 100 is taken out by its owner's ask: what is left crosses again.
func TestUncrossIsDoneAgainWhileTheBookIsCrossed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.want(s.auction(bid(2, 5, 99), bid(1, 10, 100), ask(1, 10, 98, selfTrade(selfCancelMaker))),
		"auctioned 10@100 surplus 0", "2 canceled SELF_TRADE, 10 left", "auctioned 5@98 surplus -5", "trade 1+3 5@98 auction")
}

func TestTriggersActAfterTheUncross(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.admin(toPhase(phaseAuction, 0, 0))
	s.api(ask(1, 1, 105, conditional(typeTakeProfitLimit, 100)), bid(2, 1, 100), ask(3, 1, 100))
	s.want(s.admin(toPhase(phaseContinuous, 0, 0)), "auctioned 1@100 surplus 0", "trade 2+3 1@100 auction", "phase CONTINUOUS",
		"1 triggered at 100", "1 rests 1/1")
}

func TestAuctionInputDigest(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.auction(bid(1, 3, 99), bid(1, 4, 100, shows(1)), ask(2, 5, 100), bid(1, 6, 100), ask(2, 7, 98))
	want := sha256.New()
	for _, n := range []uint64{2, 100, 4, 4, 100, 6, 1, 99, 3, 5, 98, 7, 3, 100, 5} {
		want.Write(binary.LittleEndian.AppendUint64(nil, n))
	}
	events, err := s.out.Events()
	if err != nil {
		t.Fatal(err)
	}
	var got *tradesv1.Auctioned
	for _, ev := range events {
		if a := ev.GetAuctioned(); a != nil {
			got = a
		}
	}
	if got == nil || !bytes.Equal(got.InputDigest, want.Sum(nil)) {
		t.Errorf("auctioned %v", got)
	}
	if got.BeganMs != s.now || got.AtMs != s.now {
		t.Errorf("began %d, at %d", got.BeganMs, got.AtMs)
	}
}
