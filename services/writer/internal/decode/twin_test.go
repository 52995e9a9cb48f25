package decode

import (
	"bytes"
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
)

// zoo has every type that the hand-written decoder takes apart.
const zoo = `[
 {"type":"event","name":"Static","inputs":[
  {"name":"a","type":"uint8"},{"name":"b","type":"int8"},{"name":"c","type":"uint16"},{"name":"d","type":"int16"},{"name":"e","type":"uint32"},
  {"name":"f","type":"int32"},{"name":"g","type":"uint64"},{"name":"h","type":"int64"},{"name":"i","type":"uint24"},{"name":"j","type":"int24"},
  {"name":"k","type":"uint256"},{"name":"l","type":"int256"},{"name":"m","type":"bool"},{"name":"n","type":"address"},{"name":"o","type":"bytes1"},
  {"name":"p","type":"bytes32"},{"name":"q","type":"function"},{"name":"r","type":"uint64[2]"},{"name":"s","type":"bool[2][2]"},
  {"name":"t","type":"tuple","components":[{"name":"x","type":"uint128"},{"name":"y","type":"address[1]"}]},{"name":"u","type":"uint256"}]},
 {"type":"event","name":"Bytes","inputs":[{"name":"a","type":"bytes"},{"name":"b","type":"string"},{"name":"c","type":"uint256"}]},
 {"type":"event","name":"Lists","inputs":[{"name":"a","type":"uint256[]"},{"name":"b","type":"bytes[]"},{"name":"c","type":"string[2]"},{"name":"d","type":"uint8[][2]"},{"name":"e","type":"bool[2][]"}]},
 {"type":"event","name":"Nested","inputs":[{"name":"a","type":"tuple[]","components":[{"name":"id","type":"uint16"},{"name":"names","type":"string[]"},
  {"name":"in","type":"tuple","components":[{"name":"b","type":"bytes4"},{"name":"c","type":"bytes"}]}]},
  {"name":"b","type":"tuple","components":[{"name":"x","type":"int64[]"},{"name":"y","type":"bool"}]},
  {"name":"c","type":"tuple[2]","components":[{"name":"x","type":"uint32"},{"name":"y","type":"string"}]}]},
 {"type":"event","name":"Indexed","inputs":[{"name":"a","type":"int16","indexed":true},{"name":"b","type":"bool","indexed":true},{"name":"c","type":"uint256[]","indexed":true},{"name":"d","type":"int256"}]},
 {"type":"event","name":"Function","inputs":[{"name":"a","type":"function","indexed":true},{"name":"b","type":"address","indexed":true}]},
 {"type":"event","name":"Empty","inputs":[]}
]`

func events(t testing.TB) []*event {
	t.Helper()
	a, err := abi.JSON(strings.NewReader(zoo))
	if err != nil {
		t.Fatal(err)
	}
	var out []*event
	for _, e := range a.Events {
		out = append(out, newEvent(e))
	}
	slices.SortFunc(out, func(a, b *event) int { return strings.Compare(a.name, b.name) })
	return out
}

// agree holds the decoder to its twin: the same logs, the same bytes.
func agree(t *testing.T, e *event, l *chainv1.Log) bool {
	t.Helper()
	want, err := e.slow(l)
	got, why := e.decode(nil, l)
	if (err == nil) != (why == "") || !bytes.Equal(got, want) {
		t.Fatalf("%s of %x topics %x:\n got %s %q\nwant %s %v", e.name, l.Data, l.Topics, got, why, want, err)
	}
	if err == nil && !json.Valid(got) {
		t.Fatalf("%s: not JSON: %s", e.name, got)
	}
	return err == nil
}

