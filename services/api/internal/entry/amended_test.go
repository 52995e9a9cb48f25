package entry

import (
	"testing"

	"fondaco.dev/services/api/internal/command"
	"fondaco.dev/services/api/internal/market"
)

// TestAmendBehindItsPlace: the market whose units an amend is in is found though
// its order has no answer yet, and is not that of an older order of the name.
func TestAmendBehindItsPlace(t *testing.T) {
	t.Parallel()
	st := market.New()
	st.PutAsset(1, "USD", 2)
	st.PutAsset(2, "WINE", 0)
	st.PutMarket(market.Market{ID: 1, Symbol: "W-U", Base: "WINE", Quote: "USD", Tick: 5, Lot: 2})
	st.PutMarket(market.Market{ID: 2, Symbol: "V-U", Base: "WINE", Quote: "USD", Tick: 1, Lot: 1})
	dir := st.Directory()
	place := `{"op":"place","symbol":"W-U","side":"buy","price":"1.00","quantity":"4",`
	amend := `,{"op":"amend","price":"2.00",`
	for _, c := range []struct {
		name, batch string
		known       *market.Market // the order's market in the projection
		open        bool
		ahead       uint32 // on its way to the engine
		sure        bool   // and behind a cancel of the name
		waits       bool
		want        int64 // ticks; 0 = unknown_order
	}{
		{"ahead in the request, by client id", "[" + place + `"client_order_id":"a"}` + amend + `"client_order_id":"a"}]`, nil, false, 0, false, false, 40},
		{"ahead in the request, by reference", "[" + place + `"client_ref":7}` + amend + `"client_ref":7}]`, nil, false, 0, false, false, 40},
		{"another order is ahead", "[" + place + `"client_ref":8}` + amend + `"client_ref":7}]`, nil, false, 0, false, true, 0},
		{"a pair ahead", `[{"op":"pair","first":{"symbol":"W-U","side":"buy","price":"1.00","quantity":"4","client_ref":6},` +
			`"second":{"symbol":"W-U","side":"buy","type":"stop","trigger_price":"3.00","quantity":"4","client_ref":7}}` + amend + `"client_ref":7}]`, nil, false, 0, false, false, 40},
		{"on its way", "[" + amend[1:] + `"client_ref":7}]`, nil, false, 1, false, false, 40},
		{"on its way, after one that ended", "[" + amend[1:] + `"client_ref":7}]`, dir.ByID(2), false, 1, false, false, 40},
		{"open, and on its way once more in its market", "[" + amend[1:] + `"client_ref":7}]`, dir.ByID(2), true, 2, false, false, 200},
		{"open, and on its way in another market behind a cancel", "[" + amend[1:] + `"client_ref":7}]`, dir.ByID(2), true, 1, true, false, 40},
		{"open, and on its way in another market", "[" + amend[1:] + `"client_ref":7}]`, dir.ByID(2), true, 1, false, true, 0},
		{"open, canceled and placed in the request", `[{"op":"cancel","client_ref":7},` + place + `"client_ref":7}` + amend + `"client_ref":7}]`, dir.ByID(2), true, 0, false, false, 40},
		{"open, replaced in the request", `[{"op":"replace","client_ref":7,"order":{"symbol":"W-U","side":"buy","price":"1.00","quantity":"4","client_ref":7}}` + amend + `"client_ref":7}]`, dir.ByID(2), true, 0, false, false, 40},
		{"open, another canceled, and placed in the request", `[{"op":"cancel","client_ref":8},` + place + `"client_ref":7}` + amend + `"client_ref":7}]`, dir.ByID(2), true, 0, false, true, 0},
		{"open, its cancel on its way, placed in the request", "[" + place + `"client_ref":7}` + amend + `"client_ref":7}]`, dir.ByID(2), true, 0, true, false, 40},
		{"open, and by its id nothing else counts", "[" + amend[1:] + `"id":7}]`, dir.ByID(2), true, 1, false, false, 200},
		{"ended", "[" + amend[1:] + `"client_ref":7}]`, dir.ByID(2), false, 0, false, false, 200},
	} {
		waited := false
		r := &Reader{Dir: dir, IDs: NewIDs("g"), Find: func(command.Name) (*market.Market, bool) { return c.known, c.open },
			Ahead: func(command.Name) (uint32, bool) { return c.ahead, c.sure }, Wait: func() { waited = true }}
		var m Many
		if err := m.Read(r, []byte(c.batch), "", 1, ""); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		last := len(m.commands) - 1
		if got := m.commands[last].Price; got != c.want || (m.errors[last] == nil) != (c.want != 0) || waited != c.waits {
			t.Errorf("%s: %d ticks, %v, waited: %v", c.name, got, m.errors[last], waited)
		}
	}
}
