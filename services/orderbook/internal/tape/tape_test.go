package tape

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	want := Generate(Mix{Resting: 50, Commands: 500, Accounts: 5, Prices: 20, Seed: 7})
	want[3].Price, want[4].Quantity, want[5].TimeMs = -1, 1<<63, 1<<64-1
	var b bytes.Buffer
	if err := Write(&b, want); err != nil {
		t.Fatal(err)
	}
	if b.Len() != headerSize+recordSize*len(want) {
		t.Fatalf("%d bytes for %d records", b.Len(), len(want))
	}
	got, err := Read(&b)
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d records, %v", len(got), err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("record %d: %+v, wrote %+v", i, got[i], want[i])
		}
	}
}

// The layout is public: another program's bytes must read like this.
func TestLayout(t *testing.T) {
	t.Parallel()
	b := []byte("FTAPE\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00" +
		"\x02\x01\x03\x00" + "\x04\x03\x02\x01" + "\x08\x00\x00\x00\x00\x00\x00\x00" + "\xfe\xff\xff\xff\xff\xff\xff\xff" +
		"\x05\x00\x00\x00\x00\x00\x00\x00" + "\x06\x01\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00")
	got, err := Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	want := Record{Op: OpAmend, Side: Ask, TIF: PostOnly, Kind: Limit, Account: 0x01020304, Ref: 8, Price: -2, Quantity: 5, TimeMs: 0x106}
	if len(got) != 1 || got[0] != want {
		t.Fatalf("%+v", got)
	}
}

func TestBadTapesSayWhy(t *testing.T) {
	t.Parallel()
	var good bytes.Buffer
	if err := Write(&good, make([]Record, 2)); err != nil {
		t.Fatal(err)
	}
	b := good.Bytes()
	changed := func(at int, v byte) []byte {
		c := bytes.Clone(b)
		c[at] = v
		return c
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":          {nil, "within its 16 bytes of header"},
		"other file":     {changed(0, 'x'), "FTAPE"},
		"cut":            {b[:len(b)-1], "record 1 of 2"},
		"longer":         {append(bytes.Clone(b), 0), "after the 2 records"},
		"count too high": {changed(15, 0xff), "record 2 of"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Read(bytes.NewReader(c.data))
			if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// The mix is what it says, and the book keeps its size.
func TestGeneratedMix(t *testing.T) {
	t.Parallel()
	const resting, commands = 1000, 20000
	tape := Generate(Mix{Resting: resting, Commands: commands, Accounts: 50, Prices: 100, Seed: 1})
	if len(tape) != resting+commands {
		t.Fatalf("%d records", len(tape))
	}
	var news, cancels, takes int
	for _, r := range tape[resting:] {
		switch {
		case r.Op == OpCancel:
			cancels++
		case r.TIF == IOC:
			takes++
		default:
			news++
		}
	}
	for name, n := range map[string][2]int{"new": {news, 50}, "cancel": {cancels, 40}, "take": {takes, 10}} {
		if share := n[0] * 100 / commands; share < n[1]-2 || share > n[1]+2 {
			t.Errorf("%s: %d%%, want about %d%%", name, share, n[1])
		}
	}
	again := Generate(Mix{Resting: resting, Commands: commands, Accounts: 50, Prices: 100, Seed: 1})
	for i := range tape {
		if tape[i] != again[i] {
			t.Fatalf("record %d differs between two runs of one seed", i)
		}
	}
}
