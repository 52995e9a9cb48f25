package operator

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// keep leaves every limit as it is.
var keep = Limits{CollarPPM: -1, PausePPM: -1, Pause: -1}

func wines() *Directory {
	return &Directory{Assets: []Asset{{"USD", 2}, {"OIL", 1}}, Markets: []Market{{Market: 1, Symbol: "OIL-USD", Base: "OIL", Quote: "USD", Tick: 10, Lot: 5, MaxLots: 9, CollarPPM: 7}}}
}

func TestTermsOfAMarket(t *testing.T) {
	t.Parallel()
	n := NewMarket{Symbol: "A-B", Base: "OIL", Quote: "USD", Tick: "0.10", Lot: "0.5", TakerFeePPM: 3, DayEnds: time.Hour, Phase: ordersv1.Phase_PHASE_AUCTION,
		Limits: Limits{MinQuantity: "1.5", MaxNotional: "1000", ReferencePrice: "20.30", CollarPPM: -1, PausePPM: 50_000, Pause: time.Minute}}
	got, err := n.Terms(wines())
	want := &ordersv1.AddMarket{Symbol: "A-B", Base: "OIL", Quote: "USD", Tick: 10, Lot: 5, TakerFeePpm: 3, DayEndsMs: 3_600_000, Phase: ordersv1.Phase_PHASE_AUCTION,
		Limits: &ordersv1.Limits{MinLots: 3, MaxNotional: 100_000, ReferenceTicks: 203, PausePpm: 50_000, PauseMs: 60_000}}
	if err != nil || !proto.Equal(got, want) {
		t.Fatalf("got %v, %v", got, err)
	}
	for name, c := range map[string]struct {
		change func(*NewMarket)
		want   string
	}{
		"an unknown asset":       {func(n *NewMarket) { n.Base = "SALT" }, "no asset SALT; it has USD, OIL"},
		"a tick below the scale": {func(n *NewMarket) { n.Tick = "0.001" }, "--tick: 0.001 has more decimal places"},
		"a product in fractions": {func(n *NewMarket) { n.Tick, n.Lot = "0.01", "0.1" }, "is not whole in the smallest unit of USD"},
		"half a lot":             {func(n *NewMarket) { n.Limits.MinQuantity = "0.7" }, "--min-quantity: 0.7 is no multiple of the lot"},
		"half a tick":            {func(n *NewMarket) { n.Limits.ReferencePrice = "20.35" }, "--reference-price: 20.35 is no multiple of the tick"},
		"a pause without length": {func(n *NewMarket) { n.Limits.Pause = 0 }, "--pause-ppm and --pause-for go together"},
	} {
		other := n
		c.change(&other)
		if _, err := other.Terms(wines()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestLimitsThatAreNotNamedStay(t *testing.T) {
	t.Parallel()
	d := wines()
	l := keep
	l.MinQuantity, l.MaxQuantity = "2", "0"
	got, err := l.apply(&d.Markets[0], d)
	if want := (&ordersv1.Limits{MinLots: 4, CollarPpm: 7}); err != nil || !proto.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := d.Market("SALT-USD"); err == nil || !strings.Contains(err.Error(), "it has OIL-USD") {
		t.Errorf("an unknown market: %v", err)
	}
	if _, err := d.ParseAmount("OIL=0.55"); err == nil || !strings.Contains(err.Error(), "OIL=0.55") {
		t.Errorf("a fraction of the smallest unit: %v", err)
	}
	if _, err := ParsePhase("delisted"); err == nil || !strings.Contains(err.Error(), "cancel_only") {
		t.Errorf("a phase that is not to be chosen: %v", err)
	}
}

// A venue whose leader comes late is asked again; a refusal is told in words.
func TestMarketCommandsReachTheVenue(t *testing.T) {
	t.Parallel()
	a, b := newAnswers(t, 0)
	refuse := ordersv1.RejectReason_REJECT_REASON_UNSPECIFIED
	var asked []*ordersv1.Command
	a.follow(t, t.Context(), ordersv1.Stream, ordersv1.Subject("main", ordersv1.FromAdmin), func(data []byte) {
		var pack ordersv1.Pack
		if proto.Unmarshal(data, &pack) != nil {
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		asked = append(asked, pack.Commands...)
		a.reply(pack.Gateway, "orders", false, &ordersv1.PackReply{PackNo: pack.PackNo, Outcomes: []*ordersv1.Outcome{{Reject: refuse}}})
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := SetPhase(ctx, b, "main", 7, ordersv1.Phase_PHASE_AUCTION, 9, ordersv1.Phase_PHASE_HALTED); err != nil {
		t.Fatal(err)
	}
	a.mu.Lock()
	want := &ordersv1.SetPhase{Market: 7, Phase: ordersv1.Phase_PHASE_AUCTION, EndsAtMs: 9, ThenPhase: ordersv1.Phase_PHASE_HALTED}
	if len(asked) != 1 || !proto.Equal(asked[0].GetSetPhase(), want) {
		t.Errorf("asked for %v", asked)
	}
	refuse = ordersv1.RejectReason_REJECT_REASON_CONFLICT
	a.mu.Unlock()
	if err := AddAsset(ctx, b, "main", "USD", 3); err == nil || !strings.Contains(err.Error(), "exists with another content") {
		t.Errorf("a conflict gave %v", err)
	}
	short, done := context.WithTimeout(t.Context(), time.Second)
	defer done()
	if _, err := ReadDirectory(short, b, "nobody"); err == nil || !strings.Contains(err.Error(), "no order book leads the venue nobody") {
		t.Errorf("a venue without a leader gave %v", err)
	}
}
