package zlog

import (
	"bytes"
	"math"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// clock stands still.
type clock struct{ at time.Time }

func (c clock) Now() time.Time                       { return c.at }
func (c clock) NewTicker(time.Duration) *time.Ticker { return nil }

// asZap writes the same line by hand and by zap, and wants the same bytes.
func asZap(t *testing.T, format string, at time.Time, session, request, text string, n int64, took time.Duration, from netip.Addr) {
	t.Helper()
	var mine, zaps bytes.Buffer
	for _, w := range []*bytes.Buffer{&mine, &zaps} {
		log, err := New(Config{Level: "info", Format: format}, "api", w)
		if err != nil {
			t.Fatal(err)
		}
		if w == &mine {
			var line Line
			if !log.Lines("http", "access").Begin(&line, at, session, request) {
				t.Fatal("no line")
			}
			line.String("path", text)
			line.Int("status", n)
			line.Duration("took", took)
			line.Address("from", from)
			line.End()
		} else {
			log.Named("http").WithOptions(zap.WithClock(clock{at})).Info("access", Session(session), Request(request),
				zap.String("path", text), zap.Int64("status", n), zap.Duration("took", took), zap.Stringer("from", from))
		}
		if err := log.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	if mine.String() != zaps.String() {
		t.Errorf("%q:\n%s, by zap\n%s", format, mine.String(), zaps.String())
	}
}

// TestLinesAsZap: odd strings, times and numbers are written as zap does.
func TestLinesAsZap(t *testing.T) {
	t.Parallel()
	zones := []*time.Location{time.UTC, time.Local, time.FixedZone("", -3*3600-30*60), time.FixedZone("", 14*3600)}
	texts := []string{"/v1/markets/WINE18-USD/depth", "", `"\/`, "\x00\x1f\x7f\n\r\t\b", "\u00e9\u2028\U0001F600<&>", "\xff\xc3(\xe2\x82", "a\ufffdb", "%22{ ,: "}
	tooks := []time.Duration{0, 1, 999, 1000, 1234567, time.Second, 10*time.Second + 100, time.Hour, exact - 1, exact, exact + 1, 123456789012345678, math.MaxInt64, -1, -1500 * time.Millisecond}
	froms := []string{"192.0.2.1", "::", "2001:db8::1", "::ffff:192.0.2.1", `fe80::1%a"b`}
	for _, format := range []string{"json", "", "brief"} {
		for i := range max(len(texts), len(tooks)) {
			from, _ := netip.ParseAddr(append(froms, "")[i%(len(froms)+1)])
			text, took := texts[i%len(texts)], tooks[i%len(tooks)]
			asZap(t, format, time.Date(2026, 11, 2, 3, 4, 5, i*97_654_321%1e9, zones[i%len(zones)]), "account-7", "r"+text, text, int64(i-1), took, from)
		}
	}
}

// TestLinesOfASecond: what is kept of one second is not that of another one, nor
// of another zone's.
func TestLinesOfASecond(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := New(Config{Level: "info"}, "api", &out)
	if err != nil {
		t.Fatal(err)
	}
	lines, line := log.Lines("http", "access"), Line{}
	at := time.Date(2026, 1, 2, 3, 4, 59, 999e6, time.UTC)
	for _, d := range []time.Duration{0, time.Millisecond, -time.Millisecond} {
		lines.Begin(&line, at.Add(d), "-", "r")
		line.Int("n", 1)
		line.End()
	}
	_ = log.Sync()
	if want := "03:04:59.999 info api.http [-/r] access {\"n\": 1}\n03:05:00.000 info api.http [-/r] access {\"n\": 1}\n03:04:59.998 info api.http [-/r] access {\"n\": 1}\n"; out.String() != want {
		t.Errorf("%s", out.String())
	}
}

// TestLinesLevel: the level governs them while the process runs, and Nop has
// none.
func TestLinesLevel(t *testing.T) {
	t.Parallel()
	var line Line
	log, err := New(Config{Level: "warn"}, "api", &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	lines := log.Lines("http", "access")
	if lines.Begin(&line, time.Now(), "-", "r") || Nop().Lines("http", "access").Begin(&line, time.Now(), "-", "r") || (*Lines)(nil).Begin(&line, time.Now(), "-", "r") {
		t.Error("a line below the level")
	}
	log.Level.atomic.SetLevel(zapcore.DebugLevel)
	if !lines.Begin(&line, time.Now(), "-", "r") {
		t.Error("no line")
	}
}

func FuzzLinesAsZap(f *testing.F) {
	f.Add(`a"b`, "\xff", int64(1), int64(1e15))
	f.Fuzz(func(t *testing.T, request, text string, n, took int64) {
		if request == "" {
			return
		}
		for _, format := range []string{"json", ""} {
			asZap(t, format, time.Unix(1e9, n%1e9), "-", request, text, n, time.Duration(took), netip.Addr{})
		}
	})
}
