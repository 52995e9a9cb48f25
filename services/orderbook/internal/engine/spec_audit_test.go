package engine_test

import (
	"testing"

	"fondaco.dev/services/orderbook/internal/engine"
)

// TestAuditFinds: an audit that cannot fail proves nothing. Each way to spoil
// the state is tried on a copy of its own.
func TestAuditFinds(t *testing.T) {
	t.Parallel()
	for name, spoil := range engine.Breaks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.wine("maker_fee=1000 taker_fee=2500")
			r.play("buy 1 5@99 gtc #1\nbuy 2 5@99 gtc #1\nbuy 3 5@98 gtc #1\nsell 1 9@101 gtc #2 display=2\nsell 2 1@102 gtd #2 expires_at=+5000\nsell 3 1 - #3 type=stop trigger=50")
			r.play("pair sell 4 5@110 gtc #1 / sell 4 5 - #2 type=stop trigger=60\nsell 5 1@99 gtc a\nbuy 6 1@97 gtc b\ncancel 6 b")
			e := r.e.Clone()
			if err := e.Audit(); err != nil {
				t.Fatalf("before: %v", err)
			}
			spoil(e)
			defer func() {
				if p := recover(); p != nil {
					t.Logf("the audit fell over it: %v", p) // found, if rudely
				}
			}()
			if err := e.Audit(); err == nil {
				t.Error("not found")
			}
		})
	}
}
