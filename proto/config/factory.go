package config

import (
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"gopkg.in/yaml.v3"
)

// Factory is a contract whose event names the addresses of its children. A
// child counts from the log after the one that names it; the first to name it
// stands. Children are not factories themselves.
type Factory struct {
	Address common.Address
	Event   abi.Event
	Arg     int    // index of the child's address in Event.Inputs
	ABIJSON []byte // the file that Event is from, compact
}

// factory reads {address, event, arg, abi}: the event is looked up in the
// factory's own abi or, without one, in the contract's files, whatever events
// of these are selected.
func (r *reader) factory(n *yaml.Node, where string, c *Contract) *Factory {
	m := r.mapping(n, where)
	f := &Factory{}
	if addr := m.str("address", true); addr != "" {
		f.Address = r.address(n, where+".address", addr)
	}
	name, arg := m.str("event", true), m.str("arg", true)
	var files []ABI
	if path := m.str("abi", false); path != "" {
		files = r.abi(nil, n, where+".abi", ABI{To: Open}, path)
	} else {
		for _, a := range c.ABIs {
			parsed, err := abi.JSON(strings.NewReader(string(a.JSON)))
			if err != nil {
				continue // reported where it was read
			}
			all := ABI{JSON: a.JSON}
			for _, ev := range parsed.Events {
				all.Events = append(all.Events, ev)
			}
			files = append(files, all)
		}
	}
	m.close()
	if name == "" || arg == "" || len(files) == 0 {
		return f
	}
	found := 0
	for _, file := range files {
		for _, ev := range file.Events {
			if ev.RawName != name && ev.Sig != name || found > 0 && ev.Sig == f.Event.Sig {
				continue
			}
			found++
			f.Event, f.ABIJSON = ev, file.JSON
		}
	}
	switch {
	case found == 0:
		r.fail(n, where+".event", "neither the factory's abi nor the contract's has an event %q", name)
		return f
	case found > 1:
		r.fail(n, where+".event", "%q is overloaded: write its signature, such as %s", name, f.Event.Sig)
		return f
	case f.Event.Anonymous:
		r.fail(n, where+".event", "%s is anonymous: it has no topic to ask for", f.Event.Sig)
	}
	f.Arg = slices.IndexFunc(f.Event.Inputs, func(a abi.Argument) bool { return a.Name == arg })
	switch {
	case f.Arg < 0:
		r.fail(n, where+".arg", "%s has no argument %q", f.Event.Sig, arg)
		f.Arg = 0
	case f.Event.Inputs[f.Arg].Type.T != abi.AddressTy:
		r.fail(n, where+".arg", "%q is of type %s, not address", arg, f.Event.Inputs[f.Arg].Type.String())
	}
	return f
}

// Child is the address that a log of the factory's event names.
func (f *Factory) Child(topics [][]byte, data []byte) (common.Address, bool) {
	if len(topics) != Topics(&f.Event) || len(topics[0]) != common.HashLength || common.Hash(topics[0]) != f.Event.ID {
		return common.Address{}, false
	}
	values, err := unpack(&f.Event, topics, data)
	if err != nil {
		return common.Address{}, false
	}
	a, ok := values[f.Arg].(common.Address)
	return a, ok
}
