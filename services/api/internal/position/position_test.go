package position_test

import (
	"reflect"
	"strings"
	"testing"

	"fondaco.dev/services/api/internal/position"
)

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := position.Parse("chain.dev:18bcfe56800-0.01234567:5242881, orders.main:x-1:7")
	want := []position.Token{{Kind: "chain", Name: "dev", Epoch: "18bcfe56800-0.01234567", Seq: 5242881}, {Kind: "orders", Name: "main", Epoch: "x-1", Seq: 7}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v", got, err)
	}
	if none, err := position.Parse(""); none != nil || err != nil {
		t.Errorf("nothing is %v %v", none, err)
	}
	for _, bad := range []string{"7", "chain.dev:7", "chain.dev:e:", "chain.dev:e:-1", "chain.dev:e:07", "chain.:e:1", "chain.dev::1", "other.dev:e:1",
		"chain.dev:e:1,", "chain.d'v:e:1", "chain.dev:e:18446744073709551616", strings.Repeat("chain.dev:e:1,", position.MaxTokens) + "chain.dev:e:1",
		"chain." + strings.Repeat("d", 3000) + ":e:1"} {
		if got, err := position.Parse(bad); err == nil {
			t.Errorf("%.60q is %+v", bad, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("chain.dev:18bcfe56800-0.01234567:5242881,trades.main:x:1")
	f.Add("orders.main:a:0")
	f.Fuzz(func(t *testing.T, text string) {
		tokens, err := position.Parse(text)
		if err != nil {
			return
		}
		var again []string
		for _, token := range tokens {
			again = append(again, token.String())
		}
		if back, err := position.Parse(strings.Join(again, ",")); err != nil || !reflect.DeepEqual(back, tokens) {
			t.Fatalf("%q: %+v, then %+v %v", text, tokens, back, err)
		}
	})
}
