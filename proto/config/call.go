package config

import (
	"fmt"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
)

// Call is a read that belongs to a log: an eth_call at the hash of its block.
type Call struct {
	Name string
	To   common.Address
	Data []byte
	// Error says why there is nothing to ask: the log does not hold the
	// arguments that the call needs. It is stored in place of an answer.
	Error string
}

// Reader tells the reads of a network's logs. It is safe for use by several
// goroutines.
type Reader struct {
	byAddress map[common.Address][]*Contract
	wild      []*Contract
}

// NewReader prepares the reads of contracts; nil when they have none.
func NewReader(contracts []Contract) *Reader {
	r := &Reader{byAddress: map[common.Address][]*Contract{}}
	for i := range contracts {
		c := &contracts[i]
		switch {
		case len(c.Reads) == 0:
		case c.Wild():
			r.wild = append(r.wild, c)
		default:
			r.byAddress[c.Address] = append(r.byAddress[c.Address], c)
		}
	}
	if len(r.byAddress)+len(r.wild) == 0 {
		return nil
	}
	return r
}

// Calls are the reads of a log in block number, each name once, in the order
// of the configuration. The children of a factory are not known here: the
// reads of its contract are of every log with a child event's topics.
func (r *Reader) Calls(address common.Address, topics [][]byte, data []byte, number uint64) []Call {
	var out []Call
	for _, list := range [][]*Contract{r.byAddress[address], r.wild} {
		for _, c := range list {
			ev := c.event(topics, number)
			if ev == nil {
				continue
			}
			out = c.calls(out, ev, address, topics, data)
		}
	}
	return out
}

// event is the first of the contract's events that the log has the shape of.
func (c *Contract) event(topics [][]byte, number uint64) *abi.Event {
	if number < c.StartBlock || len(topics) == 0 || len(topics[0]) != common.HashLength {
		return nil
	}
	id := common.Hash(topics[0])
	for i := range c.ABIs {
		if !c.ABIs[i].At(number) {
			continue
		}
		for k := range c.ABIs[i].Events {
			ev := &c.ABIs[i].Events[k]
			if !ev.Anonymous && ev.ID == id && Topics(ev) == len(topics) {
				return ev
			}
		}
	}
	return nil
}

func (c *Contract) calls(out []Call, ev *abi.Event, address common.Address, topics [][]byte, data []byte) []Call {
	var values []any
	var bad error
	for i := range c.Reads {
		rd := &c.Reads[i]
		if !rd.on(ev) || named(out, rd.Name) {
			continue
		}
		call := Call{Name: rd.Name, To: rd.To}
		if rd.Self {
			call.To = address
		}
		if rd.takesArguments() && values == nil && bad == nil {
			values, bad = unpack(ev, topics, data)
		}
		var err error
		if call.Data, err = rd.pack(ev, values, bad); err != nil {
			call.Error = err.Error()
		}
		out = append(out, call)
	}
	return out
}

func named(calls []Call, name string) bool {
	for i := range calls {
		if calls[i].Name == name {
			return true
		}
	}
	return false
}

// pack is the data of the call for a log of the event whose decoded arguments
// are values, or could not be decoded because of bad.
func (rd *Read) pack(ev *abi.Event, values []any, bad error) ([]byte, error) {
	args := make([]any, len(rd.Args))
	for i, a := range rd.Args {
		if a.Event == "" {
			args[i] = a.value
			continue
		}
		if bad != nil {
			return nil, fmt.Errorf("decoding %s: %w", ev.Sig, bad)
		}
		args[i] = values[argument(ev, a.Event)]
	}
	packed, err := rd.Inputs.Pack(args...)
	if err != nil {
		return nil, fmt.Errorf("packing %s: %w", rd.Sig, err)
	}
	return append(append([]byte{}, rd.ID[:]...), packed...), nil
}

// unpack decodes a log's arguments into go-ethereum's values, in the event's
// order; an indexed argument of a dynamic type is its hash. The log has the
// event's number of topics.
func unpack(ev *abi.Event, topics [][]byte, data []byte) (out []any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decoder panic: %v", p)
		}
	}()
	plain, err := ev.Inputs.NonIndexed().Unpack(data)
	if err != nil {
		return nil, err
	}
	topic, next := 1, 0
	for _, in := range ev.Inputs {
		switch {
		case !in.Indexed:
			out = append(out, plain[next])
			next++
			continue
		case len(topics[topic]) != common.HashLength:
			return nil, fmt.Errorf("topic of %d bytes", len(topics[topic]))
		case hashed(in.Type):
			out = append(out, common.Hash(topics[topic]))
		default:
			v, err := abi.Arguments{{Type: in.Type}}.Unpack(topics[topic])
			if err != nil {
				return nil, err
			}
			out = append(out, v[0])
		}
		topic++
	}
	return out, nil
}

// hashed says whether an indexed argument of the type is kept as its hash.
func hashed(t abi.Type) bool {
	switch t.T {
	case abi.StringTy, abi.BytesTy, abi.SliceTy, abi.ArrayTy, abi.TupleTy:
		return true
	}
	return false
}
