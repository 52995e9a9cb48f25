package store_test

import (
	"context"
	"fmt"
	"testing"

	"fondaco.dev/services/api/internal/apitest"
	"fondaco.dev/services/api/internal/filter"
	"fondaco.dev/services/api/internal/shape"
	"fondaco.dev/services/api/internal/store"
)

// TestContractsSelectAlike: a list and a subscription select the same events of
// a contract, whether it has ABI versions, children or anonymous events.
func TestContractsSelectAlike(t *testing.T) {
	t.Parallel()
	db := apitest.New(t)
	c := apitest.NewChain(t, db, "dev")
	for range 6 {
		c.Block(t, 3)
	}
	ix := "ix_" + apitest.Build
	db.Exec(t, `update `+ix+`.events set contract = 'pool', address = decode(lpad(to_hex(block_number), 40, '0'), 'hex') where log_index = 1`)
	db.Exec(t, `update `+ix+`.events set topics = '{}' where log_index = 2 and block_number = 2`)
	db.Exec(t, `update `+ix+`.events set reads = '{"supply": "7", "pair": ["1", true]}' where log_index = 0`)
	s := open(t, db)
	list := func(f *filter.Event) []store.EventRow {
		t.Helper()
		out, _, _, err := s.Events(context.Background(), "dev", f, store.List{To: -1, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	all := list(&filter.Event{})
	transfer := filter.Signature{Topic0: apitest.TransferTopic.Bytes(), Topics: 3}
	from := func(from, to uint64) filter.Signature {
		s := transfer
		s.From, s.To = from, to
		return s
	}
	for name, tt := range map[string]struct {
		contract filter.Contract
		want     int
	}{
		"whole":     {filter.Contract{Name: "x", Signatures: []filter.Signature{transfer}}, 17},
		"address":   {filter.Contract{Name: "x", Address: c.Address.Bytes(), Signatures: []filter.Signature{transfer}}, 11},
		"anonymous": {filter.Contract{Name: "usd", Address: c.Address.Bytes(), Signatures: []filter.Signature{transfer}}, 12},
		"start":     {filter.Contract{Name: "usd", Address: c.Address.Bytes(), StartBlock: 3, Signatures: []filter.Signature{transfer}}, 8},
		"versions":  {filter.Contract{Name: "x", Signatures: []filter.Signature{from(0, 2), from(4, 0)}}, 14},
		"closed":    {filter.Contract{Name: "x", Signatures: []filter.Signature{from(2, 3)}}, 5},
		"children":  {filter.Contract{Name: "pool", Children: true}, 6},
		"nobody":    {filter.Contract{Name: "gone", Children: true}, 0},
	} {
		f := &filter.Event{Contract: &tt.contract}
		got := list(f)
		var live []store.EventRow
		for _, e := range all {
			if f.Match(e.Event) {
				live = append(live, e)
			}
		}
		if len(got) != tt.want || fmt.Sprint(got) != fmt.Sprint(live) {
			t.Errorf("%s: %d listed, %d live, want %d", name, len(got), len(live), tt.want)
		}
	}
	if e := shape.OfEvent(all[0].Event, 0); string(e.Reads) != `{"pair":["1",true],"supply":"7"}` {
		t.Errorf("reads %s", e.Reads)
	}
	if e := shape.OfEvent(all[1].Event, 0); e.Reads != nil {
		t.Errorf("reads %s", e.Reads)
	}
}
