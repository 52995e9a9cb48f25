package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"gopkg.in/yaml.v3"
)

// Contract is what is indexed of one address, of every address, or of the
// children of a factory.
type Contract struct {
	Name       string
	Any        bool           // address "*"
	Address    common.Address // zero with Any and with Factory
	Factory    *Factory       // nil: none
	ABIs       []ABI          // in the order in which they are tried
	StartBlock uint64
	// AutoStart: no start_block is configured, here or for the network; the
	// event-handler finds the block in which Origin got its code.
	AutoStart bool
	Reads     []Read
}

// ABI is one version of a contract's interface, or one of several that it has
// at once (a proxy's own and its implementation's).
type ABI struct {
	JSON     []byte // compact, as hashed into the build
	Events   []abi.Event
	From, To uint64 // first and last block, inclusive; To = Open: no end
}

// Open is the To of an ABI that is still in use.
const Open = math.MaxUint64

// At says whether the ABI is in use at a block.
func (a *ABI) At(number uint64) bool { return a.From <= number && number <= a.To }

// Origin is the address whose code starts the contract: its own or its
// factory's; zero with Any.
func (c *Contract) Origin() common.Address {
	if c.Factory != nil {
		return c.Factory.Address
	}
	return c.Address
}

// Wild says that the logs of the contract are fetched at any address.
func (c *Contract) Wild() bool { return c.Any || c.Factory != nil }

// Events are the selected events of all versions, each signature with the same
// arguments indexed once, ordered by signature.
func (c *Contract) Events() []abi.Event {
	var out []abi.Event
	seen := map[string]bool{}
	for _, a := range c.ABIs {
		for _, ev := range a.Events {
			key := fmt.Sprint(ev.Sig, ev.Anonymous)
			for _, in := range ev.Inputs {
				key += fmt.Sprint(" ", in.Indexed)
			}
			if !seen[key] {
				seen[key] = true
				out = append(out, ev)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b abi.Event) int { return strings.Compare(a.Sig, b.Sig) })
	return out
}

// Topics is the number of topics that a log of the event has.
func Topics(ev *abi.Event) int {
	n := 1
	if ev.Anonymous {
		n = 0
	}
	for _, in := range ev.Inputs {
		if in.Indexed {
			n++
		}
	}
	return n
}

var contractName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (r *reader) contract(n *yaml.Node, where string, start uint64) Contract {
	m := r.mapping(n, where)
	c := Contract{Name: m.str("name", true), StartBlock: m.uint("start_block", start)}
	if c.Name != "" && !contractName.MatchString(c.Name) {
		r.fail(n, where+".name", "%q may hold letters, digits, _ and - only", c.Name)
	}
	c.AutoStart = m.get("start_block") == nil
	factory := m.get("factory")
	if factory == nil {
		if addr := m.str("address", true); addr == "*" {
			c.Any, c.AutoStart = true, false
		} else if addr != "" {
			c.Address = r.address(n, where+".address", addr)
		}
	} else if at := m.get("address"); at != nil {
		r.fail(at, where+".address", "a contract has either an address or a factory")
	}
	selected := m.strs("events")
	r.abis(m, &c, selected)
	if factory != nil {
		c.Factory = r.factory(factory, where+".factory", &c)
	}
	r.wild(n, where+".events", &c)
	r.reads(m, &c)
	m.close()
	return c
}

// address reads 0x and 40 hex digits; mixed case is a checksum.
func (r *reader) address(n *yaml.Node, key, text string) common.Address {
	if !common.IsHexAddress(text) || !strings.HasPrefix(text, "0x") {
		r.fail(n, key, `%q is neither "*" nor 0x and 40 hex digits`, text)
		return common.Address{}
	}
	a := common.HexToAddress(text)
	if hex := text[2:]; hex != strings.ToLower(hex) && hex != strings.ToUpper(hex) && a.Hex() != text {
		r.fail(n, key, "%s has a wrong checksum; did you mean %s?", text, a.Hex())
	}
	return a
}

// abis reads a path, or a list of {file, from, to} and paths.
func (r *reader) abis(m *mapping, c *Contract, selected []string) {
	n, key := m.get("abi"), m.key("abi")
	switch {
	case n == nil:
		r.fail(m.node, key, "is required")
		return
	case n.Kind == yaml.ScalarNode && n.Value != "":
		c.ABIs = r.abi(c.ABIs, n, key, ABI{To: Open}, n.Value)
	case n.Kind == yaml.SequenceNode && len(n.Content) > 0:
		for i, item := range n.Content {
			key := fmt.Sprintf("%s[%d]", key, i)
			if item.Kind == yaml.ScalarNode && item.Value != "" {
				c.ABIs = r.abi(c.ABIs, item, key, ABI{To: Open}, item.Value)
				continue
			}
			v := r.mapping(item, key)
			file := v.str("file", true)
			a := ABI{From: v.uint("from", 0), To: v.uint("to", Open)}
			v.close()
			if a.From > a.To {
				r.fail(item, key+".to", "%d is below from, %d", a.To, a.From)
			}
			if file != "" {
				c.ABIs = r.abi(c.ABIs, item, key+".file", a, file)
			}
		}
	default:
		r.fail(n, key, "must be the path of a file, or a list of {file, from, to}")
		return
	}
	r.selectEvents(m, c, selected)
}

// abi adds a file: a JSON array of an ABI, or a compiler's artifact with an
// "abi" key. All events are selected at first.
func (r *reader) abi(list []ABI, n *yaml.Node, key string, a ABI, path string) []ABI {
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(r.path), path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		r.fail(n, key, "%v", err)
		return list
	}
	var artifact struct {
		ABI json.RawMessage `json:"abi"`
	}
	if json.Unmarshal(data, &artifact) == nil && len(artifact.ABI) > 0 {
		data = artifact.ABI
	}
	parsed, err := abi.JSON(bytes.NewReader(data))
	if err != nil {
		r.fail(n, key, "%s is no contract ABI: %v%s", path, err, fixedPoint(data))
		return list
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		r.fail(n, key, "%s: %v", path, err)
		return list
	}
	a.JSON = compact.Bytes()
	for _, ev := range parsed.Events {
		a.Events = append(a.Events, ev)
	}
	// Name is unique within an ABI: overloads are numbered in the file's order.
	slices.SortFunc(a.Events, func(a, b abi.Event) int {
		if by := strings.Compare(a.Sig, b.Sig); by != 0 {
			return by
		}
		return strings.Compare(a.Name, b.Name)
	})
	return append(list, a)
}

