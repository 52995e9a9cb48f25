package tape

import (
	"strings"
	"testing"
)

// Records for plays: account, ref, price, lots.

func bid(account uint32, ref uint64, price int64, lots uint64) Record {
	return Record{Side: Bid, Account: account, Ref: ref, Price: price, Quantity: lots}
}

func ask(account uint32, ref uint64, price int64, lots uint64) Record {
	r := bid(account, ref, price, lots)
	r.Side = Ask
	return r
}

func (r Record) with(t TIF) Record { r.TIF = t; return r }

func (r Record) atMarket() Record { r.Kind, r.Price = Market, 0; return r }

func cancel(account uint32, ref uint64) Record {
	return Record{Op: OpCancel, Account: account, Ref: ref}
}

func amend(account uint32, ref uint64, price int64, lots uint64) Record {
	return Record{Op: OpAmend, Account: account, Ref: ref, Price: price, Quantity: lots}
}

// Every kind of event, line by line.
func TestLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		records []Record
		self    SelfTrade
		want    string
	}{
		"rests, trades, is canceled": {records: []Record{ask(1, 3, 100, 5), bid(4, 12, 101, 2), cancel(1, 3), cancel(1, 3)}, want: `
{"cmd":0,"type":"accepted","account":1,"ref":3,"price":100,"qty":5}
{"cmd":1,"type":"accepted","account":4,"ref":12,"price":101,"qty":2}
{"cmd":1,"type":"trade","account":4,"ref":12,"maker_account":1,"maker":3,"price":100,"qty":2}
{"cmd":2,"type":"canceled","account":1,"ref":3,"qty":3,"reason":"requested"}
{"cmd":3,"type":"rejected","account":1,"ref":3,"reason":"unknown_order"}`},
		"account 0 and ref 0 are names like others": {records: []Record{bid(0, 0, 7, 1), cancel(0, 0)}, want: `
{"cmd":0,"type":"accepted","account":0,"ref":0,"price":7,"qty":1}
{"cmd":1,"type":"canceled","account":0,"ref":0,"qty":1,"reason":"requested"}`},
		"the last ref is no name": {records: []Record{bid(1, 1<<64-1, 7, 1)}, want: `
{"cmd":0,"type":"rejected","account":1,"ref":18446744073709551615,"reason":"bad_command"}`},
		"a live ref is taken, a dead one is free": {records: []Record{bid(1, 1, 7, 1), bid(1, 1, 8, 1), bid(2, 1, 8, 1), cancel(1, 1), bid(1, 1, 9, 1)}, want: `
{"cmd":0,"type":"accepted","account":1,"ref":1,"price":7,"qty":1}
{"cmd":1,"type":"rejected","account":1,"ref":1,"reason":"duplicate"}
{"cmd":2,"type":"accepted","account":2,"ref":1,"price":8,"qty":1}
{"cmd":3,"type":"canceled","account":1,"ref":1,"qty":1,"reason":"requested"}
{"cmd":4,"type":"accepted","account":1,"ref":1,"price":9,"qty":1}`},
		"ioc": {records: []Record{ask(1, 1, 100, 5), bid(2, 1, 100, 8).with(IOC)}, want: `
{"cmd":0,"type":"accepted","account":1,"ref":1,"price":100,"qty":5}
{"cmd":1,"type":"accepted","account":2,"ref":1,"price":100,"qty":8}
{"cmd":1,"type":"trade","account":2,"ref":1,"maker_account":1,"maker":1,"price":100,"qty":5}
{"cmd":1,"type":"canceled","account":2,"ref":1,"qty":3,"reason":"ioc_remainder"}`},
		"fok": {records: []Record{ask(1, 1, 100, 5), bid(2, 1, 100, 6).with(FOK), bid(2, 2, 100, 5).with(FOK)}, want: `
{"cmd":0,"type":"accepted","account":1,"ref":1,"price":100,"qty":5}
{"cmd":1,"type":"rejected","account":2,"ref":1,"reason":"fok_unfillable"}
{"cmd":2,"type":"accepted","account":2,"ref":2,"price":100,"qty":5}
{"cmd":2,"type":"trade","account":2,"ref":2,"maker_account":1,"maker":1,"price":100,"qty":5}`},
		"post-only": {records: []Record{ask(1, 1, 100, 5), bid(2, 1, 100, 6).with(PostOnly), bid(2, 2, 99, 5).with(PostOnly)}, want: `
{"cmd":0,"type":"accepted","account":1,"ref":1,"price":100,"qty":5}
{"cmd":1,"type":"rejected","account":2,"ref":1,"reason":"would_take"}
{"cmd":2,"type":"accepted","account":2,"ref":2,"price":99,"qty":5}`},
		"market orders never rest": {records: []Record{bid(1, 1, 100, 5), ask(2, 1, 0, 3).atMarket(), ask(2, 2, 0, 3).atMarket().with(IOC), ask(2, 3, 0, 1).atMarket(),
			ask(2, 4, 0, 1).atMarket().with(FOK), ask(2, 5, 0, 1).atMarket().with(PostOnly)}, want: `
{"cmd":0,"type":"accepted","account":1,"ref":1,"price":100,"qty":5}
{"cmd":1,"type":"accepted","account":2,"ref":1,"price":0,"qty":3}
{"cmd":1,"type":"trade","account":2,"ref":1,"maker_account":1,"maker":1,"price":100,"qty":3}
{"cmd":2,"type":"accepted","account":2,"ref":2,"price":0,"qty":3}
{"cmd":2,"type":"trade","account":2,"ref":2,"maker_account":1,"maker":1,"price":100,"qty":2}
{"cmd":2,"type":"canceled","account":2,"ref":2,"qty":1,"reason":"market_remainder"}
{"cmd":3,"type":"accepted","account":2,"ref":3,"price":0,"qty":1}
{"cmd":3,"type":"canceled","account":2,"ref":3,"qty":1,"reason":"market_remainder"}
{"cmd":4,"type":"rejected","account":2,"ref":4,"reason":"fok_unfillable"}
{"cmd":5,"type":"rejected","account":2,"ref":5,"reason":"bad_command"}`},
		"amends": {records: []Record{bid(1, 1, 99, 5), ask(2, 1, 101, 5), amend(1, 1, 0, 4), amend(2, 1, 99, 0), amend(2, 1, 0, 4), amend(1, 7, 1, 1)}, want: `
{"cmd":0,"type":"accepted","account":1,"ref":1,"price":99,"qty":5}
{"cmd":1,"type":"accepted","account":2,"ref":1,"price":101,"qty":5}
{"cmd":2,"type":"amended","account":1,"ref":1,"price":99,"qty":4}
{"cmd":3,"type":"amended","account":2,"ref":1,"price":99,"qty":5}
{"cmd":3,"type":"trade","account":2,"ref":1,"maker_account":1,"maker":1,"price":99,"qty":4}
{"cmd":4,"type":"rejected","account":2,"ref":1,"reason":"bad_quantity"}
{"cmd":5,"type":"rejected","account":1,"ref":7,"reason":"unknown_order"}`},
		"values out of range": {records: []Record{bid(1, 1, 0, 5), bid(1, 2, -4, 5), bid(1, 3, 4, 0), bid(1, 4, 4, 1<<63), ask(1, 5, 1<<62, 4)}, want: `
{"cmd":0,"type":"rejected","account":1,"ref":1,"reason":"bad_price"}
{"cmd":1,"type":"rejected","account":1,"ref":2,"reason":"bad_price"}
{"cmd":2,"type":"rejected","account":1,"ref":3,"reason":"bad_quantity"}
{"cmd":3,"type":"rejected","account":1,"ref":4,"reason":"bad_quantity"}
{"cmd":4,"type":"rejected","account":1,"ref":5,"reason":"overflow"}`},
		"self-trade by default": {records: []Record{ask(1, 1, 100, 5), bid(1, 2, 100, 3)}, want: `
{"cmd":0,"type":"accepted","account":1,"ref":1,"price":100,"qty":5}
{"cmd":1,"type":"accepted","account":1,"ref":2,"price":100,"qty":3}
{"cmd":1,"type":"canceled","account":1,"ref":2,"qty":3,"reason":"self_trade"}`},
		"self-trade none": {self: NoPrevention, records: []Record{ask(1, 1, 100, 5), bid(1, 2, 100, 3)}, want: `
{"cmd":0,"type":"accepted","account":1,"ref":1,"price":100,"qty":5}
{"cmd":1,"type":"accepted","account":1,"ref":2,"price":100,"qty":3}
{"cmd":1,"type":"trade","account":1,"ref":2,"maker_account":1,"maker":1,"price":100,"qty":3}`},
		"self-trade cancel_maker": {self: CancelMaker, records: []Record{ask(1, 1, 100, 5), bid(1, 2, 100, 3)}, want: `
{"cmd":0,"type":"accepted","account":1,"ref":1,"price":100,"qty":5}
{"cmd":1,"type":"accepted","account":1,"ref":2,"price":100,"qty":3}
{"cmd":1,"type":"canceled","account":1,"ref":1,"qty":5,"reason":"self_trade"}`},
		"self-trade cancel_both": {self: CancelBoth, records: []Record{ask(1, 1, 100, 5), bid(1, 2, 100, 3)}, want: `
{"cmd":0,"type":"accepted","account":1,"ref":1,"price":100,"qty":5}
{"cmd":1,"type":"accepted","account":1,"ref":2,"price":100,"qty":3}
{"cmd":1,"type":"canceled","account":1,"ref":1,"qty":5,"reason":"self_trade"}
{"cmd":1,"type":"canceled","account":1,"ref":2,"qty":3,"reason":"self_trade"}`},
		"self-trade decrement": {self: Decrement, records: []Record{ask(1, 1, 100, 5), bid(2, 1, 100, 1), bid(1, 2, 100, 3), cancel(1, 1)}, want: `
{"cmd":0,"type":"accepted","account":1,"ref":1,"price":100,"qty":5}
{"cmd":1,"type":"accepted","account":2,"ref":1,"price":100,"qty":1}
{"cmd":1,"type":"trade","account":2,"ref":1,"maker_account":1,"maker":1,"price":100,"qty":1}
{"cmd":2,"type":"accepted","account":1,"ref":2,"price":100,"qty":3}
{"cmd":2,"type":"amended","account":1,"ref":1,"price":100,"qty":2,"reason":"self_trade"}
{"cmd":2,"type":"canceled","account":1,"ref":2,"qty":3,"reason":"self_trade"}
{"cmd":3,"type":"canceled","account":1,"ref":1,"qty":1,"reason":"requested"}`},
		"without a meaning": {records: []Record{{Op: 3, Account: 1, Ref: 1}, bid(1, 1, 100, 5).with(4), {Side: 2, Account: 1, Ref: 1, Price: 100, Quantity: 5},
			{Kind: 255, TIF: 255, Side: 255, Account: 1, Ref: 1, Price: 100, Quantity: 5}, bid(1, 1, 100, 5), {Op: OpCancel, Side: 9, TIF: 9, Kind: 9, Account: 1, Ref: 1}}, want: `
{"cmd":0,"type":"rejected","account":1,"ref":1,"reason":"bad_command"}
{"cmd":1,"type":"rejected","account":1,"ref":1,"reason":"bad_command"}
{"cmd":2,"type":"rejected","account":1,"ref":1,"reason":"bad_command"}
{"cmd":3,"type":"rejected","account":1,"ref":1,"reason":"bad_command"}
{"cmd":4,"type":"accepted","account":1,"ref":1,"price":100,"qty":5}
{"cmd":5,"type":"canceled","account":1,"ref":1,"qty":5,"reason":"requested"}`},
		"nothing": {want: "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			sum, err := Play(c.records, Settings{Prefund: true, SelfTrade: c.self}, &b)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(b.String()); got != strings.TrimSpace(c.want) {
				t.Errorf("events:\n%s\nwant:%s", got, c.want)
			}
			silent, err := Play(c.records, Settings{Prefund: true, SelfTrade: c.self}, nil)
			if err != nil || silent.Digest != sum.Digest || silent.Accepted != sum.Accepted || silent.Canceled != sum.Canceled {
				t.Errorf("without events: %+v, with them %+v, %v", silent, sum, err)
			}
		})
	}
}

