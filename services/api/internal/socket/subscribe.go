package socket

import (
	"encoding/json"

	"fondaco.dev/proto/config"
	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/auth"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/filter"
	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/shape"
)

// Channels says who may subscribe to what. A test holds it complete.
func Channels() map[string]auth.Policy {
	return map[string]auth.Policy{
		feed.Blocks: auth.Public, feed.Events: auth.Public, feed.Deploys: auth.Public,
		feed.Depth: auth.Public, feed.Trades: auth.Public, feed.Orders: auth.Owner,
		feed.Top: auth.Public, feed.Ticker: auth.Public, feed.Candles: auth.Public, feed.Markets: auth.Public, feed.Queue: auth.Admin,
	}
}

func channelNames() []string {
	return []string{feed.Blocks, feed.Events, feed.Deploys, feed.Depth, feed.Trades, feed.Orders, feed.Top, feed.Ticker, feed.Candles, feed.Markets, feed.Queue}
}

// prepare makes a subscription of a request, or says what is wrong with it.
func (srv *Server) prepare(r *request, who *auth.Who) (*subscription, error) {
	policy, ok := Channels()[r.Channel]
	if !ok {
		return nil, problem.Parameter("channel", "no such channel", channelNames()...)
	}
	if policy != auth.Public {
		if who == nil {
			return nil, problem.New(401, "unauthorized", `send {"op":"auth","token":…} first`)
		}
		if !policy.Allows(who.Role) {
			return nil, problem.New(403, "forbidden", "the role "+who.Role.Name()+" may not subscribe to "+r.Channel)
		}
	}
	params, err := flatten(r.Filter)
	if err != nil {
		return nil, err
	}
	s := &subscription{server: srv}
	s.sub = &feed.Sub{Channel: r.Channel, Lagging: s.lagging, Reset: s.reset}
	switch r.Channel {
	case feed.Blocks, feed.Events, feed.Deploys:
		return s, srv.onChain(s, r, params)
	}
	return s, srv.onVenue(s, r, params, who)
}

func (srv *Server) onChain(s *subscription, r *request, params map[string]string) error {
	if r.Symbol != "" {
		return problem.UnknownParameter("symbol", []string{"network", "filter", "since", "epoch"})
	}
	n, ok := srv.networks[r.Network]
	if !ok {
		return problem.Parameter("network", "no such network", srv.names...)
	}
	match, err := chainFilter(r.Channel, n, params)
	if err != nil {
		return err
	}
	s.feed, s.source = srv.hub.Feed(r.Network), srv.hub.ChainSource(r.Network, r.Channel)
	s.sub.Scope, s.sub.Match = feed.Scope{Key: "network", Value: r.Network}, match
	return nil
}

func chainFilter(channel string, n network, params map[string]string) (func(*feed.Message) bool, error) {
	casper := n.kind == config.KindCasper
	switch {
	case channel == feed.Events && casper:
		return nil, problem.Parameter("channel", "a casper network has no events channel", feed.Blocks, feed.Deploys)
	case channel == feed.Deploys && !casper:
		return nil, problem.Parameter("channel", "an evm network has no deploys channel", feed.Blocks, feed.Events)
	case channel == feed.Events:
		f, err := filter.ParseEvent(params, n.contracts, nil)
		if err != nil {
			return nil, err
		}
		return func(m *feed.Message) bool {
			e := m.Row.(*feedv1.Row).GetEvent()
			return e == nil || f.Match(e) // a revert or a repair concerns every filter
		}, nil
	case channel == feed.Deploys:
		f, err := filter.ParseCasper(params, "hash", "account", "state")
		if err != nil {
			return nil, err
		}
		return Deploys(f), nil
	case casper:
		f, err := filter.ParseCasper(params, "hash")
		if err != nil {
			return nil, err
		}
		return CasperBlocks(f), nil
	}
	if _, err := filter.ParseCasper(params); err != nil {
		return nil, err
	}
	return func(*feed.Message) bool { return true }, nil
}

// CasperBlocks selects the messages of blocks.
func CasperBlocks(f *filter.Casper) func(*feed.Message) bool {
	return func(m *feed.Message) bool {
		b := m.Row.(*feedv1.Row).GetCasperBlock()
		return b != nil && f.MatchBlock(b)
	}
}

// Deploys selects the messages of deploys.
func Deploys(f *filter.Casper) func(*feed.Message) bool {
	return func(m *feed.Message) bool {
		d := m.Row.(*feedv1.Row).GetCasperDeploy()
		return d != nil && f.MatchDeploy(d)
	}
}

