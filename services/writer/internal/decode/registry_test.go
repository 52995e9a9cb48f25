package decode_test

import (
	"bytes"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/services/writer/internal/decode"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
)

// event makes an ABI of one event with arguments such as "address indexed a".
func event(name, flags string, args ...string) string {
	var in []string
	for _, a := range args {
		f := strings.Fields(a)
		in = append(in, fmt.Sprintf(`{"type":%q,"name":%q,"indexed":%t}`, f[0], f[len(f)-1], len(f) == 3))
	}
	return fmt.Sprintf(`[{"type":"event","name":%q%s,"inputs":[%s]}]`, name, flags, strings.Join(in, ","))
}

const anonymousFlag = `,"anonymous":true`

func words(ns ...uint64) []byte {
	var out []byte
	for _, n := range ns {
		out = append(out, common.LeftPadBytes(new(big.Int).SetUint64(n).Bytes(), 32)...)
	}
	return out
}

func at(n byte) []byte { return common.LeftPadBytes([]byte{n}, 20) }

func mustDecode(t *testing.T, d *decode.Decoder, l *chainv1.Log, number uint64, contract, event, args string) {
	t.Helper()
	r := d.Log(l, number)
	if r.Contract != contract || r.Event != event || string(r.Args) != args {
		t.Errorf("got %s %s %s (%s), want %s %s %s", r.Contract, r.Event, r.Args, r.Error, contract, event, args)
	}
}

func TestABIVersionsByBlockRange(t *testing.T) {
	t.Parallel()
	old, later := event("Set", "", "uint256 value"), event("Set", "", "uint256 amount")
	d := decode.New([]config.Contract{{Name: "c", Address: common.Address(at(1)), StartBlock: 5, ABIs: []config.ABI{version(t, old, 0, 99), version(t, later, 100, config.Open)}}})
	l := &chainv1.Log{Address: at(1), Topics: [][]byte{topic("Set(uint256)")}, Data: words(7)}
	mustDecode(t, d, l, 4, "", "", "")
	mustDecode(t, d, l, 99, "c", "Set", `{"value":"7"}`)
	mustDecode(t, d, l, 100, "c", "Set", `{"amount":"7"}`)
}

func TestProxyHasSeveralABIsAtOnce(t *testing.T) {
	t.Parallel()
	d := decode.New([]config.Contract{{Name: "proxy", Address: common.Address(at(1)), ABIs: []config.ABI{
		version(t, event("Upgraded", "", "address indexed implementation"), 0, config.Open),
		version(t, event("Set", "", "uint256 value"), 0, config.Open),
		// The same topic with other arguments indexed: the number of topics decides.
		version(t, event("Set", "", "uint256 indexed key"), 0, config.Open)}}})
	set := topic("Set(uint256)")
	mustDecode(t, d, &chainv1.Log{Address: at(1), Topics: [][]byte{topic("Upgraded(address)"), words(9)}}, 1, "proxy", "Upgraded", `{"implementation":"0x0000000000000000000000000000000000000009"}`)
	mustDecode(t, d, &chainv1.Log{Address: at(1), Topics: [][]byte{set}, Data: words(7)}, 1, "proxy", "Set", `{"value":"7"}`)
	mustDecode(t, d, &chainv1.Log{Address: at(1), Topics: [][]byte{set, words(7)}}, 1, "proxy", "Set", `{"key":"7"}`)
}

func TestTwoContractsWithOneEventName(t *testing.T) {
	t.Parallel()
	text := event("Set", "", "uint256 value")
	d := decode.New([]config.Contract{
		{Name: "a", Address: common.Address(at(1)), ABIs: []config.ABI{version(t, text, 0, config.Open)}},
		{Name: "b", Address: common.Address(at(2)), ABIs: []config.ABI{version(t, text, 0, config.Open)}}})
	for i, name := range []string{"a", "b"} {
		mustDecode(t, d, &chainv1.Log{Address: at(byte(i + 1)), Topics: [][]byte{topic("Set(uint256)")}, Data: words(7)}, 1, name, "Set", `{"value":"7"}`)
	}
}

