// Package config reads fondaco.yaml: which networks are followed, which
// contracts are indexed, and what is traded. Every service reads the same file,
// so that subjects and builds are the same everywhere.
package config

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// Kinds of networks.
const (
	KindCasper = "casper"
	KindEVM    = "evm"
)

// File is the whole configuration.
type File struct {
	Path     string
	Networks []Network
	Venue    string // "" = no order book
	Assets   []Asset
	Markets  []Market
}

// Network is one chain to follow.
type Network struct {
	Name       string
	Kind       string
	SSE        []string // Casper event streams
	RPC        []Endpoint
	WS         []string // EVM WebSocket endpoints, hints only
	ChainID    uint64   // EVM, checked against the node
	Finality   Finality
	StartBlock uint64
	Contracts  []Contract
	Verify     string   // VerifyLogs or VerifyReceipts; EVM
	Headers    string   // HeadersAll or HeadersEvents; EVM
	Tolerate   []string // Tolerances of this chain; EVM
}

// How completeness is proved (Network.Verify).
const (
	// VerifyLogs holds logs against headers and blooms, and asks for receipts
	// where these leave a doubt.
	VerifyLogs = "logs"
	// VerifyReceipts recomputes every block's receipts root.
	VerifyReceipts = "receipts"
)

// Which headers are kept (Network.Headers).
const (
	HeadersAll    = "all"
	HeadersEvents = "events"
)

// Tolerances are checks that a chain's own rules break, named in the
// configuration so that no code knows a chain by its id.
var Tolerances = []string{
	// header_hash: the hash of a header cannot be recomputed by Ethereum's rules.
	"header_hash",
	// bloom: the header's bloom is empty or wrong.
	"bloom",
	// receipts_root: the root covers receipts that the node does not serve.
	"receipts_root",
	// system_logs: a block holds logs of no transaction that is listed in it.
	"system_logs",
}

// Endpoint is a JSON-RPC endpoint.
type Endpoint struct {
	URL string // may hold a key: not for logs
	// PerSecond is the most calls a second, each call of a batch counted; 0: any number.
	PerSecond uint64
}

// Finality says below which height a chain counts as final.
type Finality struct {
	Tag   bool   // ask the node for its "finalized" block
	Depth uint64 // else: head - Depth
}

// Asset is something that accounts hold.
type Asset struct {
	Name  string
	Scale uint32 // decimal places of the smallest book unit, 0..18
}

// Market is a pair of assets that is traded.
type Market struct {
	Symbol, Base, Quote string
	Tick                int64 // price step: quote's smallest units per whole base unit
	Lot                 int64 // quantity step: base's smallest units
	MakerFeePPM         int64 // parts per million of the notional
	TakerFeePPM         int64
	OneSide             bool          // an account's open orders are all on one side
	DayEnds             time.Duration // of DAY orders, after midnight UTC
	Limits              Limits
	Opening             Opening
}

// Load reads and checks a file; paths of ABIs are relative to it.
func Load(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return Parse(data, path)
}

