package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"gopkg.in/yaml.v3"
)

// Read is an eth_call that is made for each log of a contract, at the hash of
// the log's block, and stored with the event.
type Read struct {
	Name    string
	Self    bool // to the log's own address
	To      common.Address
	Sig     string // canonical, such as balanceOf(address)
	ID      [4]byte
	Inputs  abi.Arguments
	Args    []ReadArg // one for each input
	Events  []string  // names of the events that it belongs to; none: all
	Returns abi.Arguments
}

// ReadArg is a constant, or the name of an argument of the event.
type ReadArg struct {
	Event string // name of the event's argument, "" = a constant
	Const string // as configured
	value any    // the constant, as go-ethereum packs it
}

var (
	readName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	bareInt  = regexp.MustCompile(`\b(u?int)([^0-9a-zA-Z_]|$)`)
)

// maxReads bounds the calls of one log.
const maxReads = 16

// reads reads [{name, call, args, to, returns, on}].
func (r *reader) reads(m *mapping, c *Contract) {
	m.each("reads", func(n *yaml.Node, where string) {
		rd, ok := r.read(n, where, c)
		if !ok {
			return
		}
		if slices.ContainsFunc(c.Reads, func(o Read) bool { return o.Name == rd.Name }) {
			r.fail(n, where+".name", "%q is used twice", rd.Name)
		}
		c.Reads = append(c.Reads, rd)
	})
	if len(c.Reads) > maxReads {
		r.fail(m.node, m.key("reads"), "%d reads are above %d", len(c.Reads), maxReads)
	}
}

func (r *reader) read(n *yaml.Node, where string, c *Contract) (Read, bool) {
	before := len(r.problems)
	m := r.mapping(n, where)
	rd := Read{Name: m.str("name", true), Events: m.strs("on")}
	call, to, returns := m.str("call", true), m.str("to", false), m.strs("returns")
	args := m.get("args")
	m.close()
	if rd.Name != "" && !readName.MatchString(rd.Name) {
		r.fail(n, where+".name", "%q may hold letters, digits and _ only", rd.Name)
	}
	if rd.Self = to == "" || to == "self"; !rd.Self {
		rd.To = r.address(n, where+".to", to)
	} else if to == "" {
		r.fail(n, where+".to", `is required: an address, or "self"`)
	}
	if len(returns) == 0 {
		r.fail(n, where+".returns", `is required: a list of types, such as ["uint256"]`)
	}
	var err error
	if rd.Sig, rd.Inputs, err = signature(call); err != nil {
		r.fail(n, where+".call", "%v", err)
	}
	copy(rd.ID[:], crypto.Keccak256([]byte(rd.Sig)))
	if _, rd.Returns, err = signature("returns(" + strings.Join(returns, ",") + ")"); err != nil {
		r.fail(n, where+".returns", "%v", err)
	}
	for _, name := range rd.Events {
		if !slices.ContainsFunc(c.Events(), func(e abi.Event) bool { return e.RawName == name && !e.Anonymous }) {
			r.fail(n, where+".on", "%q is no event of the contract that is fetched by a topic", name)
		}
	}
	if len(r.problems) > before {
		return rd, false
	}
	r.readArgs(args, n, where, c, &rd)
	return rd, len(r.problems) == before
}

// signature reads name(type,type): tuples are (type,type). int and uint mean
// 256 bits, as in Solidity.
func signature(text string) (string, abi.Arguments, error) {
	text = strings.ReplaceAll(text, " ", "")
	text = bareInt.ReplaceAllString(text, "${1}256$2")
	text = bareInt.ReplaceAllString(text, "${1}256$2") // neighbours share a comma
	s, err := abi.ParseSelector(text)
	if err != nil {
		return "", nil, fmt.Errorf("%q is no signature such as balanceOf(address): %w", text, err)
	}
	var out abi.Arguments
	types := make([]string, len(s.Inputs))
	for i, in := range s.Inputs {
		t, err := abi.NewType(in.Type, "", in.Components)
		if err != nil {
			return "", nil, fmt.Errorf("%q: %w", text, err)
		}
		out, types[i] = append(out, abi.Argument{Type: t}), t.String()
	}
	return s.Name + "(" + strings.Join(types, ",") + ")", out, nil
}

