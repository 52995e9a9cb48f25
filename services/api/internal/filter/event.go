// Package filter says which rows a query or a subscription wants. One parser
// and one meaning serve REST and WebSocket alike.
package filter

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/proto/config"
	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/problem"
)

// ArgPrefix begins the parameters that filter by a decoded argument.
const ArgPrefix = "arg."

// EventKeys are the parameters of an event filter, less arg.NAME.
func EventKeys() []string {
	return []string{"contract", "address", "account", "event", "topic0", "topic1", "topic2", "topic3"}
}

// Event selects logs; unset fields select all.
type Event struct {
	Contract *Contract
	Address  []byte // 20 bytes, of the contract
	Account  []byte // 32 bytes: an address as an indexed argument holds it
	Event    string
	Topics   [4][]byte // 32 bytes each
	Args     []Arg     // by name
}

// Arg wants a decoded argument to have a value, compared as text: as it was
// written, or with hex in lower case, in which addresses and bytes are stored.
type Arg struct{ Name, Value, Written string }

func (a *Arg) is(text string) bool { return text == a.Value || text == a.Written }

// Contract is what a contract of the config matches. Two contracts may match
// one log, which is stored once under the first's name; so the filter goes by
// address and topics. By that name alone go the logs of a factory's children,
// whose addresses the writer knows, and of anonymous events, which have no
// topic of their own.
type Contract struct {
	Name       string
	Children   bool   // of a factory: by name only
	Address    []byte // nil: any
	Signatures []Signature
	StartBlock uint64
}

// Signature is what the topics of an event look like.
type Signature struct {
	Topic0   []byte // 32 bytes
	Topics   int    // how many a log of it has
	From, To uint64 // blocks in which the ABI is in use, inclusive; To = 0: no end
}

// matchesAt says whether the signature is in use at a block.
func (s *Signature) matchesAt(number uint64) bool {
	return s.From <= number && (s.To == 0 || number <= s.To)
}

// OfContract reads a contract of the config.
func OfContract(c *config.Contract) *Contract {
	out := &Contract{Name: c.Name, StartBlock: c.StartBlock}
	if c.Factory != nil {
		out.Children = true
		return out
	}
	if !c.Any {
		out.Address = c.Address.Bytes()
	}
	for _, a := range c.ABIs {
		to := a.To
		if to == config.Open {
			to = 0
		}
		for _, e := range a.Events {
			if !e.Anonymous {
				out.Signatures = append(out.Signatures, Signature{Topic0: e.ID.Bytes(), Topics: config.Topics(&e), From: a.From, To: to})
			}
		}
	}
	return out
}

var argName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// ParseEvent reads the parameters of one network's event filter. Unknown ones
// are a problem that lists what is allowed here.
func ParseEvent(params map[string]string, contracts []Contract) (*Event, error) {
	f := &Event{}
	names := make([]string, 0, len(params))
	for name := range params {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		value := params[name]
		var err error
		switch {
		case name == "contract":
			f.Contract, err = findContract(value, contracts)
		case name == "address":
			f.Address, err = Address(name, value)
		case name == "account":
			if f.Account, err = Address(name, value); err == nil {
				f.Account = append(make([]byte, 12, 32), f.Account...)
			}
		case name == "event":
			if !argName.MatchString(value) {
				err = problem.Parameter(name, "an event's name has letters, digits and _ only")
			}
			f.Event = value
		case len(name) == 6 && strings.HasPrefix(name, "topic") && name[5] >= '0' && name[5] <= '3':
			f.Topics[name[5]-'0'], err = hexBytes(name, value, 32)
		case strings.HasPrefix(name, ArgPrefix):
			arg := strings.TrimPrefix(name, ArgPrefix)
			if !argName.MatchString(arg) {
				err = problem.Parameter(name, "an argument's name has letters, digits and _ only")
			}
			if strings.ContainsRune(value, 0) || !utf8.ValidString(value) {
				err = problem.Parameter(name, "wants text in UTF-8 without the character 0")
			}
			f.Args = append(f.Args, Arg{Name: arg, Value: normal(value), Written: value})
		default:
			err = problem.UnknownParameter(name, append(EventKeys(), ArgPrefix+"NAME"))
		}
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

func findContract(name string, contracts []Contract) (*Contract, error) {
	known := make([]string, len(contracts))
	for i := range contracts {
		if contracts[i].Name == name {
			return &contracts[i], nil
		}
		known[i] = contracts[i].Name
	}
	return nil, problem.Parameter("contract", "no contract of this network has that name", known...)
}

// Address reads a 20-byte hex address in any case; a mixed-case one must have
// the right EIP-55 checksum.
func Address(name, value string) ([]byte, error) {
	b, err := hexBytes(name, value, 20)
	if err != nil {
		return nil, err
	}
	body := value[2:]
	if body != strings.ToLower(body) && body != strings.ToUpper(body) && common.BytesToAddress(b).Hex()[2:] != body {
		return nil, problem.Parameter(name, "the address has a wrong checksum; write it in lower case to do without one")
	}
	return b, nil
}

func hexBytes(name, value string, n int) ([]byte, error) {
	body, ok := strings.CutPrefix(strings.Replace(value, "0X", "0x", 1), "0x")
	b, err := hex.DecodeString(body)
	if !ok || err != nil || len(b) != n {
		return nil, problem.Parameter(name, fmt.Sprintf("wants 0x and %d hex digits", 2*n))
	}
	return b, nil
}

// normal gives a value the form that arguments are stored in: hex in lower case.
func normal(value string) string {
	if len(value) > 2 && (strings.HasPrefix(value, "0x") || strings.HasPrefix(value, "0X")) {
		return strings.ToLower(value)
	}
	return value
}

// Match says whether a row is selected.
func (f *Event) Match(e *feedv1.Event) bool {
	topics := e.GetTopics()
	if f.Contract != nil && !f.Contract.match(e) {
		return false
	}
	if f.Address != nil && !bytes.Equal(f.Address, e.GetAddress()) {
		return false
	}
	if f.Event != "" && f.Event != e.GetEvent() {
		return false
	}
	for i, want := range f.Topics {
		if want != nil && (i >= len(topics) || !bytes.Equal(topics[i], want)) {
			return false
		}
	}
	if f.Account != nil && !slices.ContainsFunc(topics[min(1, len(topics)):], func(t []byte) bool { return bytes.Equal(t, f.Account) }) {
		return false
	}
	return len(f.Args) == 0 || f.matchArgs(e.GetArgs())
}

func (c *Contract) match(e *feedv1.Event) bool {
	if c.Address != nil && !bytes.Equal(c.Address, e.GetAddress()) || e.GetBlockNumber() < c.StartBlock {
		return false
	}
	if e.GetContract() == c.Name || c.Children {
		return e.GetContract() == c.Name
	}
	topics := e.GetTopics()
	for _, s := range c.Signatures {
		if len(topics) == s.Topics && bytes.Equal(topics[0], s.Topic0) && s.matchesAt(e.GetBlockNumber()) {
			return true
		}
	}
	return false
}

// matchArgs compares like Postgres' ->>: a string by its content, anything
// else by its JSON text.
func (f *Event) matchArgs(args []byte) bool {
	var m map[string]json.RawMessage
	if json.Unmarshal(args, &m) != nil {
		return false
	}
	for i := range f.Args {
		want := &f.Args[i]
		raw, ok := m[want.Name]
		if !ok {
			return false
		}
		text := string(raw)
		if raw[0] == '"' {
			if json.Unmarshal(raw, &text) != nil {
				return false
			}
		}
		if !want.is(text) {
			return false
		}
	}
	return true
}
