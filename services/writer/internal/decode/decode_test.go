package decode_test

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"fondaco.dev/services/writer/internal/decode"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
)

const everything = `[
 {"type":"event","name":"Everything","inputs":[
  {"name":"small","type":"uint32"},{"name":"tiny","type":"int8"},{"name":"mid","type":"uint64"},{"name":"big","type":"uint256"},
  {"name":"neg","type":"int256"},{"name":"odd","type":"uint24"},{"name":"ok","type":"bool"},{"name":"who","type":"address"},
  {"name":"raw","type":"bytes"},{"name":"fixed","type":"bytes4"},{"name":"text","type":"string"},{"name":"list","type":"uint256[]"},
  {"name":"","type":"uint8[2]"},
  {"name":"pair","type":"tuple","components":[{"name":"id","type":"uint16"},{"name":"names","type":"string[]"}]}]},
 {"type":"event","name":"Indexed","inputs":[
  {"name":"text","type":"string","indexed":true},{"name":"n","type":"int64","indexed":true},{"name":"b","type":"bytes32","indexed":true}]},
 {"type":"event","name":"Transfer","inputs":[{"name":"from","type":"address","indexed":true},{"name":"to","type":"address","indexed":true},{"name":"value","type":"uint256"}]},
 {"type":"event","name":"Over","inputs":[{"name":"a","type":"uint256"}]},
 {"type":"event","name":"Over","inputs":[{"name":"a","type":"address"}]}
]`

const erc721 = `[{"type":"event","name":"Transfer","inputs":[{"name":"from","type":"address","indexed":true},{"name":"to","type":"address","indexed":true},{"name":"id","type":"uint256","indexed":true}]}]`

func contract(t *testing.T, name, address, text string, start uint64) config.Contract {
	t.Helper()
	c := config.Contract{Name: name, Any: address == "*", ABIs: []config.ABI{version(t, text, 0, config.Open)}, StartBlock: start}
	if !c.Any {
		c.Address = common.HexToAddress(address)
	}
	return c
}

func parsed(t *testing.T, text string) abi.ABI {
	t.Helper()
	a, err := abi.JSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func version(t *testing.T, text string, from, to uint64) config.ABI {
	t.Helper()
	out := config.ABI{JSON: []byte(text), From: from, To: to}
	for _, e := range parsed(t, text).Events {
		out.Events = append(out.Events, e)
	}
	slices.SortFunc(out.Events, func(a, b abi.Event) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func topic(s string) []byte { return crypto.Keccak256([]byte(s)) }

func TestEveryTypeHasItsForm(t *testing.T) {
	t.Parallel()
	c := contract(t, "all", "0x01", everything, 0)
	ev := parsed(t, everything).Events["Everything"]
	type pair struct {
		Id    uint16
		Names []string
	}
	wei, _ := new(big.Int).SetString("115792089237316195423570985008687907853269984665640564039457584007913129639935", 10)
	data, err := ev.Inputs.Pack(uint32(4294967295), int8(-3), uint64(1<<63), wei, big.NewInt(-7), big.NewInt(70000), true,
		common.HexToAddress("0xABCDEF0000000000000000000000000000000001"), []byte{0xde, 0xad}, [4]byte{1, 2, 3, 4}, "a\"\\\n\x00\xffé", []*big.Int{big.NewInt(1)},
		[2]uint8{5, 6}, pair{9, []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	got := decode.New([]config.Contract{c}).Log(&chainv1.Log{Address: c.Address[:], Topics: [][]byte{ev.ID[:]}, Data: data}, 1)
	want := `{"small":4294967295,"tiny":-3,"mid":"9223372036854775808","big":"` + wei.String() + `","neg":"-7","odd":70000,"ok":true,` +
		`"who":"0xabcdef0000000000000000000000000000000001","raw":"0xdead","fixed":"0x01020304","text":"a\"\\\u000a` + "\uFFFD\uFFFDé" + `","list":["1"],"arg12":[5,6],"pair":{"id":9,"names":["x"]}}`
	if got.Error != "" || got.Contract != "all" || got.Event != "Everything" || string(got.Args) != want {
		t.Errorf("got %+v\nargs %s\nwant %s", got, got.Args, want)
	}
	if !json.Valid(got.Args) {
		t.Error("not JSON")
	}
}

func TestIndexedDynamicTypesAreTheirHash(t *testing.T) {
	t.Parallel()
	c := contract(t, "all", "0x01", everything, 0)
	n := make([]byte, 32)
	for i := range n {
		n[i] = 0xff
	}
	b := common.HexToHash("0x0102")
	got := decode.New([]config.Contract{c}).Log(&chainv1.Log{Address: c.Address[:], Topics: [][]byte{topic("Indexed(string,int64,bytes32)"), topic("hello"), n, b[:]}}, 1)
	want := `{"text":"` + common.BytesToHash(topic("hello")).Hex() + `","n":"-1","b":"` + b.Hex() + `"}`
	if got.Error != "" || string(got.Args) != want {
		t.Errorf("got %+v %s, want %s", got, got.Args, want)
	}
}

func TestWhichContractALogBelongsTo(t *testing.T) {
	t.Parallel()
	d := decode.New([]config.Contract{
		contract(t, "any-20", "*", everything, 0),
		contract(t, "any-721", "*", erc721, 0),
		contract(t, "mine", "0x0a", everything, 100),
		contract(t, "also-mine", "0x0a", everything, 0),
	})
	from, value := make([]byte, 32), make([]byte, 32)
	mine, other := common.HexToAddress("0x0a"), common.HexToAddress("0x0b")
	transfer := topic("Transfer(address,address,uint256)")
	tests := []struct {
		name     string
		log      *chainv1.Log
		block    uint64
		contract string
		event    string
		error    string
	}{
		{"first by address", &chainv1.Log{Address: mine[:], Topics: [][]byte{transfer, from, from}, Data: value}, 100, "mine", "Transfer", ""},
		{"below its start", &chainv1.Log{Address: mine[:], Topics: [][]byte{transfer, from, from}, Data: value}, 99, "also-mine", "Transfer", ""},
		{"any address", &chainv1.Log{Address: other[:], Topics: [][]byte{transfer, from, from}, Data: value}, 1, "any-20", "Transfer", ""},
		{"topic count decides", &chainv1.Log{Address: other[:], Topics: [][]byte{transfer, from, from, value}}, 1, "any-721", "Transfer", ""},
		{"short data", &chainv1.Log{Address: other[:], Topics: [][]byte{transfer, from, from}, Data: value[:31]}, 1, "any-20", "", "Transfer: "},
		{"unknown topic", &chainv1.Log{Address: mine[:], Topics: [][]byte{topic("Nothing()")}}, 1, "", "", ""},
		{"no topics", &chainv1.Log{Address: mine[:]}, 1, "", "", ""},
		{"overload", &chainv1.Log{Address: mine[:], Topics: [][]byte{topic("Over(address)")}, Data: value}, 100, "mine", "Over", ""},
	}
	for _, tt := range tests {
		got := d.Log(tt.log, tt.block)
		if got.Contract != tt.contract || got.Event != tt.event || !strings.HasPrefix(got.Error, tt.error) || (tt.error == "") != (got.Error == "") {
			t.Errorf("%s: got %+v", tt.name, got)
		}
	}
}