func TestAnonymousEvents(t *testing.T) {
	t.Parallel()
	d := decode.New([]config.Contract{{Name: "c", Address: common.Address(at(1)), ABIs: []config.ABI{
		version(t, event("Plain", "", "uint256 indexed a"), 0, config.Open),
		version(t, event("Two", anonymousFlag, "uint256 indexed a", "uint256 b", "uint256 c"), 0, config.Open),
		version(t, event("One", anonymousFlag, "uint256 indexed a", "uint256 b"), 0, config.Open),
		version(t, event("Text", anonymousFlag, "string s"), 0, config.Open),
		version(t, event("None", anonymousFlag), 0, config.Open)}}})
	log := func(data []byte, topics ...[]byte) *chainv1.Log {
		return &chainv1.Log{Address: at(1), Topics: topics, Data: data}
	}
	mustDecode(t, d, log(words(2, 3), words(1)), 1, "c", "Two", `{"a":"1","b":"2","c":"3"}`)
	mustDecode(t, d, log(words(2), words(1)), 1, "c", "One", `{"a":"1","b":"2"}`)
	mustDecode(t, d, log(append(words(32, 2), append([]byte("hi"), make([]byte, 30)...)...)), 1, "c", "Text", `{"s":"hi"}`)
	mustDecode(t, d, log(nil), 1, "c", "None", `{}`)
	// Nothing fits exactly.
	mustDecode(t, d, log(words(1, 2, 3, 4), words(1)), 1, "", "", "")
	// The topic is that of an event which is not anonymous: that one is meant.
	if r := d.Log(log(words(2), topic("Plain(uint256)")), 1); r.Contract != "c" || !strings.Contains(r.Error, "1 topics where the ABI has 2") {
		t.Errorf("got %+v", r)
	}
	// At other addresses nothing is said about logs without a known topic.
	mustDecode(t, d, &chainv1.Log{Address: at(2), Data: words(2), Topics: [][]byte{words(1)}}, 1, "", "", "")
}

func factoryDecoder(t *testing.T) *decode.Decoder {
	t.Helper()
	created := parsed(t, event("Created", "", "address indexed pool", "uint256 n")).Events["Created"]
	return decode.New([]config.Contract{
		{Name: "pool", StartBlock: 10, Factory: &config.Factory{Address: common.Address(at(0xf)), Event: created, Arg: 0},
			ABIs: []config.ABI{version(t, event("Swap", "", "uint256 n"), 0, config.Open)}},
		{Name: "named", Address: common.Address(at(0xe)), ABIs: []config.ABI{version(t, event("Other", "", "uint256 n"), 0, config.Open)}}})
}

func created(child byte, index uint32) *chainv1.Log {
	return &chainv1.Log{Address: at(0xf), Topics: [][]byte{topic("Created(address,uint256)"), words(uint64(child))}, Data: words(1), Index: index}
}

func swap(from byte, index uint32) *chainv1.Log {
	return &chainv1.Log{Address: at(from), Topics: [][]byte{topic("Swap(uint256)")}, Data: words(7), Index: index}
}

func TestChildrenOfAFactory(t *testing.T) {
	t.Parallel()
	d := factoryDecoder(t)
	if r := d.Log(swap(1, 0), 20); !r.Stranger || r.Contract != "" {
		t.Errorf("before it is made: %+v", r)
	}
	if d.Births(created(1, 5), 9) != nil {
		t.Error("below the start block")
	}
	mustDecode(t, d, created(1, 5), 20, "pool", "Created", `{"pool":"0x0000000000000000000000000000000000000001","n":"1"}`)
	if got := d.Births(created(1, 5), 20); len(got) != 1 || got[0].Contract != "pool" || got[0].Block != 20 || got[0].Log != 5 {
		t.Fatalf("births %+v", got)
	}
	if d.Births(created(1, 6), 20) != nil || d.Births(created(1, 6), 30) != nil {
		t.Error("the first log to name a child stands")
	}
	if r := d.Log(swap(1, 4), 20); !r.Stranger {
		t.Errorf("earlier in the block: %+v", r)
	}
	mustDecode(t, d, swap(1, 6), 20, "pool", "Swap", `{"n":"7"}`)
	mustDecode(t, d, swap(1, 0), 21, "pool", "Swap", `{"n":"7"}`)
	if r := d.Log(&chainv1.Log{Address: at(1), Topics: swap(1, 0).Topics, Data: words(7)[:31]}, 21); r.Contract != "pool" || r.Error == "" {
		t.Errorf("undecodable: %+v", r)
	}
	// A named address is never a stranger.
	if r := d.Log(swap(0xe, 0), 21); r.Stranger {
		t.Errorf("%+v", r)
	}
}

