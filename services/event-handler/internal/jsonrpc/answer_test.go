package jsonrpc

import (
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzSplit: where JSON is well-formed, split takes it as encoding/json does.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{
		`[{"jsonrpc":"2.0","id":1,"result":[{"a":"}\"]"}]} , {"id":2,"error":{"code":-1,"message":"no"}}]`,
		`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"x"}}`,
		`[]`, ` [ ] `, `{}`, `{"id":1,"result":null}`, `{"id":1,"result":"\\"}`, `{"id":1,"result":tru}`, `{"id":1,"result":1}{`,
		`[{"id":1,"result":{"a":[1,2}}]`, `{"ID":1}`, `{"id":1,"id":2}`, `[{"id":1,"result":[`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fast, ok := split(data)
		if !ok || !json.Valid(data) {
			return // a result that is no JSON is found by the one who decodes it
		}
		var slow []response
		if firstByte(data) == '{' {
			slow = make([]response, 1)
			if err := json.Unmarshal(data, &slow[0]); err != nil {
				t.Fatal(err)
			}
		} else if err := json.Unmarshal(data, &slow); err != nil {
			t.Fatal(err)
		}
		if len(fast) != len(slow) {
			t.Fatalf("%d answers, encoding/json %d", len(fast), len(slow))
		}
		for i := range fast {
			if string(fast[i].ID) != string(slow[i].ID) || string(fast[i].Result) != string(slow[i].Result) || !reflect.DeepEqual(fast[i].Error, slow[i].Error) {
				t.Fatalf("answer %d: %+v, encoding/json %+v", i, fast[i], slow[i])
			}
		}
	})
}

func TestSplitRefusesWhatIsCutOff(t *testing.T) {
	t.Parallel()
	whole := `[{"jsonrpc":"2.0","id":1,"result":[{"a":"b\"c"},[1,2]]},{"jsonrpc":"2.0","id":2,"result":true}]`
	if _, ok := split([]byte(whole)); !ok {
		t.Fatal("the whole is refused")
	}
	for n := range len(whole) {
		if _, ok := split([]byte(whole[:n])); ok {
			t.Errorf("taken when cut at %d: %s", n, whole[:n])
		}
	}
}