func (srv *Server) onVenue(s *subscription, r *request, params map[string]string, who *auth.Who) error {
	if srv.venue == nil {
		return problem.Parameter("channel", "there is no order book here", feed.Blocks, feed.Events, feed.Deploys)
	}
	if r.Network != "" {
		return problem.UnknownParameter("network", []string{"symbol", "since", "epoch"})
	}
	symbol, interval := r.Symbol, ""
	for name, value := range params {
		switch {
		case name == "symbol" && symbol == "":
			symbol = value
		case name == "interval" && r.Channel == feed.Candles:
			interval = value
		case r.Channel == feed.Candles:
			return problem.UnknownParameter(name, []string{"symbol", "interval"})
		default:
			return problem.UnknownParameter(name, []string{"symbol"})
		}
	}
	s.feed = srv.venue.Feed()
	dir := srv.venue.Directory()
	if dir == nil {
		return problem.Unavailable("loading", "the venue is loading; try again")
	}
	if r.Channel == feed.Orders {
		account, id := who.Account, uint32(0)
		if symbol != "" {
			m := dir.Market(symbol)
			if m == nil {
				return unknownSymbol(dir)
			}
			id = m.ID
		}
		s.source = srv.venue.Source(feed.Orders, account)
		s.sub.Match = func(m *feed.Message) bool {
			o := m.Row.(*market.Order)
			return o.Account == account && (id == 0 || o.Market == id)
		}
		return nil
	}
	if dir.Market(symbol) == nil {
		return unknownSymbol(dir)
	}
	s.sub.Scope, s.sub.Match = feed.Scope{Key: "symbol", Value: symbol}, func(*feed.Message) bool { return true }
	if r.Channel == feed.Trades {
		s.source = srv.venue.Source(feed.Trades, 0)
		return nil
	}
	s.sub.Match = s.roomForState
	return s.present(r.Channel, interval)
}

func unknownSymbol(dir *market.Directory) error {
	var known []string
	for _, m := range dir.Markets() {
		known = append(known, m.Symbol)
	}
	return problem.Parameter("symbol", "no such market", known...)
}

// present sets what a subscription to a state begins with, and again after a
// lag.
func (s *subscription) present(channel, interval string) error {
	switch channel {
	case feed.Depth:
		s.state = func(st *market.State, m *market.Market) any { d := st.Depth(m.ID, 0); return shape.OfDepth(&d, m) }
	case feed.Top:
		s.state = func(st *market.State, m *market.Market) any { t := st.Top(m.ID); return shape.OfTop(&t, m) }
	case feed.Ticker:
		s.state = func(st *market.State, m *market.Market) any { t, _ := st.Ticker(m.ID); return shape.OfTicker(&t, m) }
	case feed.Markets:
		s.state = func(_ *market.State, m *market.Market) any { return shape.OfMarket(m) }
	case feed.Queue:
		s.state = func(st *market.State, m *market.Market) any { return shape.OfQueue(st.Seq, st.Queue(m.ID), m) }
	case feed.Candles:
		return s.candles(interval)
	}
	return nil
}

// candles begins with the newest candle of the interval, null when there is
// none yet.
func (s *subscription) candles(interval string) error {
	var names []string
	ms := int64(0)
	for _, iv := range market.Intervals {
		names = append(names, iv.Name)
		if iv.Name == interval {
			ms = iv.MS
		}
	}
	if ms == 0 {
		return problem.Parameter("interval", "is required in the filter of candles", names...)
	}
	s.state = func(st *market.State, m *market.Market) any {
		for _, c := range st.Newest(m.ID) {
			if c.IntervalMS == ms {
				return shape.OfCandle(&c, m)
			}
		}
		return nil
	}
	s.sub.Match = func(m *feed.Message) bool { return m.Row.(*market.Candle).IntervalMS == ms && s.roomForState(m) }
	return nil
}

// flatten reads a filter object: {"contract":"usd","args":{"to":"0x…"}} and
// {"contract":"usd","arg.to":"0x…"} are the same.
func flatten(raw json.RawMessage) (map[string]string, error) {
	out := map[string]string{}
	if len(raw) == 0 || string(raw) == "null" {
		return out, nil
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, problem.Parameter("filter", "wants a JSON object")
	}
	for name, value := range m {
		if name == "args" {
			var args map[string]json.RawMessage
			if err := json.Unmarshal(value, &args); err != nil {
				return nil, problem.Parameter("filter.args", "wants a JSON object")
			}
			for arg, v := range args {
				if err := put(out, filter.ArgPrefix+arg, v); err != nil {
					return nil, err
				}
			}
			continue
		}
		if err := put(out, name, value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// put takes strings by content, numbers and booleans by their text.
func put(out map[string]string, name string, raw json.RawMessage) error {
	switch raw[0] {
	case '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return problem.Parameter(name, "is not a string")
		}
		out[name] = s
	case '{', '[', 'n':
		return problem.Parameter(name, "wants a string, a number or a boolean")
	default:
		out[name] = string(raw)
	}
	return nil
}
