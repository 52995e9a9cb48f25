package bench

import (
	"bufio"
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"fondaco.dev/pkg/pgtest"
)

// The parts of the bench run and print their figures; those left out are made of
// the same pieces, and each brings up a house of its own. Nothing is said about
// how large the figures are.
func TestQuickAPI(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds and starts every service")
	}
	pgtest.Server(t)
	var out, progress bytes.Buffer
	b := &API{Out: &out, Progress: &progress, Only: []string{"rest", "broadcast", "cross"}}
	b.Quick()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := b.Run(ctx); err != nil {
		t.Fatalf("%v\n%s%s", err, progress.String(), out.String())
	}
	for _, want := range []string{"GET /blocks?page=1", "the last page", "by cursor from the middle", "p99 of the last page", "events, by argument", "events, by time", ">= 0.80",
		"plain gorilla", ">= 200000", "frames a write", "delivery p99", "<= 1.2 x", "the frame on another", "<= 50 ms"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table has no line with %q:\n%s", want, out.String())
		}
	}
}

func TestUnknownAPIPart(t *testing.T) {
	t.Parallel()
	b := &API{Out: &bytes.Buffer{}, Only: []string{"rest", "magic"}, Bin: t.TempDir()}
	if err := b.Run(t.Context()); err == nil || !strings.Contains(err.Error(), `"magic"`) {
		t.Errorf("an unknown part: %v", err)
	}
}

// Frames of every length of their header are read as they were written.
func TestNextFrame(t *testing.T) {
	t.Parallel()
	var buf []byte
	for _, n := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20} {
		head := []byte{0x81}
		switch {
		case n < 126:
			head = append(head, byte(n))
		case n < 1<<16:
			head = append(head, 126, byte(n>>8), byte(n))
		default:
			head = append(head, 127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		}
		want := bytes.Repeat([]byte{'x'}, n)
		op, got, err := nextFrame(bufio.NewReader(bytes.NewReader(append(head, want...))), buf)
		if err != nil || op != 1 || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: op %d, %d bytes, %v", n, op, len(got), err)
		}
		buf = got
	}
	if _, _, err := nextFrame(bufio.NewReader(bytes.NewReader([]byte{0x81, 127, 1, 0, 0, 0, 0, 0, 0, 0})), nil); err == nil {
		t.Error("a frame of 2^56 bytes is taken")
	}
}

// Half of the messages are no later than the median says.
func TestSocketCount(t *testing.T) {
	t.Parallel()
	l := &listeners{}
	for i := range 1000 {
		l.late[i].Add(1)
	}
	if n := l.count(); n.P50 != 500*time.Millisecond || n.P99 != 990*time.Millisecond {
		t.Errorf("%+v", n)
	}
}
