package rest

import (
	"math"
	"testing"

	"fondaco.dev/services/api/internal/operation"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/store"
)

func TestSeals(t *testing.T) {
	t.Parallel()
	want := seal{build: "b1", life: "18bcfe56800-0.01234567", pos: 5242881, top: 19, sum: "8d969eef6ecad3c2"}
	for _, tag := range []string{want.String(), "W/" + want.String(), " " + want.String() + " "} {
		if got, ok := readSeal(tag); !ok || got != want {
			t.Errorf("%s: %+v", tag, got)
		}
	}
	for _, bad := range []string{"", "*", `"x"`, `"f0:b1:e:1:2:8d969eef6ecad3c2"`, `"f1:b1:e:-1:2:8d969eef6ecad3c2"`, `"f1:b1:e:1:-2:8d969eef6ecad3c2"`, `"f1:b1:e:1:2:8d"`, `f1:b1:e:1:2:8d969eef6ecad3c2`} {
		if got, ok := readSeal(bad); ok {
			t.Errorf("%s: %+v", bad, got)
		}
	}
}

// TestTopOf: which height a page depends on, and which pages later blocks may
// change.
func TestTopOf(t *testing.T) {
	t.Parallel()
	after := &store.Key{Block: 7}
	for _, c := range []struct {
		l    store.List
		rows int
		want int64
	}{
		{store.List{To: -1, Desc: true, Limit: 3}, 3, never},
		{store.List{To: 9, Desc: true, Limit: 3}, 3, 9},
		{store.List{To: 9, Desc: true, Limit: 3, After: after}, 3, 7},
		{store.List{To: -1, Desc: true, Limit: 3, After: after}, 1, 7},
		{store.List{To: -1, Limit: 3}, 3, 5},
		{store.List{To: -1, Limit: 3}, 2, never},
		{store.List{To: 9, Limit: 3}, 2, 9},
		{store.List{To: 9, Limit: 3, Orphaned: true}, 2, never},
	} {
		if got := topOf(&c.l, c.rows, func() int64 { return 5 }); got != c.want {
			t.Errorf("%+v with %d rows depends on %d, want %d", c.l, c.rows, got, c.want)
		}
	}
}

func FuzzSeal(f *testing.F) {
	f.Add(`W/"f1:b1:18bcfe56800-0.01234567:5242881:19:8d969eef6ecad3c2"`)
	f.Fuzz(func(t *testing.T, tag string) {
		if s, ok := readSeal(tag); ok {
			if again, ok := readSeal(s.String()); !ok || again != s {
				t.Fatalf("%q: %+v, then %+v", tag, s, again)
			}
		}
	})
}

// FuzzList feeds every parameter of a list by height.
func FuzzList(f *testing.F) {
	f.Add(int64(1), int64(2), "2023-11-14T22:13:22.5Z", "1700000004", "finalized", "orphaned", "asc", "MSBhc2MgMSAy")
	f.Add(int64(0), int64(math.MaxInt64), "0", "-1", "any", "", "desc", "")
	f.Fuzz(func(t *testing.T, from, to int64, since, until, finality, include, order, cursor string) {
		p := operation.Heights{FromTime: since, ToTime: until, Finality: finality, Include: include, Order: order, Cursor: cursor, Limit: 10}
		p.FromBlock.Value, p.FromBlock.Given = from, from >= 0 // what is below 0 is refused before
		p.ToBlock.Value, p.ToBlock.Given = to, to >= 0
		l, err := readList(&p)
		if err != nil {
			if _, ok := problem.Of(err); !ok {
				t.Fatalf("%v is no problem", err)
			}
			return
		}
		if l.From < 0 || l.Since < 0 || l.Until < 0 || l.To >= 0 && l.From > l.To || l.Until > 0 && l.Since >= l.Until || l.Until > math.MaxInt32*1000*2 {
			t.Fatalf("%+v", l)
		}
		if k := l.After; k != nil && (k.Block < -1 || k.Log < 0 || k.Gone < 0 || k.Gone > 0 && !l.Orphaned) {
			t.Fatalf("%+v", *k)
		}
		_, _ = txOf("wait_tx", cursor)
		_, _ = readReorgCursor(cursor, l.Desc)
	})
}
