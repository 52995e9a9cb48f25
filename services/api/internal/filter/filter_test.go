package filter_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"

	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/filter"
	"fondaco.dev/services/api/internal/problem"
)

func word(b byte) []byte { return common.BytesToHash([]byte{b}).Bytes() }

func TestMatch(t *testing.T) {
	t.Parallel()
	usd := common.HexToAddress("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
	contracts := []filter.Contract{
		{Name: "usd", Address: usd.Bytes(), StartBlock: 5, Signatures: []filter.Signature{{Topic0: word(1), Topics: 3}}},
		{Name: "any", Signatures: []filter.Signature{{Topic0: word(1), Topics: 3}, {Topic0: word(9), Topics: 1}}},
	}
	e := &feedv1.Event{BlockNumber: 7, Address: usd.Bytes(), Contract: "usd", Event: "Transfer", Topics: [][]byte{word(1), word(2), word(3)},
		Args: []byte(`{"to":"0xab","name":"0xAbc","value":"15","small":3,"ok":true,"text":"0xnot"}`)}
	other := &feedv1.Event{BlockNumber: 7, Address: common.Address{}.Bytes(), Contract: "any", Event: "Transfer", Topics: [][]byte{word(1), word(2), word(3)}}
	for _, c := range []struct {
		params      map[string]string
		first, then bool
	}{
		{nil, true, true},
		{map[string]string{"contract": "usd"}, true, false},
		{map[string]string{"contract": "any"}, true, true},
		{map[string]string{"address": "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"}, true, false},
		{map[string]string{"address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"}, true, false},
		{map[string]string{"event": "Transfer"}, true, true},
		{map[string]string{"topic1": "0x" + common.Bytes2Hex(word(2)), "topic2": "0x" + common.Bytes2Hex(word(4))}, false, false},
		{map[string]string{"topic3": "0x" + common.Bytes2Hex(word(0))}, false, false},
		{map[string]string{"arg.to": "0xab"}, true, false},
		{map[string]string{"arg.to": "0xAB", "arg.value": "15", "arg.small": "3", "arg.ok": "true"}, true, false},
		{map[string]string{"arg.value": "15.0"}, false, false},
		{map[string]string{"arg.name": "0xAbc"}, true, false}, // a string: as it was written
		{map[string]string{"arg.name": "0xabc"}, false, false},
		{map[string]string{"account": "0x" + common.Bytes2Hex(word(2)[12:])}, true, true},
		{map[string]string{"account": "0x" + common.Bytes2Hex(word(1)[12:])}, false, false}, // topic0 is no argument
		{map[string]string{"arg.missing": ""}, false, false},
	} {
		f, err := filter.ParseEvent(c.params, contracts)
		if err != nil {
			t.Errorf("%v: %v", c.params, err)
			continue
		}
		if f.Match(e) != c.first || f.Match(other) != c.then {
			t.Errorf("%v: %v %v", c.params, f.Match(e), f.Match(other))
		}
	}
	versions := []filter.Contract{
		{Name: "v", Address: usd.Bytes(), Signatures: []filter.Signature{{Topic0: word(1), Topics: 3, From: 5, To: 7}, {Topic0: word(1), Topics: 2, From: 8}}},
		{Name: "usd", Children: true},
	}
	for contract, want := range map[string][]bool{"v": {false, true, false}, "usd": {true, true, true}} {
		f, err := filter.ParseEvent(map[string]string{"contract": contract}, versions)
		if err != nil {
			t.Fatal(err)
		}
		for i, number := range []uint64{4, 7, 8} {
			e.BlockNumber = number
			if f.Match(e) != want[i] {
				t.Errorf("contract %s at block %d: %t", contract, number, f.Match(e))
			}
		}
		if f.Match(other) {
			t.Errorf("contract %s matched %v", contract, other)
		}
	}
	e.BlockNumber = 4 // before the contract's start
	if f, _ := filter.ParseEvent(map[string]string{"contract": "usd"}, contracts); f.Match(e) {
		t.Error("matched before the start block")
	}
	_, err := filter.ParseEvent(map[string]string{"fo": "1"}, contracts)
	if p, ok := problem.Of(err); !ok || p.Parameter != "fo" || len(p.Allowed) != 9 {
		t.Errorf("%v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("arg.x", "1")
	f.Add("address", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
	f.Add("topic0", "0x")
	f.Add("account", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAee")
	f.Fuzz(func(t *testing.T, name, value string) {
		e := &feedv1.Event{Args: []byte(`{"x":"1"}`), Topics: [][]byte{word(1)}}
		if got, err := filter.ParseEvent(map[string]string{name: value}, nil); err == nil {
			got.Match(e)
		} else if _, ok := problem.Of(err); !ok {
			t.Fatalf("%v is no problem", err)
		}
	})
}
