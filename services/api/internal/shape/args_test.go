package shape

import (
	"bytes"
	"encoding/json"
	"testing"
)

// decoded is canonical by decoding alone.
func decoded(args []byte) []byte {
	dec := json.NewDecoder(bytes.NewReader(args))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil || v == nil {
		return []byte("{}")
	}
	return Encode(v)
}

var argsSeeds = []string{
	`{"value": "123", "to": "0xab", "from": "0xcd"}`, `{"to":"0xab","id":7,"ids":[1, -2,0 ,[]],"deep":{"z":{},"a":[{"b":true,"a":null}]},"no":false}`,
	`{}`, ` { } `, `{"a":1,"a":2}`, `{"b":1,"a":2,"b":3}`, `{"a":"<&>\u003c"}`, `{"ä":"ö"}`, `{"a":1.50}`, `{"a":1e3}`, `{"a":01}`, `{"a":-}`, `{"a":-0}`, `{"a":1,}`, `{"a":[1,]}`,
	`{"a"}`, `{"a":}`, `{,}`, `[1]`, `null`, `"x"`, `{"a":1}x`, `{"a":nul}`, `{"a":tru`, `{"a":"`, `{"`, `{`, ``, `{"aa":1,"a":2,"":3}`, `{"a b":"~"}`, "{\"a\":\"\t\"}",
}

func TestArgumentsInOneForm(t *testing.T) {
	t.Parallel()
	const want = `{"from":"0xcd","to":"0xab","value":"123"}`
	if out, ok := rewrite([]byte(argsSeeds[0])); !ok || string(out) != want {
		t.Errorf("%s %v", out, ok)
	}
	for _, s := range argsSeeds {
		if got, want := canonical([]byte(s)), decoded([]byte(s)); string(got) != string(want) {
			t.Errorf("%q gives %s, want %s", s, got, want)
		}
	}
}

func FuzzArguments(f *testing.F) {
	for _, s := range argsSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, args []byte) {
		if got, want := canonical(args), decoded(args); !bytes.Equal(got, want) {
			t.Errorf("%q gives %s, want %s", args, got, want)
		}
	})
}

func BenchmarkArguments(b *testing.B) {
	args := []byte(`{"to": "0x0000000000000000000000000000000000000309", "from": "0x00000000000000000000000000000000000003e7", "value": "999999"}`)
	for _, way := range []struct {
		name string
		do   func([]byte) []byte
	}{{"rewritten", func(a []byte) []byte { return canonical(a) }}, {"decoded", decoded}} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				way.do(args)
			}
		})
	}
}