func (r *reader) readArgs(args, n *yaml.Node, where string, c *Contract, rd *Read) {
	var list []*yaml.Node
	if args != nil {
		if args.Kind != yaml.SequenceNode {
			r.fail(args, where+".args", "must be a list")
			return
		}
		list, n = args.Content, args
	}
	if len(list) != len(rd.Inputs) {
		r.fail(n, where+".args", "%s takes %d arguments, not %d", rd.Sig, len(rd.Inputs), len(list))
		return
	}
	for i, item := range list {
		key, typ := fmt.Sprintf("%s.args[%d]", where, i), rd.Inputs[i].Type
		name, ofEvent := strings.CutPrefix(item.Value, "$")
		if item.Kind != yaml.ScalarNode || !ofEvent {
			v, err := constant(item, typ)
			if err != nil {
				r.fail(item, key, "%v", err)
				continue
			}
			rd.Args = append(rd.Args, ReadArg{Const: text(item), value: v})
			continue
		}
		rd.Args = append(rd.Args, ReadArg{Event: name})
		for _, ev := range c.Events() {
			if !rd.on(&ev) {
				continue
			}
			k := argument(&ev, name)
			switch {
			case k < 0:
				r.fail(item, key, "%s has no argument %q; name the events that have it under on", ev.Sig, name)
			case ev.Inputs[k].Indexed && hashed(ev.Inputs[k].Type):
				r.fail(item, key, "%s holds only the hash of %q", ev.Sig, name)
			case ev.Inputs[k].Type.String() != typ.String():
				r.fail(item, key, "%q of %s is of type %s, %s wants %s", name, ev.Sig, ev.Inputs[k].Type.String(), rd.Sig, typ.String())
			}
		}
	}
}

func argument(ev *abi.Event, name string) int {
	return slices.IndexFunc(ev.Inputs, func(a abi.Argument) bool { return a.Name == name })
}

// on says whether the read belongs to an event. Anonymous events have no reads.
func (rd *Read) on(ev *abi.Event) bool {
	return !ev.Anonymous && (len(rd.Events) == 0 || slices.Contains(rd.Events, ev.RawName))
}

func (rd *Read) takesArguments() bool {
	return slices.ContainsFunc(rd.Args, func(a ReadArg) bool { return a.Event != "" })
}

// fetched is what of a read is part of what is fetched.
func (rd *Read) fetched() []string {
	to := "self"
	if !rd.Self {
		to = strings.ToLower(rd.To.Hex())
	}
	out := []string{rd.Name, to, rd.Sig, strings.Join(rd.Events, " ")}
	for _, a := range rd.Args {
		out = append(out, "$"+a.Event, a.Const)
	}
	return out
}

// readNames refuses two reads of one name that may belong to one log.
func (r *reader) readNames(n *yaml.Node, where string, net *Network) {
	for i := range net.Contracts {
		for k := range net.Contracts[:i] {
			a, b := &net.Contracts[k], &net.Contracts[i]
			if !a.Wild() && !b.Wild() && a.Address != b.Address {
				continue
			}
			for _, x := range a.Reads {
				for _, y := range b.Reads {
					if x.Name == y.Name && !(slices.Equal(x.fetched(), y.fetched()) && returned(&x) == returned(&y)) {
						r.fail(n, where+".contracts", "%s and %s may read %q of one log in two ways: give one another name", a.Name, b.Name, x.Name)
					}
				}
			}
		}
	}
}

func returned(rd *Read) string {
	var out []string
	for _, a := range rd.Returns {
		out = append(out, a.Type.String())
	}
	return strings.Join(out, ",")
}