var fixedType = regexp.MustCompile(`"type"\s*:\s*"u?fixed[0-9x]*(\[[0-9]*\])*"`)

// fixedPoint explains what the parser means by an unsupported type.
func fixedPoint(data []byte) string {
	if m := fixedType.Find(data); m != nil {
		return fmt.Sprintf(" (%s: no compiler emits fixed-point numbers; take the entry out of the file)", m)
	}
	return ""
}

// selectEvents keeps the named events, overloads together; none named = all.
func (r *reader) selectEvents(m *mapping, c *Contract, selected []string) {
	if len(c.ABIs) == 0 {
		return
	}
	n, key := m.node, m.key("events")
	found, any := map[string]bool{}, false
	for i := range c.ABIs {
		a := &c.ABIs[i]
		a.Events = slices.DeleteFunc(a.Events, func(ev abi.Event) bool {
			return len(selected) > 0 && !slices.Contains(selected, ev.RawName)
		})
		for _, ev := range a.Events {
			found[ev.RawName], any = true, true
		}
	}
	for _, name := range selected {
		if !found[name] {
			r.fail(n, key, "the ABI has no event %q", name)
		}
	}
	if !any && len(selected) == 0 {
		r.fail(n, key, "the ABI has no events")
	}
}

// wild refuses what a node cannot be asked for at any address.
func (r *reader) wild(n *yaml.Node, key string, c *Contract) {
	if !c.Wild() {
		return
	}
	where := `at address "*"`
	if c.Factory != nil {
		where = "of a factory's children, which is at any address"
	}
	for _, ev := range c.Events() {
		if ev.Anonymous {
			r.fail(n, key, `%s is anonymous, and a node cannot be asked for it %s: name the addresses, or the other events`, ev.RawName, where)
		}
	}
}
