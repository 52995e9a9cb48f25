package reject

import (
	"strings"
	"testing"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// TestEveryReason: each reason of the engine has a code of its own, which is
// its name, a sentence and a status.
func TestEveryReason(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for n, name := range ordersv1.RejectReason_name {
		e, ok := table[ordersv1.RejectReason(n)]
		if !ok {
			t.Errorf("%s has no entry", name)
			continue
		}
		want := strings.ToLower(strings.TrimPrefix(name, "REJECT_REASON_"))
		if n != 0 && e.Code != want || len(e.Sentence) < 20 || e.Status < 200 || seen[e.Code] || seen[e.Sentence] {
			t.Errorf("%s: %+v", name, e)
		}
		seen[e.Code], seen[e.Sentence] = true, true
	}
	if e := Of(9999); e.Code == "" || e.Sentence == "" {
		t.Errorf("%+v", e)
	}
}
