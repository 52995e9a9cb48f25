package spec

import (
	"net/url"
	"strings"
	"testing"
)

// TestQuickIsSure: what the quick check of a parameter takes, its schema takes
// too, and for what clients send all the time it does not have to be asked.
func TestQuickIsSure(t *testing.T) {
	t.Parallel()
	values := []string{"", "0", "1", "5", "007", "20", "999", "1000", "1001", "5000", "5001", "30000", "30001", "-1", "+1", "1.0", "1e2", "999999999999999", "9007199254740993",
		"18446744073709551615", "99999999999999999999", "asc", "desc", "ASC", "buy", "SELL", "1m", "2m", "open", "WINE18-USD", "ä", "\x00", "a\nb", "3", "3.", "0.5",
		"0x" + strings.Repeat("aB", 32), strings.Repeat("0", 64), "0x00000000000000000000000000000000000000aa", strings.Repeat("x", 65), "2026-01-31T12:00:00Z"}
	var taken, all int
	for _, op := range load(t).Operations {
		for _, p := range op.params {
			for _, v := range values {
				if !p.quick.takes(v) {
					continue
				}
				slow := *p
				slow.quick = nil
				if bad := slow.value(v); bad != nil {
					t.Errorf("%s: %s takes %q at once, and its schema says %v", op.ID, p.Name, v, bad)
				}
				taken++
			}
			if p.prefix == "" {
				if all++; p.quick == nil {
					t.Logf("%s: %s is always checked by its schema", op.ID, p.Name)
				}
			}
		}
	}
	if taken < 4*all {
		t.Errorf("%d of %d values of %d parameters were taken at once", taken, all*len(values), all)
	}
}

// FuzzPlain: a query that is taken without being read is one that reading it
// takes.
func FuzzPlain(f *testing.F) {
	s := load(f)
	for _, seed := range []string{"limit=5&order=asc", "limit=5&limit=5", "limit", "&&limit=5&", "=1", "interval=1m", "interval=", "interval", "side=buy&quantity=3", "arg.to=1", "min_seq=chain.dev:a:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if strings.ContainsAny(raw, "%+;") {
			return
		}
		values, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		for _, op := range s.Operations {
			if op.Plain(raw) && op.Query(values) != nil {
				t.Fatalf("%s?%q is taken at once, and %v when it is read", op.ID, raw, op.Query(values))
			}
		}
	})
}

func BenchmarkPlain(b *testing.B) {
	op := load(b).Operation("getDepth")
	b.ReportAllocs()
	for b.Loop() {
		if !op.Plain("limit=50") {
			b.Fatal("it is read")
		}
	}
}
