package socket

import (
	"encoding/json"
	"slices"

	"fondaco.dev/proto/config"
	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/auth"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/filter"
	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/shape"
	"fondaco.dev/services/api/internal/venue"
)

// prepare makes a subscription of a request, or says what is wrong with it.
func (srv *Server) prepare(r *request, who *auth.Who, c *conn) (*subscription, error) {
	ch := find(r.Channel)
	if ch == nil {
		return nil, problem.Parameter("channel", "no such channel", channelNames()...)
	}
	if ch.Policy != auth.Public {
		if who == nil {
			return nil, problem.New(401, "unauthorized", `send {"op":"auth","token":…} first`)
		}
		if !ch.Policy.Allows(who.Role) {
			return nil, problem.New(403, "forbidden", "the role "+who.Role.Name()+" may not subscribe to "+r.Channel)
		}
	}
	params, err := flatten(r.Filter)
	if err != nil {
		return nil, err
	}
	s := &subscription{server: srv, conn: c}
	s.sub = &feed.Sub{ID: string(r.ID), Channel: ch.Name, Sink: c, Lagging: s.lagging, Reset: s.reset}
	switch ch.Class {
	case Newest:
		s.state, s.sub.Newest = &state{}, latest{s}
	case Changes:
		s.state, s.sub.Newest = &state{}, changes{s}
	}
	switch ch.Scope {
	case "network":
		return s, srv.onChain(s, r, params)
	case "symbol":
		return s, srv.onMarket(s, r, params)
	}
	if ch.Name == feed.Status {
		return s, srv.onStatus(s, r, params)
	}
	return s, srv.onOrders(s, r, params, who)
}

func (srv *Server) onChain(s *subscription, r *request, params map[string]string) error {
	if r.Symbol != "" {
		return problem.UnknownParameter("symbol", []string{"network", "filter", "since", "epoch"})
	}
	n, ok := srv.networks[r.Network]
	if !ok {
		return problem.Parameter("network", "no such network", srv.names...)
	}
	match, err := chainFilter(s.sub.Channel, n, params)
	if err != nil {
		return err
	}
	network := srv.names[slices.Index(srv.names, r.Network)] // the request's text is the reader's
	s.feed = srv.hub.Feed(network)
	s.sub.Scope, s.sub.Match = feed.Scope{Key: "network", Value: network}, match
	if s.sub.Channel == feed.Heads {
		s.join = func(sub *feed.Sub, hello func(string, uint64, []byte)) error {
			return srv.hub.JoinHeads(network, sub, hello)
		}
		return nil
	}
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
		f, err := filter.ParseEvent(params, n.contracts)
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
	case casper && channel == feed.Blocks:
		f, err := filter.ParseCasper(params, "hash")
		if err != nil {
			return nil, err
		}
		return CasperBlocks(f), nil
	}
	if _, err := filter.ParseCasper(params); err != nil {
		return nil, err
	}
	return nil, nil // all of them
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

// onStatus takes nothing: there is one state.
func (srv *Server) onStatus(s *subscription, r *request, params map[string]string) error {
	for name := range params {
		return problem.UnknownParameter(name, []string{})
	}
	switch {
	case srv.status == nil:
		return problem.Unavailable("loading", "the status is not there yet")
	case r.Network != "":
		return problem.UnknownParameter("network", []string{})
	case r.Symbol != "":
		return problem.UnknownParameter("symbol", []string{})
	}
	s.feed, s.join = srv.status.Feed(), srv.status.Join
	return nil
}

// directory is the markets as of now, or why there are none.
func (srv *Server) directory(s *subscription, r *request) (*market.Directory, error) {
	if srv.venue == nil {
		return nil, problem.Parameter("channel", "there is no order book here", feed.Blocks, feed.Events, feed.Deploys, feed.Heads, feed.Status)
	}
	if r.Network != "" {
		return nil, problem.UnknownParameter("network", []string{"symbol", "since", "epoch"})
	}
	s.feed = srv.venue.Feed()
	dir := srv.venue.Directory()
	if dir == nil {
		return nil, problem.Unavailable("loading", "the venue is loading; try again")
	}
	return dir, nil
}