func FuzzTwin(f *testing.F) {
	list := events(f)
	for i := range list {
		f.Add(make([]byte, 640), uint8(i))
		f.Add([]byte{1, 2, 3}, uint8(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		e := list[int(which)%len(list)]
		l := &chainv1.Log{}
		for range e.count {
			topic := make([]byte, 32)
			n := copy(topic, data)
			data = data[n:]
			l.Topics = append(l.Topics, topic)
		}
		l.Data = data
		agree(t, e, l)
	})
}

// TestTwinsAgreeOnMutatedWords makes data that is nearly right: small words,
// offsets and extreme values, which random bytes never hit.
func TestTwinsAgreeOnMutatedWords(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	accepted := map[string]int{}
	for _, e := range events(t) {
		for range 5_000 {
			l := &chainv1.Log{}
			for range e.count {
				l.Topics = append(l.Topics, near(r, 4))
			}
			if r.IntN(2) == 0 {
				// All zero is right for static types: some words differ.
				l.Data = make([]byte, 32*30)
				for range r.IntN(4) {
					copy(l.Data[32*r.IntN(30):], near(r, 30))
				}
			} else {
				for range r.IntN(30) {
					l.Data = append(l.Data, near(r, 30)...)
				}
			}
			if r.IntN(4) == 0 && len(l.Data) > 0 {
				l.Data = l.Data[:r.IntN(len(l.Data))]
			}
			if agree(t, e, l) {
				accepted[e.name]++
			}
		}
		if accepted[e.name] == 0 {
			t.Errorf("no log of %s was ever accepted: the comparison says little", e.name)
		}
	}
}

func near(r *rand.Rand, words int) []byte {
	w := make([]byte, 32)
	switch r.IntN(8) {
	case 0, 1, 2, 3:
		w[31] = byte(32 * r.IntN(words))
		if r.IntN(3) == 0 {
			w[30] = byte(r.IntN(3))
		}
	case 4, 5:
		w[31] = byte(r.IntN(3))
	case 6:
		for i := range w {
			w[i] = 0xff
		}
		k := r.IntN(32)
		w[k] = byte(r.UintN(256))
	case 7:
		for i := r.IntN(32); i < 32; i++ {
			w[i] = byte(r.UintN(256))
		}
	}
	return w
}

func TestTwinsAgreeOnEncodedValues(t *testing.T) {
	t.Parallel()
	type inner struct {
		B [4]byte
		C []byte
	}
	type a struct {
		Id    uint16
		Names []string
		In    inner
	}
	type b struct {
		X []int64
		Y bool
	}
	type c struct {
		X uint32
		Y string
	}
	parsed, err := abi.JSON(strings.NewReader(zoo))
	if err != nil {
		t.Fatal(err)
	}
	data, err := parsed.Events["Nested"].Inputs.Pack([]a{{1, []string{"x", "\"é\x00"}, inner{[4]byte{1}, []byte{2}}}, {}}, b{[]int64{-1, 1 << 62}, true}, [2]c{{1, "one"}, {2, ""}})
	if err != nil {
		t.Fatal(err)
	}
	e := newEvent(parsed.Events["Nested"])
	l := &chainv1.Log{Topics: [][]byte{make([]byte, 32)}, Data: data}
	if !agree(t, e, l) {
		t.Error("refused")
	}
	for i := range data {
		for _, v := range []byte{0, 1, 0x20, 0xff} {
			was := data[i]
			data[i] = v
			agree(t, e, l)
			data[i] = was
		}
	}
	lists, err := parsed.Events["Lists"].Inputs.Pack([]*big.Int{big.NewInt(1)}, [][]byte{{1}, {}}, [2]string{"a", "b"}, [2][]uint8{{1, 2}, {}}, [][2]bool{{true, false}})
	if err != nil {
		t.Fatal(err)
	}
	if !agree(t, newEvent(parsed.Events["Lists"]), &chainv1.Log{Topics: [][]byte{make([]byte, 32)}, Data: lists}) {
		t.Error("refused")
	}
}

// TestBombIsRefused: a few kilobytes whose offsets all point at one list would
// be millions of elements.
func TestBombIsRefused(t *testing.T) {
	t.Parallel()
	a, err := abi.JSON(strings.NewReader(`[{"type":"event","name":"Bomb","inputs":[{"name":"a","type":"uint256[][][]"}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	const n = 300
	number := func(v int) []byte { return common.LeftPadBytes(big.NewInt(int64(v)).Bytes(), 32) }
	var data []byte
	data = append(data, number(32)...)
	for range 3 {
		data = append(data, number(n)...)
		for range n {
			data = append(data, number(32*n)...) // of the next level
		}
	}
	data = append(data, make([]byte, 32*n)...)
	e := newEvent(a.Events["Bomb"])
	if _, why := e.decode(nil, &chainv1.Log{Topics: [][]byte{make([]byte, 32)}, Data: data}); !strings.Contains(why, "longer than") {
		t.Errorf("got %q", why)
	}
}

func TestWide(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		var v wide
		for i := range 1 + r.IntN(4) {
			if v[i] = r.Uint64(); r.IntN(4) == 0 {
				v[i] = 0
			}
		}
		want := new(big.Int)
		for i := 3; i >= 0; i-- {
			want.Lsh(want, 64).Or(want, new(big.Int).SetUint64(v[i]))
		}
		if got := string(v.append(nil)); got != want.String() {
			t.Fatalf("%v: %s, want %s", v, got, want)
		}
	}
}

func transfer(tb testing.TB) (*Decoder, *chainv1.Log) {
	const erc20 = `[{"type":"event","name":"Transfer","inputs":[{"name":"from","type":"address","indexed":true},{"name":"to","type":"address","indexed":true},{"name":"value","type":"uint256"}]}]`
	a, err := abi.JSON(strings.NewReader(erc20))
	if err != nil {
		tb.Fatal(err)
	}
	ev := a.Events["Transfer"]
	d := New([]config.Contract{{Name: "usd", Address: common.HexToAddress("0x0a"), ABIs: []config.ABI{{Events: []abi.Event{ev}, To: config.Open}}}})
	address := common.HexToAddress("0x0a")
	value := make([]byte, 32)
	value[20], value[31] = 9, 7
	return d, &chainv1.Log{Address: address[:], Topics: [][]byte{ev.ID[:], bytes.Repeat([]byte{0xab}, 32), bytes.Repeat([]byte{0xcd}, 32)}, Data: value}
}

// Allocations are counted for the whole process: it does not run beside others.
func TestTransferAllocatesLittle(t *testing.T) {
	d, l := transfer(t)
	var kept []Result
	n := testing.AllocsPerRun(2000, func() {
		r := d.Log(l, 1)
		if len(kept) < 10 {
			kept = append(kept, r)
		}
	})
	// One chunk of the arena is about 350 transfers.
	if n > 0.1 {
		t.Errorf("%v allocations for a Transfer", n)
	}
	for _, r := range kept {
		if string(r.Args) != string(kept[0].Args) || !json.Valid(r.Args) {
			t.Errorf("a later log changed %s", r.Args)
		}
	}
}

func BenchmarkTransfer(b *testing.B) {
	d, l := transfer(b)
	b.ReportAllocs()
	for b.Loop() {
		if r := d.Log(l, 1); r.Error != "" {
			b.Fatal(r.Error)
		}
	}
}

func BenchmarkTransferByReflection(b *testing.B) {
	d, l := transfer(b)
	e := d.exact[place{common.Address(l.Address), common.Hash(l.Topics[0])}][0].event
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.slow(l); err != nil {
			b.Fatal(err)
		}
	}
}
