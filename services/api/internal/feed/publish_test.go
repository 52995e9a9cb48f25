package feed

import (
	"fmt"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// diary notes whose frames came in which order.
type diary struct {
	name string
	to   *[]string
	room int // frames that fit; < 0: all
}

func (d *diary) Offer(frame []byte) Offered {
	if d.room == 0 {
		return Full
	}
	d.room--
	*d.to = append(*d.to, d.name)
	return Taken
}
func (d *diary) Hint([]byte) {}

// output is that of an order book: each trade is followed by the orders of both
// sides.
func output(trades int) (msgs []*Message) {
	data := func() []byte { return []byte(`{}`) }
	for i := range uint64(trades) {
		msgs = append(msgs, NewMessage(2*i+6, "event", Trades, Scope{"symbol", "A-B"}, "e", nil, 10, data))
		for owner := range uint64(2) {
			m := NewMessage(2*i+7, "event", Orders, Scope{}, "e", nil, 10, data)
			m.Owner = owner + 1
			msgs = append(msgs, m)
		}
	}
	return msgs
}

// TestTogether: a subscription is told all of a publication before the next one
// is told anything, though messages to others lie between; each frame is told
// once, and resumes find them in their order.
func TestTogether(t *testing.T) {
	t.Parallel()
	const trades = 8
	f := New(prometheus.NewCounter(prometheus.CounterOpts{Name: "x"}))
	f.Start("e", 5)
	var told []string
	join := func(name, channel string, owner uint64, room int) *Sub {
		s := &Sub{ID: "1", Channel: channel, Owner: owner, Sink: &diary{name, &told, room}, Lagging: func(_ string, after uint64, slow bool) {
			told = append(told, fmt.Sprint(name, " lags behind ", after, slow))
		}}
		if channel == Trades {
			s.Scope = Scope{"symbol", "A-B"}
		}
		f.JoinNow(s, func(string, uint64) {})
		return s
	}
	join("trades", Trades, 0, -1)
	join("slow", Trades, 0, 3)
	join("orders", Orders, 2, -1)
	f.Publish(output(trades), 2*trades+5)
	want := slices.Concat(slices.Repeat([]string{"slow"}, 3), []string{"slow lags behind 11 true"},
		slices.Repeat([]string{"trades"}, trades), slices.Repeat([]string{"orders"}, trades))
	if !slices.Equal(told, want) {
		t.Errorf("told:\n%v\nwant:\n%v", told, want)
	}
	if f.Members() != 2 {
		t.Errorf("%d members", f.Members())
	}
	if !slices.IsSortedFunc(f.ring, func(a, b *Message) int { return int(a.Pos) - int(b.Pos) }) || len(f.ring) != 3*trades {
		t.Errorf("%d messages are remembered, or not in their order", len(f.ring))
	}
	// Nothing of a publication is held afterwards, nor told again.
	told = nil
	f.Publish(nil, 100)
	if len(told) > 0 || len(f.turn) > 0 || len(f.turns[:cap(f.turns)]) == 0 || f.turns[:cap(f.turns)][0] != nil {
		t.Errorf("told %v, %d places are left", told, len(f.turn))
	}
}
