package venue

import (
	"strings"
	"testing"

	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/market"
)

// TestDepthFolds: two changes of a book as one frame: the newest of each level,
// the later's seq and checksum.
func TestDepthFolds(t *testing.T) {
	t.Parallel()
	m := &market.Market{Symbol: "A-B", Tick: 1, Lot: 1}
	older := &market.Depth{Seq: 8, Bids: []market.Level{{PriceTicks: 101, Lots: 2}, {PriceTicks: 100, Lots: 3}}, Checksum: 4}
	newer := &market.Depth{Seq: 9, Bids: []market.Level{{PriceTicks: 100}}, Asks: []market.Level{{PriceTicks: 103, Lots: 1}}, Checksum: 5}
	msg := depth(newer, m, feed.Scope{Key: "symbol", Value: "A-B"}, "e").Fold(older)
	const want = `"channel":"depth","symbol":"A-B","epoch":"e","seq":9,"data":{"seq":9,"bids":[["101","2"],["100","0"]],"asks":[["103","1"]],"checksum":5}}`
	if got := string(msg.Frame("1")); !strings.HasSuffix(got, want) || !msg.Passing || msg.Fold == nil {
		t.Errorf("got %s, want the end %s", got, want)
	}
}
