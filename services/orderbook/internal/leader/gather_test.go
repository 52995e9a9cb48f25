package leader

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/intake"
)

// TestOneGatheredMessageIsOnItsWay: what comes while one is being stored goes
// into the next, and one that is lost holds nobody up for long.
func TestOneGatheredMessageIsOnItsWay(t *testing.T) {
	t.Parallel()
	var ids, sent []string
	var waits []float64
	g := newGather(func(id string, data []byte, h nats.Header) {
		ids = append(ids, id)
		sent = append(sent, fmt.Sprintf("%d %s", len(data), h.Get(bus.HeaderRequestID)))
	}, prometheus.ObserverFunc(func(seconds float64) { waits = append(waits, seconds) }))
	now := time.Unix(1, 0)
	g.now = func() time.Time { return now }
	take := func(pack, request string) { g.take([]byte(pack), nats.Header{bus.HeaderRequestID: {request}}) }
	want := func(n int, last string) {
		t.Helper()
		if len(sent) != n || sent[n-1] != last {
			t.Fatalf("sent %q, wanted %d and last %q", sent, n, last)
		}
	}
	take("a1", "ra")
	want(1, "4 ra")
	take("b1", "rb")
	now = now.Add(3 * time.Millisecond)
	take("c1", "rc,rd")
	want(1, "4 ra")
	now = now.Add(time.Millisecond)
	g.stored("gather-of-another:1")
	g.stored("a:1")
	want(1, "4 ra")
	g.stored(ids[0])
	want(2, "8 rb,rc,rd")
	if !slices.Equal(waits, []float64{0, 0.004}) {
		t.Errorf("the oldest packs of two messages waited %v s, wanted 0 and 4 ms", waits)
	}
	g.stored(ids[0]) // told again: another one is on its way
	take("d1", "")
	want(2, "8 rb,rc,rd")
	now = now.Add(gatherLost + 1)
	take("e1", "")
	want(3, "8 ")
	g.stored(ids[1]) // late: not the one that is waited for
	take("f1", "")
	want(3, "8 ")
	g.stored(ids[2])
	want(4, "4 ")
	g.stored(ids[3])
	take("g1", "")
	want(5, "4 ")
	if slices.Sort(ids); len(slices.Compact(ids)) != 5 {
		t.Errorf("ids %q are not five", ids)
	}
	for range 3 { // no room for the third: its gateway sends it by itself
		take(strings.Repeat("x", ordersv1.MaxPack/2-8), "")
	}
	g.stored(g.flying)
	if n := len(sent); sent[n-1] != fmt.Sprintf("%d ", 2*len(intake.AppendGathered(nil, make([]byte, ordersv1.MaxPack/2-8)))) {
		t.Errorf("sent %s", sent[n-1])
	}
}

// TestGatheredByTheLeader: packs that were sent to the leader are in ORDERS and
// answered, each once, and TRADES is what a replay gives.
func TestGatheredByTheLeader(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	i := h.start(nil)
	i.wait()
	a, b := h.gateway(ordersv1.FromAPI, "api-1"), h.gateway(ordersv1.FromAPI, "api-2")
	sent := map[*gateway][]byte{}
	for no := uint64(1); no <= 20; no++ {
		for _, g := range []*gateway{a, b} {
			data, err := proto.Marshal(g.pack(limit(1, buy, 1, 50, fmt.Sprint(g.name, "-", no))))
			if err != nil {
				t.Fatal(err)
			}
			sent[g] = data
			if err := h.bus.Conn().Publish(ordersv1.GatherSubject(venue), data); err != nil {
				t.Fatal(err)
			}
		}
		for _, g := range []*gateway{a, b} {
			r := &ordersv1.PackReply{}
			select {
			case m := <-g.replies:
				if err := proto.Unmarshal(m.Data, r); err != nil {
					t.Fatal(err)
				}
			case <-h.ctx().Done():
				t.Fatal("no answer")
			}
			m, err := h.bus.Get(h.ctx(), ordersv1.Stream, r.InSeq)
			if err != nil || m == nil || !bytes.Contains(m.Data, sent[g]) {
				t.Fatalf("message %d does not hold the pack that was answered: %v", r.InSeq, err)
			}
			if r.PackNo != no || len(r.Outcomes) != 1 || r.Outcomes[0].Reject != 0 {
				t.Errorf("pack %d of %s: %v", no, g.name, r)
			}
		}
	}
	// The same by the other way, as a gateway does that had no answer.
	a.publish(&ordersv1.Pack{Gateway: a.name, PackNo: a.no, SentAtMs: time.Now().UnixMilli()}, "again")
	h.verify()
	if err := i.stop(); err != nil {
		t.Error(err)
	}
}

func TestSeveralAreThreeThatAreBusy(t *testing.T) {
	t.Parallel()
	var s several
	second := func(may bool, packs ...int) bool {
		for i, n := range packs {
			for range n {
				s.heard([]byte{byte('a' + i)})
			}
		}
		s.count(may)
		return s.now
	}
	for _, c := range []struct {
		may   bool
		packs []int
		want  bool
	}{
		{true, nil, false}, {true, []int{900}, false}, {true, []int{900, 900, gatherPacks - 1}, false},
		{true, []int{gatherPacks, gatherPacks, gatherPacks}, true}, {true, nil, false}, {false, []int{90, 90, 90}, false},
	} {
		if got := second(c.may, c.packs...); got != c.want {
			t.Errorf("%v %v: %v", c.may, c.packs, got)
		}
	}
}