// onOrders follows the caller's own orders.
func (srv *Server) onOrders(s *subscription, r *request, params map[string]string, who *auth.Who) error {
	dir, err := srv.directory(s, r)
	if err != nil {
		return err
	}
	symbol, _, err := marketOf(r, params)
	if err != nil {
		return err
	}
	if symbol != "" {
		m := dir.Market(symbol)
		if m == nil {
			return unknownSymbol(dir)
		}
		id := m.ID
		s.sub.Match = func(m *feed.Message) bool { return m.Row.(*market.Order).Market == id }
	}
	s.sub.Owner = who.Account
	return nil
}

// onMarket follows what everybody may know of a market.
func (srv *Server) onMarket(s *subscription, r *request, params map[string]string) error {
	dir, err := srv.directory(s, r)
	if err != nil {
		return err
	}
	symbol, interval, err := marketOf(r, params)
	if err != nil {
		return err
	}
	m := dir.Market(symbol)
	if m == nil {
		return unknownSymbol(dir)
	}
	s.sub.Scope = feed.Scope{Key: "symbol", Value: m.Symbol}
	if s.sub.Channel == feed.Trades {
		return nil
	}
	return s.present(s.sub.Channel, interval)
}

// marketOf reads what the channels of the order book know in their filters.
func marketOf(r *request, params map[string]string) (symbol, interval string, err error) {
	symbol = r.Symbol
	for name, value := range params {
		switch {
		case name == "symbol" && symbol == "":
			symbol = value
		case name == "interval" && r.Channel == feed.Candles:
			interval = value
		case r.Channel == feed.Candles:
			return "", "", problem.UnknownParameter(name, []string{"symbol", "interval"})
		default:
			return "", "", problem.UnknownParameter(name, []string{"symbol"})
		}
	}
	return symbol, interval, nil
}

func unknownSymbol(dir *market.Directory) error {
	var known []string
	for _, m := range dir.Markets() {
		known = append(known, m.Symbol)
	}
	return problem.Parameter("symbol", "no such market", known...)
}

// present sets what a subscription to a state of a market begins with, and
// again after a lag.
func (s *subscription) present(channel, interval string) error {
	var of venue.Hello
	switch channel {
	case feed.Depth:
		of = func(st *market.State, m *market.Market) any { d := st.Depth(m.ID, 0); return shape.OfDepth(&d, m) }
	case feed.Top:
		of = func(st *market.State, m *market.Market) any { t := st.Top(m.ID); return shape.OfTop(&t, m) }
	case feed.Ticker:
		of = func(st *market.State, m *market.Market) any { t, _ := st.Ticker(m.ID); return shape.OfTicker(&t, m) }
	case feed.Markets:
		of = func(_ *market.State, m *market.Market) any { return shape.OfMarket(m) }
	case feed.Queue:
		of = func(st *market.State, m *market.Market) any { return shape.OfQueue(st.Seq, st.Queue(m.ID), m) }
	case feed.Candles:
		ms, err := intervalOf(interval)
		if err != nil {
			return err
		}
		of = newestCandle(ms)
		s.sub.Match = func(m *feed.Message) bool { return m.Row.(*market.Candle).IntervalMS == ms }
	}
	v := s.server.venue
	s.join = func(sub *feed.Sub, hello func(string, uint64, []byte)) error { return v.Join(sub, of, hello) }
	return nil
}

func intervalOf(name string) (ms int64, err error) {
	var names []string
	for _, iv := range market.Intervals {
		if iv.Name == name {
			return iv.MS, nil
		}
		names = append(names, iv.Name)
	}
	return 0, problem.Parameter("interval", "is required in the filter of candles", names...)
}

// newestCandle is the newest of an interval, null when there is none yet.
func newestCandle(ms int64) venue.Hello {
	return func(st *market.State, m *market.Market) any {
		for _, c := range st.Newest(m.ID) {
			if c.IntervalMS == ms {
				return shape.OfCandle(&c, m)
			}
		}
		return nil
	}
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