func TestChildrenAreUndone(t *testing.T) {
	t.Parallel()
	d := factoryDecoder(t)
	d.Births(created(1, 0), 20)
	d.Births(created(2, 0), 21)
	state := func() string {
		var b bytes.Buffer
		for _, a := range []byte{1, 2, 3, 4} {
			fmt.Fprint(&b, d.Log(swap(a, 9), 30).Contract == "pool", " ")
		}
		return b.String()
	}
	before := state()
	d.Children.Mark()
	d.Children.Revert(20)
	d.Births(created(3, 0), 21)
	d.Births(created(4, 0), 19) // out of order, as a repair does
	d.Children.Revert(20)
	if got := state(); got != "true false false true " {
		t.Errorf("after the revert %s", got)
	}
	d.Children.Undo()
	if got := state(); got != before || before != "true true false false " {
		t.Errorf("undone %s, want %s", got, before)
	}
	d.Children.Mark()
	d.Births(created(4, 0), 25)
	d.Births(created(3, 0), 22) // a repair
	d.Children.Revert(24)
	if got := state(); got != "true true true false " {
		t.Errorf("a repair below: %s", got)
	}
	d.Children.Undo()
	if got := state(); got != before {
		t.Errorf("undone %s", got)
	}
	if err := d.Restore([]decode.Child{{Contract: "pool", Address: common.Address(at(4)), Block: 3}}); err != nil || state() != "false false false true " {
		t.Errorf("restored %s %v", state(), err)
	}
	if d.Restore([]decode.Child{{Contract: "gone"}}) == nil {
		t.Error("a child of nobody was taken")
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	types := func(list ...string) (out abi.Arguments) {
		for _, name := range list {
			typ, err := abi.NewType(name, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, abi.Argument{Type: typ})
		}
		return out
	}
	d := decode.New([]config.Contract{
		{Name: "c", Address: common.Address(at(1)), Reads: []config.Read{{Name: "supply", Returns: types("uint256")}, {Name: "pair", Returns: types("uint112", "bool")}}},
		{Name: "d", Address: common.Address(at(2)), Reads: []config.Read{{Name: "supply", Returns: types("bool")}}}})
	for _, tt := range []struct {
		contract, want string
		reads          []*chainv1.Read
	}{
		{"c", `{"supply":"7","pair":["8",true]}`, []*chainv1.Read{{Name: "supply", Result: words(7)}, {Name: "pair", Result: words(8, 1)}}},
		{"d", `{"supply":true}`, []*chainv1.Read{{Name: "supply", Result: words(1)}}},
		{"", `{"supply":"1"}`, []*chainv1.Read{{Name: "supply", Result: words(1)}}},
		{"c", `{"supply":{"raw":"0x","error":"abi: attempting to unmarshal an empty string while arguments are expected"}}`, []*chainv1.Read{{Name: "supply"}}},
		{"c", `{"supply":{"raw":"0x08c379a0","error":"execution reverted","reverted":true}}`, []*chainv1.Read{{Name: "supply", Result: []byte{8, 0xc3, 0x79, 0xa0}, Error: "execution reverted"}}},
		{"c", `{"pair":{"raw":"0x` + fmt.Sprintf("%x", words(8, 2)) + `","error":"abi: improperly encoded boolean value"}}`, []*chainv1.Read{{Name: "pair", Result: words(8, 2)}}},
		{"c", `{"x":{"raw":"0x","error":"the configuration does not name this read"}}`, []*chainv1.Read{{Name: "x"}}},
		{"c", ``, nil},
	} {
		if got := string(d.Reads(tt.contract, tt.reads)); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}
