package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// The tests of this file are named after the faults that matching engines are
// known for. Each runs against the twin as well, which sees every pack.

// scene is a rig with an open wine market.
func scene(t *testing.T, options string) *rig {
	t.Helper()
	t.Parallel()
	r := newRig(t)
	r.wine(options)
	return r
}

// want compares what happened, line by line; a wanted line names the words that
// must be there in this order.
func (r *rig) want(got []string, want ...string) {
	r.t.Helper()
	same := len(got) == len(want)
	for i := 0; same && i < len(got); i++ {
		rest := strings.Fields(got[i])
		for _, w := range strings.Fields(want[i]) {
			k := slices.Index(rest, w)
			if k < 0 {
				same = false
				break
			}
			rest = rest[k+1:]
		}
	}
	if !same {
		r.t.Fatalf("happened\n  %s\nwanted\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func (r *rig) depth(market uint32) string {
	bids, asks := r.e.Depth(market, 100)
	var b strings.Builder
	for _, l := range bids {
		fmt.Fprintf(&b, "%d@%d ", l.Lots, l.Price)
	}
	b.WriteString("|")
	for _, l := range asks {
		fmt.Fprintf(&b, " %d@%d", l.Lots, l.Price)
	}
	return b.String()
}

func (r *rig) wantDepth(want string) {
	r.t.Helper()
	if got := r.depth(1); got != want {
		r.t.Fatalf("depth %q, wanted %q", got, want)
	}
}

func TestMakerPriceOnBothSides(t *testing.T) {
	r := scene(t, "")
	r.want(r.play("sell 1 5@100 gtc #1\nbuy 2 5@105 gtc #1"),
		"order_accepted", "order_rested", "order_accepted", "trade price_ticks=100 quantity_lots=5 taker_side=buy")
	r.want(r.play("buy 1 5@110 gtc #1\nsell 2 5@90 gtc #1"),
		"order_accepted", "order_rested", "order_accepted", "trade price_ticks=110 quantity_lots=5 taker_side=sell")
}

func TestMakerPriceAfterCrossingAmend(t *testing.T) {
	r := scene(t, "")
	r.play("sell 1 5@100 gtc #1\nbuy 2 8@95 gtc #1")
	r.want(r.play("amend 2 #1 price=103"), "order_amended price_ticks=103 remaining_lots=8",
		"trade price_ticks=100 quantity_lots=5 maker_order_id=1 taker_order_id=2", "order_rested order_id=2 remaining_lots=3")
	r.wantDepth("3@103 |")
}

func TestLimitHonouredInSweep(t *testing.T) {
	r := scene(t, "")
	r.play("sell 1 5@100 gtc #1\nsell 1 5@101 gtc #2\nsell 1 5@102 gtc #3\nsell 1 5@104 gtc #4")
	r.want(r.play("buy 2 30@102 ioc #1"), "order_accepted", "trade price_ticks=100", "trade price_ticks=101", "trade price_ticks=102",
		"order_canceled remaining_lots=15 reason=ioc_remainder")
	r.wantDepth("| 5@104")
}

func TestFIFOAfterInnerCancel(t *testing.T) {
	r := scene(t, "")
	r.play("sell 1 1@100 gtc #1\nsell 2 1@100 gtc #1\nsell 3 1@100 gtc #1\nsell 4 1@100 gtc #1\ncancel 2 #1\ncancel 3 #1\nsell 2 1@100 gtc #2")
	r.want(r.play("buy 5 3@100 gtc #1"), "order_accepted", "trade maker_order_id=1", "trade maker_order_id=4", "trade maker_order_id=5")
}

func TestFIFOAfterPartialFills(t *testing.T) {
	r := scene(t, "")
	r.play("sell 1 5@100 gtc #1\nsell 2 5@100 gtc #1\nbuy 3 2@100 gtc #1")
	r.want(r.play("buy 3 4@100 gtc #2"), "order_accepted", "trade quantity_lots=3 maker_order_id=1", "trade quantity_lots=1 maker_order_id=2")
	r.want(r.play("amend 2 #1 quantity=3\nsell 1 1@100 gtc #2\nbuy 3 3@100 gtc #3"), "order_amended kept_place=true", "order_accepted", "order_rested",
		"order_accepted", "trade quantity_lots=2 maker_order_id=2", "trade quantity_lots=1 maker_order_id=5")
}

func TestNoPhantomBest(t *testing.T) {
	r := scene(t, "")
	r.play("buy 1 1@99 gtc #1\nbuy 1 1@98 gtc #2\nsell 2 1@101 gtc #1\nsell 2 1@102 gtc #2")
	r.play("cancel 1 #1\ncancel 2 #1")
	r.wantDepth("1@98 | 1@102")
	r.play("buy 3 1@102 gtc #1\nsell 3 1@98 gtc #2")
	r.wantDepth("|")
	r.want(r.play("buy 3 1 - #3"), "order_accepted", "order_canceled reason=market_remainder")
	r.want(r.play("sell 3 1@1 ioc #4"), "order_accepted", "order_canceled reason=ioc_remainder")
}

func TestLevelVolumeAfterPartialFills(t *testing.T) {
	r := scene(t, "")
	r.play("sell 1 5@100 gtc #1\nsell 2 7@100 gtc #1\nbuy 3 3@100 gtc #1")
	r.wantDepth("| 9@100")
	r.play("buy 3 4@100 gtc #2")
	r.wantDepth("| 5@100")
	r.play("amend 2 #1 quantity=4")
	r.wantDepth("| 2@100")
	r.play("cancel 2 #1")
	r.wantDepth("|")
}

func TestIDReuseAfterCancelAndFill(t *testing.T) {
	r := scene(t, "")
	r.play("sell 1 5@100 gtc #7")
	r.want(r.play("sell 1 5@100 gtc #7"), "order_rejected reason=duplicate")
	r.want(r.play("cancel 1 #7\nsell 1 2@101 gtc #7"), "order_canceled order_id=1", "order_accepted order_id=3", "order_rested")
	r.want(r.play("buy 2 2@101 gtc #7\nsell 1 1@102 gtc #7"), "order_accepted", "trade", "order_accepted order_id=5", "order_rested")
	// A client order id is taken for a day after the order's end.
	r.play("sell 1 1@103 gtc mine\ncancel 1 mine")
	r.want(r.play("sell 1 2@103 gtc mine"), "command_rejected order_id=6")
	r.want(r.play("sell 1 1@103 gtc mine")) // the same: the first answer
	r.nowMs += 86_400_000
	r.want(r.play("sell 1 2@103 gtc mine"), "order_accepted order_id=7", "order_rested")
}

func TestDeadOrderCommandsChangeNothing(t *testing.T) {
	r := scene(t, "")
	r.play("sell 1 2@100 gtc a\nsell 1 2@100 gtc b\nsell 1 2@100 gtc #3\nbuy 2 2@100 gtc #1\ncancel 1 b\ncancel 1 #3")
	for _, name := range []string{"a", "b", "!1", "!2"} {
		r.want(r.play("cancel 1 "+name), "command_rejected reason=already_done")
		r.want(r.play("amend 1 "+name+" price=90"), "command_rejected reason=already_done")
		r.want(r.play("replace 1 "+name+" with sell 1 1@90 gtc #9"), "command_rejected reason=already_done")
	}
	for _, name := range []string{"#3", "!3", "!99", "nobody"} {
		r.want(r.play("cancel 1 "+name), "command_rejected reason=unknown_order")
		r.want(r.play("amend 1 "+name+" quantity=9"), "command_rejected reason=unknown_order")
	}
	r.play("sell 1 2@100 gtc c")
	r.want(r.play("cancel 2 !5"), "command_rejected reason=unknown_order") // another's
	r.wantDepth("| 2@100")
}

func TestIOCAndMarketNeverRest(t *testing.T) {
	r := scene(t, "")
	r.play("sell 1 2@100 gtc #1")
	r.want(r.play("buy 2 5@100 ioc #1"), "order_accepted", "trade quantity_lots=2", "order_canceled remaining_lots=3 reason=ioc_remainder")
	r.play("sell 1 2@100 gtc #2")
	r.want(r.play("buy 2 5 - #2"), "order_accepted", "trade quantity_lots=2", "order_canceled remaining_lots=3 reason=market_remainder")
	r.play("sell 1 2@100 gtc #3")
	r.want(r.play("buy 2 $500 - #3"), "order_accepted", "trade quantity_lots=2", "order_canceled reason=market_remainder")
	r.want(r.play("sell 2 5@100 ioc #4\nsell 2 5 ioc #5"), "order_accepted", "order_canceled reason=ioc_remainder", "order_accepted", "order_canceled reason=market_remainder")
	r.wantDepth("|")
}

func TestFOKRejectedHasNoSideEffect(t *testing.T) {
	r := scene(t, "")
	r.play("sell 2 1@90 gtc #1\nbuy 3 1@90 gtc #1") // a last price
	r.play("sell 1 2@100 gtc #1\nsell 2 2@100 gtc #2\nsell 1 2@101 gtc #2\nsell 4 1 - #1 type=stop trigger=89\nbuy 4 1 - #2 type=stop trigger=100 protection=110")
	before := r.depth(1)
	for _, o := range []string{"buy 5 7@101 fok #1", "buy 5 5@100 fok #2", "buy 2 5@101 fok #3 self_trade=cancel_maker", "buy 2 6@101 fok #4",
		"buy 2 3@101 fok #5 self_trade=decrement", "buy 2 6@101 fok #6 self_trade=cancel_both", "buy 5 $100000 fok #7", "buy 5 6@101 gtc #8 min=7"} {
		if strings.Contains(o, "min=") {
			o = strings.Replace(o, "6@101", "9@101", 1)
			r.want(r.play(o), "order_accepted", "order_canceled remaining_lots=9 reason=min_quantity")
		} else {
			r.want(r.play(o), "order_accepted", "order_canceled reason=fok_unfillable")
		}
		if got := r.depth(1); got != before {
			t.Fatalf("%s: the book went from %s to %s", o, before, got)
		}
		if m, _ := r.e.Market(1); m.Last != 90 {
			t.Fatalf("%s: the last price moved to %d", o, m.Last)
		}
	}
	r.want(r.play("buy 5 6@101 fok #9")[:4], "order_accepted", "trade", "trade", "trade")
}

func TestPostOnlyNeverTakes(t *testing.T) {
	r := scene(t, "")
	r.play("sell 1 2@100 gtc #1")
	r.want(r.play("buy 2 1@100 gtc #1 post_only"), "order_rejected reason=would_take")
	r.want(r.play("buy 2 1@99 gtc #2 post_only"), "order_accepted", "order_rested")
	r.want(r.play("amend 2 #2 price=100"), "command_rejected reason=would_take")
	r.wantDepth("1@99 | 2@100")
	r.want(r.play("phase 1 post_only\nbuy 3 1@100 gtc #1\nbuy 3 1@98 gtc #2\namend 3 #2 price=100"), "phase_changed", "order_rejected reason=would_take",
		"order_accepted", "order_rested", "command_rejected reason=would_take")
	// At the trigger the same holds.
	r.play("phase 1 continuous\nbuy 3 1@99 gtc #3 type=stop_limit trigger=100 post_only\nbuy 3 1@101 gtc #4 type=stop_limit trigger=100 post_only")
	r.want(r.play("buy 4 1@100 gtc #1"), "order_accepted", "trade", "order_triggered", "order_rested", "order_triggered", "order_canceled reason=not_placed")
}

func TestStopFiresOnceAndCascades(t *testing.T) {
	r := scene(t, "")
	r.play("buy 1 1@100 gtc #1\nbuy 1 1@99 gtc #2\nbuy 1 1@98 gtc #3\nbuy 1 1@97 gtc #4\nbuy 1 1@96 gtc #5")
	r.play("sell 2 1 - #1 type=stop trigger=100\nsell 3 1 - #1 type=stop trigger=99\nsell 4 1 - #1 type=stop trigger=98\nsell 4 1 - #2 type=stop trigger=95")
	r.want(r.play("sell 5 1@100 gtc #1"), "order_accepted", "trade price_ticks=100", "order_triggered order_id=6 last_ticks=100", "trade price_ticks=99",
		"order_triggered order_id=7 last_ticks=99", "trade price_ticks=98", "order_triggered order_id=8 last_ticks=98", "trade price_ticks=97")
	r.want(r.play("buy 1 1@100 gtc #6\nsell 5 1@100 gtc #2"), "order_accepted", "order_rested", "order_accepted", "trade")
	r.wantDepth("1@96 |")
	// One whose trigger is reached already fires at once, and once.
	r.want(r.play("sell 2 1 - #9 type=stop trigger=101"), "order_accepted", "order_triggered", "trade price_ticks=96")
}

func TestIcebergRefillGoesToTail(t *testing.T) {
	r := scene(t, "")
	r.play("sell 1 6@100 gtc #1 display=2\nsell 2 2@100 gtc #1")
	r.wantDepth("| 4@100")
	r.want(r.play("buy 3 3@100 gtc #1"), "order_accepted", "trade quantity_lots=2 maker_order_id=1", "order_rested order_id=1 remaining_lots=4 visible_lots=2",
		"trade quantity_lots=1 maker_order_id=2")
	r.want(r.play("buy 3 2@100 gtc #2"), "order_accepted", "trade quantity_lots=1 maker_order_id=2", "trade quantity_lots=1 maker_order_id=1")
	r.wantDepth("| 1@100")
}

func TestHiddenIsConserved(t *testing.T) {
	r := scene(t, "maker_fee=1000 taker_fee=2500")
	r.play("sell 1 10@100 gtc #1 display=3\nsell 2 4@100 gtc #1 display=1")
	r.want(r.play("buy 3 20@100 ioc #1"), "order_accepted",
		"trade quantity_lots=3 maker_order_id=1", "order_rested remaining_lots=7 visible_lots=3", "trade quantity_lots=1 maker_order_id=2", "order_rested remaining_lots=3",
		"trade quantity_lots=3 maker_order_id=1", "order_rested remaining_lots=4 visible_lots=3", "trade quantity_lots=1 maker_order_id=2", "order_rested remaining_lots=2",
		"trade quantity_lots=3 maker_order_id=1", "order_rested remaining_lots=1 visible_lots=1", "trade quantity_lots=1 maker_order_id=2", "order_rested remaining_lots=1",
		"trade quantity_lots=1 maker_order_id=1", "trade quantity_lots=1 maker_order_id=2", "order_canceled remaining_lots=6 reason=ioc_remainder")
	// And when most of it is canceled, amended, or fills in an auction.
	r.play("sell 1 10@100 gtc #2 display=3\nbuy 3 2@100 ioc #2\namend 1 #2 quantity=9")
	r.wantDepth("| 1@100")
	r.play("phase 1 auction\nbuy 3 5@100 gtc #3\nphase 1 continuous")
	r.wantDepth("| 2@100")
	r.want(r.play("cancel 1 #2"), "order_canceled remaining_lots=2")
}

func TestGTDNeverTradesAfterDeadline(t *testing.T) {
	r := scene(t, "day_ends=3600000")
	r.play("sell 1 1@100 gtd #1 expires_at=+1000\nsell 1 1@100 day #2\nsell 1 1 - #3 type=stop trigger=50\nbuy 1 1@99 gtd #4 type=stop_limit trigger=100 expires_at=+1000")
	r.nowMs += 999
	r.wantDepth("| 2@100")
	r.nowMs++
	r.want(r.play("buy 2 1@100 gtc #1"), "order_canceled order_id=1 reason=expired", "order_canceled order_id=4 reason=expired", "order_accepted", "trade maker_order_id=2")
	r.play("sell 1 1@100 day #5")
	r.nowMs = zero + 3_600_000
	r.want(r.play("buy 2 1@100 gtc #2"), "order_canceled reason=expired", "order_accepted", "order_rested")
	r.want(r.play("sell 1 1@101 gtd #6 expires_at=+3600000"), "order_rejected reason=bad_expiry")
	r.play("sell 1 1@101 day #7")
	r.nowMs = zero + 86_400_000 + 3_600_000
	r.want(r.play("tick"), "order_canceled reason=expired")
}

func TestOverflow(t *testing.T) {
	r := scene(t, "taker_fee=1000000")
	big := "9223372036854775807"
	r.want(r.play("buy 1 2@"+big+" gtc #1\nbuy 1 "+big+"@2 gtc #2\nsell 1 2@"+big+" gtc #3\nsell 1 "+big+"@"+big+" ioc #4"),
		"order_rejected reason=overflow", "order_rejected reason=overflow", "order_rejected reason=overflow", "order_rejected reason=overflow")
	r.want(r.play("buy 1 1@"+big+" gtc #1\nbuy 1 "+big+"@1 gtc #2\nsell 1 "+big+" - #3"), "order_rejected reason=insufficient_balance",
		"order_rejected reason=insufficient_balance", "order_rejected reason=insufficient_balance")
	r.want(r.play("buy 1 3 - #4 type=stop trigger=5 protection="+big), "order_rejected reason=overflow")
	r.want(r.play("sell 1 1@"+big+" gtc #5\nsell 2 1@"+big+" gtc #1\nbuy 3 2 - #1\nbuy 3 $"+big+" - #2"), "order_accepted", "order_rested", "order_accepted", "order_rested",
		"order_rejected reason=insufficient_balance", "order_rejected reason=insufficient_balance")
	r.want(r.play("amend 1 #5 quantity=2"), "command_rejected reason=overflow")
	r.want(r.play("deposit 1 USD "+big+" much"), "command_rejected")
	r.want(r.play("buy 2 1 - #2 type=trailing_stop trail="+big+" protection=5\nsell 2 1 - #3 type=trailing_stop trail="+big), "order_accepted", "order_accepted")
	r.want(r.play("buy 4 1@9 gtc #1\nsell 5 1@9 gtc #1"), "order_accepted", "order_rested", "order_accepted", "trade")
}

func TestSweepOf5000(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.wine("maker_fee=1000 taker_fee=2500")
	p := make([]string, 0, 5000)
	for i := range 5000 {
		p = append(p, fmt.Sprintf("sell %d 1@%d gtc #%d", 1+i%3, 50+i%7, i+1))
	}
	r.quiet(p)
	events := r.quiet([]string{"buy 5 5000@56 gtc #1"})
	trades := 0
	last := int64(0)
	for _, e := range events {
		if tr := e.GetTrade(); tr != nil {
			trades++
			if int64(tr.PriceTicks) < last {
				t.Fatalf("trade %d at %d after %d", tr.TradeId, tr.PriceTicks, last)
			}
			last = int64(tr.PriceTicks)
		}
	}
	if trades != 5000 || r.e.Size().LiveOrders != 0 {
		t.Fatalf("%d trades, %d orders left", trades, r.e.Size().LiveOrders)
	}
	if err := r.e.Audit(); err != nil {
		t.Fatal(err)
	}
}

func TestWidePrices(t *testing.T) {
	r := scene(t, "")
	r.play("deposit 6 USD 9223372036848775807 rich")
	r.play("sell 1 1@4611686018427387904 gtc #1\nsell 1 1@1000000000000 gtc #2\nsell 1 1@65 gtc #3\nsell 1 1@64 gtc #4\nbuy 2 1@1 gtc #1\nbuy 2 1@63 gtc #2")
	r.wantDepth("1@63 1@1 | 1@64 1@65 1@1000000000000 1@4611686018427387904")
	r.want(r.play("buy 6 4@9223372036854775807 ioc #1"), "order_rejected reason=overflow")
	r.want(r.play("buy 6 3 - #2"), "order_accepted", "trade price_ticks=64", "trade price_ticks=65", "trade price_ticks=1000000000000")
	r.want(r.play("buy 6 1@4611686018427387904 gtc #3"), "order_accepted", "trade price_ticks=4611686018427387904")
	// The same with a collar of half the reference.
	r.play("limits 1 collar=500000 reference=100")
	r.play("buy 6 1@63 ioc #4")
	r.want(r.play("sell 1 1@64 gtc #5"), "order_rejected reason=outside_collar") // the last price is 2^62
	r.want(r.play("sell 1 1@2305843009213693952 gtc #6\nsell 1 1@6917529027641081857 gtc #7"), "order_accepted", "order_rested", "order_rejected reason=outside_collar")
	r.want(r.play("sell 3 1 - #1"), "order_accepted", "order_canceled reason=collar")
	r.wantDepth("1@63 1@1 | 1@2305843009213693952")
}

// TestClassesUnderAuction: the same faults where orders are collected and meet
// at one price.
func TestClassesUnderAuction(t *testing.T) {
	r := scene(t, "phase=auction day_ends=3600000")
	r.play("sell 1 5@99 gtc #1\nsell 2 5@99 gtc #1\nbuy 3 4@103 gtc #1 display=1\nbuy 4 9@101 gtd #1 expires_at=+500\nbuy 5 2@101 gtc #1\nbuy 6 1 - #1 type=stop trigger=101 protection=200")
	for _, o := range []string{"buy 5 1 - #9", "buy 5 1@100 ioc #9", "buy 5 1@100 fok #9", "buy 5 1@100 gtc #9 post_only", "buy 5 1@100 gtc #9 min=1"} {
		r.want(r.play(o), "order_rejected reason=phase") // nothing takes, or asks to fill at once
	}
	r.want(r.play("amend 1 #1 quantity=4"), "order_amended kept_place=true")
	r.want(r.play("amend 2 #1 price=100"), "order_amended", "order_rested") // crosses, and waits
	r.wantDepth("1@103 11@101 | 4@99 5@100")
	r.nowMs += 500
	r.want(r.play("buy 5 1@101 gtc #2\ncancel 5 #2\nsell 2 9@101 gtc #9\ncancel 2 #9"), "order_canceled reason=expired", // never in the auction
		"order_accepted", "order_rested", "order_canceled", "order_accepted", "order_rested", "order_canceled")
	// 6 bought at 101 and above, 9 sold: all at one price, in price-time order, the younger one takes.
	r.want(r.play("phase 1 continuous"), "auctioned price_ticks=100 volume_lots=6 surplus_lots=-3",
		"trade price_ticks=100 quantity_lots=4 maker_order_id=1 taker_order_id=3", "trade price_ticks=100 quantity_lots=2 maker_order_id=5 taker_order_id=2",
		"phase_changed phase=continuous")
	r.wantDepth("| 3@100")
	r.want(r.play("buy 4 1@101 gtc #2"), "order_accepted", "trade price_ticks=100")
	r.want(r.play("sell 1 1@101 gtc #4\nbuy 4 3@101 gtc #3"), "order_accepted", "order_rested", "order_accepted", "trade price_ticks=100 quantity_lots=2", "trade price_ticks=101",
		"order_triggered", "order_canceled reason=market_remainder")
	// A fill-or-kill that cannot fill cancels no order of its own, and dead orders stay dead.
	r.want(r.play("phase 1 auction\nbuy 3 1@90 gtc #5\ncancel 3 #5\ncancel 3 #5\nphase 1 continuous"), "phase_changed", "order_accepted", "order_rested", "order_canceled",
		"command_rejected reason=unknown_order", "auctioned", "phase_changed")
}

// TestClassesUnderHalt: a halted market neither trades nor triggers, and loses
// nothing; a venue that is halted takes nothing at all.
func TestClassesUnderHalt(t *testing.T) {
	r := scene(t, "")
	r.play("sell 1 5@100 gtc #1 display=2\nbuy 2 5@99 gtc #1\nbuy 3 1 - #1 type=stop trigger=101 protection=105\nbuy 3 1@98 gtd #2 expires_at=+500")
	r.play("phase 1 halted")
	for _, c := range []string{"cancel 1 #1", "amend 1 #1 quantity=1", "replace 1 #1 with sell 1 1@100 gtc #2", "cancel_all 1 market=1"} {
		r.want(r.play(c), "command_rejected reason=phase")
	}
	r.want(r.play("buy 2 1@100 gtc #2\nbuy 2 1 - #3\nsell 4 1@99 fok #1"), "order_rejected reason=phase", "order_rejected reason=phase", "order_rejected reason=phase")
	r.want(r.play("cancel_all 2"))
	r.nowMs += 500
	r.want(r.play("tick"), "order_canceled reason=expired")
	r.wantDepth("5@99 | 2@100")
	r.want(r.play("phase 1 cancel_only\nbuy 2 1@100 gtc #4\namend 2 #1 quantity=4\ncancel 2 #1"), "phase_changed", "order_rejected reason=phase", "command_rejected reason=phase", "order_canceled")
	r.want(r.play("phase 1 continuous\nbuy 4 2@100 gtc #2\nsell 1 1@101 gtc #3\nbuy 4 4@101 gtc #3"), "phase_changed", "order_accepted", "trade quantity_lots=2", "order_rested remaining_lots=3",
		"order_accepted", "order_rested", "order_accepted", "trade quantity_lots=2", "order_rested remaining_lots=1", "trade quantity_lots=1", "trade price_ticks=101",
		"order_triggered", "order_canceled reason=market_remainder")
	// The venue: two ticks of one leader whose clock disagrees with the server's.
	r.play("sell 1 1@100 gtc #5")
	for range 2 {
		r.packNo["tick"]++
		p := &ordersv1.Pack{Gateway: "tick", PackNo: r.packNo["tick"], SentAtMs: r.nowMs, Commands: []*ordersv1.Command{r.parse("tick")}}
		r.nowMs += 200_000
		r.sendPack("tick", p)
		r.nowMs -= 200_000
	}
	if !r.e.Halted() {
		t.Fatal("not halted")
	}
	r.want(r.play("cancel 1 #5\nbuy 2 1@100 gtc #5"), "command_rejected reason=halted", "order_rejected reason=halted")
	r.want(r.play("accept_time\nbuy 2 1@100 gtc #6"), "resumed", "order_accepted", "trade")
}

// TestBudgetBelowOneUnit: a budget that its own fee leaves nothing of.
func TestBudgetBelowOneUnit(t *testing.T) {
	r := scene(t, "taker_fee=2500")
	r.want(r.play("buy 2 $1 - #1"), "order_accepted", "order_canceled reason=market_remainder")
	r.play("sell 1 1@102 gtc #1")
	r.want(r.play("buy 2 $1 - #2"), "order_accepted", "order_canceled reason=budget")
}

// TestBudgetEndsWithinAnOrder: a fill-or-kill that its budget ends has filled.
func TestBudgetEndsWithinAnOrder(t *testing.T) {
	r := scene(t, "")
	r.play("sell 1 8@103 gtc #1")
	r.want(r.play("buy 2 $805 fok #1"), "order_accepted", "trade quantity_lots=7", "order_canceled reason=budget")
}

// TestExpiryMissing: a limit order of no other terms still needs its deadline.
func TestExpiryMissing(t *testing.T) {
	r := scene(t, "")
	r.want(r.play("buy 1 1@90 gtd #1"), "order_rejected reason=bad_expiry")
}
