package sse_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"fondaco.dev/services/event-handler/internal/sse"
)

func all(t testing.TB, r io.Reader, limit int) []sse.Event {
	t.Helper()
	d := sse.NewDecoder(r, limit)
	var out []sse.Event
	for {
		e, err := d.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want []sse.Event
	}{
		"data before id":       {"data:a\nid:7\n\n", []sse.Event{{ID: "7", HasID: true, Data: []byte("a")}}},
		"id before data":       {"id: 7\ndata: a\n\n", []sse.Event{{ID: "7", HasID: true, Data: []byte("a")}}},
		"id does not linger":   {"data:a\nid:7\n\ndata:b\n\n", []sse.Event{{ID: "7", HasID: true, Data: []byte("a")}, {Data: []byte("b")}}},
		"id without data":      {"id:7\n\ndata:b\n\n", []sse.Event{{Data: []byte("b")}}},
		"lines are joined":     {"data:a\ndata:\ndata: b\n\n", []sse.Event{{Data: []byte("a\n\nb")}}},
		"CR":                   {"data:a\rid:1\r\rdata:b\r\r", []sse.Event{{ID: "1", HasID: true, Data: []byte("a")}, {Data: []byte("b")}}},
		"CRLF":                 {"data:a\r\nid:1\r\n\r\ndata:b\r\n\r\n", []sse.Event{{ID: "1", HasID: true, Data: []byte("a")}, {Data: []byte("b")}}},
		"comments":             {":\n: keep-alive\ndata:a\n:x\n\n", []sse.Event{{Data: []byte("a")}}},
		"BOM":                  {"\ufeffdata:a\n\n\ufeffdata:b\n\n", []sse.Event{{Data: []byte("a")}}},
		"BOM alone":            {"\ufeff\ndata:a\n\n", []sse.Event{{Data: []byte("a")}}},
		"name":                 {"event: x\ndata:a\n\n", []sse.Event{{Name: "x", Data: []byte("a")}}},
		"one space":            {"data:  a\n\n", []sse.Event{{Data: []byte(" a")}}},
		"field without colon":  {"data\nwhat\n\n", []sse.Event{{Data: nil}}},
		"no last empty line":   {"data:a\nid:7\n", []sse.Event{{ID: "7", HasID: true, Data: []byte("a"), Cut: true}}},
		"cut in the data":      {"data:abc", []sse.Event{{Data: []byte("abc"), Cut: true}}},
		"cut in the id":        {"data:a\nid:12", []sse.Event{{Data: []byte("a"), Cut: true}}},
		"id with NUL":          {"data:a\nid:1\x002\n\n", []sse.Event{{Data: []byte("a")}}},
		"oversize":             {"data:" + strings.Repeat("x", 200) + "\nid:1\n\ndata:b\n\n", []sse.Event{{ID: "1", HasID: true, Oversize: 205}, {Data: []byte("b")}}},
		"oversize in lines":    {strings.Repeat("data:"+strings.Repeat("x", 40)+"\n", 4) + "\n", []sse.Event{{Oversize: 171}}},
		"nothing but comments": {":\n\n:\n\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check := func(how string, got []sse.Event) {
				t.Helper()
				if len(got) != len(c.want) {
					t.Fatalf("%s: %d events %+v, want %d", how, len(got), got, len(c.want))
				}
				for i := range got {
					if !same(got[i], c.want[i]) {
						t.Errorf("%s: event %d is %+v, want %+v", how, i, got[i], c.want[i])
					}
				}
			}
			check("whole", all(t, strings.NewReader(c.in), 100))
			check("byte by byte", all(t, iotest.OneByteReader(strings.NewReader(c.in)), 100))
		})
	}
}

func same(a, b sse.Event) bool {
	return a.Name == b.Name && a.ID == b.ID && a.HasID == b.HasID && a.Cut == b.Cut && a.Oversize == b.Oversize && bytes.Equal(a.Data, b.Data)
}

// An event is handed out as soon as its empty line is there: a CR may be the
// last byte for a long time.
func TestEventIsNotHeldBackByCR(t *testing.T) {
	t.Parallel()
	p := sse.NewParser(100)
	p.Feed([]byte("data:a\r\r"))
	if _, ok := p.Pop(); !ok {
		t.Fatal("the event waits for a LF that may never come")
	}
	p.Feed([]byte("\ndata:b\n\n"))
	if e, ok := p.Pop(); !ok || string(e.Data) != "b" {
		t.Fatalf("got %+v", e)
	}
}

func TestReaderErrorComesAfterTheEvents(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	d := sse.NewDecoder(io.MultiReader(strings.NewReader("data:a\n\ndata:b"), iotest.ErrReader(broken)), 100)
	for _, want := range []sse.Event{{Data: []byte("a")}, {Data: []byte("b"), Cut: true}} {
		if e, err := d.Next(); err != nil || !same(e, want) {
			t.Fatalf("got %+v, %v", e, err)
		}
	}
	if _, err := d.Next(); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
}

// FuzzCuts: however a stream is cut into chunks, the events are the same.
func FuzzCuts(f *testing.F) {
	f.Add([]byte("data:{\"ApiVersion\":\"1.0.0\"}\n\n:\n\ndata:x\r\nid:17\r\n\r\n"), 3, 8)
	f.Add([]byte("\ufeffdata:a\rid:1\r\rdata:b"), 1, 2)
	f.Add([]byte("data:a\ndata:b\nid:9"), 7, 9)
	f.Fuzz(func(t *testing.T, in []byte, a, b int) {
		whole := feed(in)
		n := len(in) + 1
		a, b = ((a%n)+n)%n, ((b%n)+n)%n
		if a > b {
			a, b = b, a
		}
		if cut := feed(in[:a], in[a:b], in[b:]); !reflect.DeepEqual(whole, cut) {
			t.Errorf("cut at %d and %d: %+v, whole: %+v", a, b, cut, whole)
		}
		for _, e := range whole {
			if len(e.Data) > 64 || e.Oversize > 0 && len(e.Data) > 0 {
				t.Errorf("an event above the limit: %+v", e)
			}
		}
	})
}

func feed(chunks ...[]byte) []sse.Event {
	p := sse.NewParser(64)
	for _, c := range chunks {
		p.Feed(bytes.Clone(c))
	}
	p.Close()
	var out []sse.Event
	for {
		e, ok := p.Pop()
		if !ok {
			return out
		}
		out = append(out, e)
	}
}