// Parse reads and checks the text of a file. The error names every problem by
// file, line and key.
func Parse(data []byte, path string) (*File, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f := &File{Path: path}
	if len(doc.Content) == 0 {
		return nil, fmt.Errorf("%s:1: networks: is required", path)
	}
	r := &reader{path: path}
	top := r.mapping(doc.Content[0], "")
	names := map[string]bool{}
	top.each("networks", func(n *yaml.Node, where string) {
		net := r.network(n, where)
		if names[net.Name] {
			r.fail(n, where+".name", "%q is used twice", net.Name)
		}
		names[net.Name] = true
		f.Networks = append(f.Networks, net)
	})
	f.Venue = top.str("venue", false)
	if f.Venue != "" && !chainv1.ValidNetwork(f.Venue) {
		r.fail(top.node, "venue", "%q may hold a-z, 0-9 and - only", f.Venue)
	}
	r.assets(top, f)
	r.markets(top, f)
	top.close()
	if len(f.Networks) == 0 && f.Venue == "" {
		r.fail(top.node, "networks", "neither a network nor a venue: there is nothing to do")
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return f, nil
}

func (r *reader) network(n *yaml.Node, where string) Network {
	m := r.mapping(n, where)
	net := Network{
		Name: m.str("name", true), Kind: m.str("kind", true), SSE: m.strs("sse"), RPC: r.endpoints(m), WS: m.strs("ws"),
		ChainID: m.uint("chain_id", 0), StartBlock: m.uint("start_block", 0),
	}
	if net.Name != "" && !chainv1.ValidNetwork(net.Name) {
		r.fail(n, where+".name", "%q may hold a-z, 0-9 and - only, up to 32 characters", net.Name)
	}
	r.urls(n, where+".sse", net.SSE, "http", "https")
	urls := make([]string, len(net.RPC))
	for i, e := range net.RPC {
		urls[i] = e.URL
	}
	r.urls(n, where+".rpc", urls, "http", "https")
	r.urls(n, where+".ws", net.WS, "ws", "wss")
	net.Finality = r.finality(m)
	net.Verify = r.choice(m, "verify", VerifyLogs, VerifyReceipts)
	net.Headers = r.choice(m, "headers", HeadersAll, HeadersEvents)
	net.Tolerate = m.strs("tolerate")
	for i, t := range net.Tolerate {
		if !slices.Contains(Tolerances, t) {
			r.fail(n, fmt.Sprintf("%s.tolerate[%d]", where, i), "%q is none of %s", t, strings.Join(Tolerances, ", "))
		}
	}
	contracts := map[string]bool{}
	m.each("contracts", func(n *yaml.Node, where string) {
		c := r.contract(n, where, net.StartBlock)
		c.AutoStart = c.AutoStart && m.get("start_block") == nil
		if contracts[c.Name] {
			r.fail(n, where+".name", "%q is used twice", c.Name)
		}
		contracts[c.Name] = true
		net.Contracts = append(net.Contracts, c)
	})
	m.close()
	r.readNames(n, where, &net)
	switch net.Kind {
	case KindCasper:
		if len(net.SSE) == 0 {
			r.fail(n, where+".sse", "is required for a casper network")
		}
		if len(net.Contracts) > 0 || len(net.WS) > 0 || net.ChainID != 0 || len(net.Tolerate) > 0 || net.Verify != VerifyLogs || net.Headers != HeadersAll {
			r.fail(n, where, "contracts, ws, chain_id, verify, headers and tolerate are for evm networks")
		}
	case KindEVM:
		if len(net.RPC) == 0 {
			r.fail(n, where+".rpc", "is required for an evm network")
		}
		if net.ChainID == 0 {
			r.fail(n, where+".chain_id", "is required for an evm network")
		}
		if len(net.SSE) > 0 {
			r.fail(n, where+".sse", "is for casper networks")
		}
	case "":
	default:
		r.fail(n, where+".kind", "%q is neither casper nor evm", net.Kind)
	}
	return net
}

func (r *reader) finality(m *mapping) Finality {
	n := m.get("finality")
	if n == nil || n.Value == "finalized" {
		return Finality{Tag: true}
	}
	return Finality{Depth: m.uint("finality", 0)}
}

// choice reads one of some words; the first is the default.
func (r *reader) choice(m *mapping, key string, words ...string) string {
	n := m.get(key)
	switch {
	case n == nil:
		return words[0]
	case !slices.Contains(words, n.Value):
		r.fail(n, m.key(key), "%q is none of %s", n.Value, strings.Join(words, ", "))
	}
	return n.Value
}

// endpoints reads a list of URLs, or of mappings with a limit beside the URL.
func (r *reader) endpoints(m *mapping) []Endpoint {
	var out []Endpoint
	m.each("rpc", func(n *yaml.Node, where string) {
		if n.Kind == yaml.ScalarNode {
			out = append(out, Endpoint{URL: n.Value})
			return
		}
		e := r.mapping(n, where)
		out = append(out, Endpoint{URL: e.str("url", true), PerSecond: e.uint("calls_per_second", 0)})
		e.close()
	})
	return out
}

func (r *reader) urls(n *yaml.Node, key string, list []string, schemes ...string) {
	for i, s := range list {
		u, err := url.Parse(s)
		// The URL itself stays out of the error: it may hold a key.
		if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
			r.fail(n, fmt.Sprintf("%s[%d]", key, i), "is not a URL that begins with %s://", strings.Join(schemes, ":// or "))
		}
	}
}
