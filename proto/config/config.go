// Package config reads fondaco.yaml: which networks are followed, which
// contracts are indexed, and what is traded. Every service reads the same file,
// so that subjects and builds are the same everywhere.
package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
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
	RPC        []string // JSON-RPC endpoints
	WS         []string // EVM WebSocket endpoints, hints only
	ChainID    uint64   // EVM, checked against the node
	Finality   Finality
	StartBlock uint64
	Contracts  []Contract
}

// Finality says below which height a chain counts as final.
type Finality struct {
	Tag   bool   // ask the node for its "finalized" block
	Depth uint64 // else: head - Depth
}

// Contract is what is indexed of one address, or of every address.
type Contract struct {
	Name       string
	Any        bool           // address "*"
	Address    common.Address // zero with Any
	ABI        abi.ABI
	ABIJSON    []byte // compact JSON, as hashed into the build
	StartBlock uint64
	Events     []abi.Event // selected ones, by name and signature
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
		Name: m.str("name", true), Kind: m.str("kind", true), SSE: m.strs("sse"), RPC: m.strs("rpc"), WS: m.strs("ws"),
		ChainID: m.uint("chain_id", 0), StartBlock: m.uint("start_block", 0),
	}
	if net.Name != "" && !chainv1.ValidNetwork(net.Name) {
		r.fail(n, where+".name", "%q may hold a-z, 0-9 and - only, up to 32 characters", net.Name)
	}
	r.urls(n, where+".sse", net.SSE, "http", "https")
	r.urls(n, where+".rpc", net.RPC, "http", "https")
	r.urls(n, where+".ws", net.WS, "ws", "wss")
	net.Finality = r.finality(m)
	contracts := map[string]bool{}
	m.each("contracts", func(n *yaml.Node, where string) {
		c := r.contract(n, where, net.StartBlock)
		if contracts[c.Name] {
			r.fail(n, where+".name", "%q is used twice", c.Name)
		}
		contracts[c.Name] = true
		net.Contracts = append(net.Contracts, c)
	})
	m.close()
	switch net.Kind {
	case KindCasper:
		if len(net.SSE) == 0 {
			r.fail(n, where+".sse", "is required for a casper network")
		}
		if len(net.Contracts) > 0 || len(net.WS) > 0 || net.ChainID != 0 {
			r.fail(n, where, "contracts, ws and chain_id are for evm networks")
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

func (r *reader) urls(n *yaml.Node, key string, list []string, schemes ...string) {
	for i, s := range list {
		u, err := url.Parse(s)
		// The URL itself stays out of the error: it may hold a key.
		if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
			r.fail(n, fmt.Sprintf("%s[%d]", key, i), "is not a URL that begins with %s://", strings.Join(schemes, ":// or "))
		}
	}
}

var contractName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (r *reader) contract(n *yaml.Node, where string, start uint64) Contract {
	m := r.mapping(n, where)
	c := Contract{Name: m.str("name", true), StartBlock: m.uint("start_block", start)}
	if c.Name != "" && !contractName.MatchString(c.Name) {
		r.fail(n, where+".name", "%q may hold letters, digits, _ and - only", c.Name)
	}
	switch addr := m.str("address", true); {
	case addr == "*":
		c.Any = true
	case addr == "":
	case !common.IsHexAddress(addr) || !strings.HasPrefix(addr, "0x"):
		r.fail(n, where+".address", `%q is neither "*" nor 0x and 40 hex digits`, addr)
	default:
		c.Address = common.HexToAddress(addr)
		if mixedCase(addr) && c.Address.Hex() != addr {
			r.fail(n, where+".address", "%s has a wrong checksum; did you mean %s?", addr, c.Address.Hex())
		}
	}
	selected := m.strs("events")
	if path := m.str("abi", true); path != "" {
		r.abi(n, where+".abi", path, &c)
	}
	r.events(n, where+".events", selected, &c)
	m.close()
	return c
}

func mixedCase(addr string) bool {
	hex := addr[2:]
	return hex != strings.ToLower(hex) && hex != strings.ToUpper(hex)
}

// abi reads a JSON array of an ABI, or a compiler's artifact with an "abi" key.
func (r *reader) abi(n *yaml.Node, key, path string, c *Contract) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(r.path), path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		r.fail(n, key, "%v", err)
		return
	}
	var artifact struct {
		ABI json.RawMessage `json:"abi"`
	}
	if json.Unmarshal(data, &artifact) == nil && len(artifact.ABI) > 0 {
		data = artifact.ABI
	}
	if c.ABI, err = abi.JSON(bytes.NewReader(data)); err != nil {
		r.fail(n, key, "%s is no contract ABI: %v", path, err)
		return
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		r.fail(n, key, "%s: %v", path, err)
		return
	}
	c.ABIJSON = compact.Bytes()
}

// events selects by name, overloads together; none named = all.
func (r *reader) events(n *yaml.Node, key string, selected []string, c *Contract) {
	if c.ABIJSON == nil {
		return
	}
	found := map[string]bool{}
	for _, ev := range c.ABI.Events {
		if len(selected) == 0 || slices.Contains(selected, ev.RawName) {
			c.Events = append(c.Events, ev)
			found[ev.RawName] = true
		}
	}
	slices.SortFunc(c.Events, func(a, b abi.Event) int { return strings.Compare(a.Sig, b.Sig) })
	for _, name := range selected {
		if !found[name] {
			r.fail(n, key, "the ABI has no event %q", name)
		}
	}
	if len(c.Events) == 0 && len(selected) == 0 {
		r.fail(n, key, "the ABI has no events")
	}
	for _, ev := range c.Events {
		if c.Any && ev.Anonymous {
			r.fail(n, key, `%s is anonymous, and a node cannot be asked for it at address "*": name the addresses, or the other events`, ev.RawName)
		}
	}
}