// Without money nothing trades; with less time than before nothing is stale.
func TestMoneyAndTime(t *testing.T) {
	t.Parallel()
	late := bid(1, 1, 100, 1)
	late.TimeMs = 1 << 40
	tape := []Record{late}
	for i := range uint64(2500) {
		tape = append(tape, bid(1, 2+i, 100, 1))
	}
	s, err := Play(tape, Settings{}, nil)
	if err != nil || s.Rejected["insufficient_balance"] != len(tape) || s.Resting != 0 {
		t.Errorf("without money: %+v, %v", s, err)
	}
	if s, err = Play(tape, Settings{Prefund: true}, nil); err != nil || s.Accepted != len(tape) || s.Resting != len(tape) || s.Commands != len(tape) {
		t.Errorf("with money: %+v, %v", s, err)
	}
	if _, err = Play(tape, Settings{TakerPPM: 1_000_001}, nil); err == nil || !strings.Contains(err.Error(), "ppm") {
		t.Errorf("a fee above everything: %v", err)
	}
}

// Fees are taken, and a summary counts what the lines say.
func TestSummary(t *testing.T) {
	t.Parallel()
	var there []Record // and back: 40 trades of 2^61
	for range 20 {
		there = append(there, ask(1, 1, 1<<39, 1<<22), bid(2, 1, 1<<39, 1<<22), ask(2, 2, 1<<39, 1<<22), bid(1, 2, 1<<39, 1<<22))
	}
	s, err := Play(append(there, cancel(2, 2)), Settings{Prefund: true, MakerPPM: 100, TakerPPM: 200}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Trades != 40 || s.Lots != 40<<22 || s.Volume.String() != "92233720368547758080" || s.Rejected["unknown_order"] != 1 || s.Accepted != 80 || s.Resting != 0 {
		t.Errorf("%+v, volume %s", s, s.Volume)
	}
	free, err := Play([]Record{ask(1, 1, 100, 1), bid(2, 1, 100, 1)}, Settings{Prefund: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	paid, err := Play([]Record{ask(1, 1, 100, 1), bid(2, 1, 100, 1)}, Settings{Prefund: true, MakerPPM: 100, TakerPPM: 200}, nil)
	if err != nil || paid.Digest == free.Digest {
		t.Errorf("fees change nothing: %v", err)
	}
}
