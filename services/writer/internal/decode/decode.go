// Package decode turns EVM logs into named events with JSON arguments, by the
// contracts of the config. It is pure: the same log and contracts give the
// same bytes.
//
// A log is decoded by (address, topic 0, number of topics, block): the first
// contract with the log's address in config order, then the first with the
// address "*". ERC-20 and ERC-721 share the topic of Transfer and differ in
// the number of topics, so the first contract that can decode the log wins.
//
// Arguments keep the ABI's order. Integers of more than 32 bits are decimal
// strings, narrower ones numbers; bytes and addresses are lower-case 0x hex;
// tuples are objects, arrays arrays; an indexed argument of a dynamic type is
// the 0x hash that the log holds of it. U+0000, which Postgres cannot keep,
// and bytes that are not UTF-8 become U+FFFD: the raw log beside it is exact.
package decode

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
)

// Result is what a log means.
type Result struct {
	Contract string // name in the config, "" when none matched
	Event    string // name in the ABI, "" when not decoded
	Args     []byte // JSON object, nil when not decoded
	Error    string // why a matching contract could not decode it, "" otherwise
}

// Decoder knows the contracts of one network.
type Decoder struct {
	contracts []contract
}

type contract struct {
	name    string
	any     bool
	address common.Address
	start   uint64
	events  map[common.Hash][]event
}

type event struct {
	name  string
	args  []arg
	plain abi.Arguments // the arguments that are not indexed
	count int           // topics, with topic 0
}

type arg struct {
	key     []byte // JSON string with its quotes
	indexed bool
	typ     abi.Type
}

// New prepares the contracts of a network. Anonymous events have no topic of
// their own and are left out.
func New(contracts []config.Contract) *Decoder {
	d := &Decoder{}
	for _, c := range contracts {
		out := contract{name: c.Name, any: c.Any, address: c.Address, start: c.StartBlock, events: map[common.Hash][]event{}}
		for _, e := range c.Events {
			if !e.Anonymous {
				out.events[e.ID] = append(out.events[e.ID], newEvent(e))
			}
		}
		d.contracts = append(d.contracts, out)
	}
	return d
}

func newEvent(e abi.Event) event {
	out := event{name: e.RawName, count: 1}
	used := map[string]bool{}
	for i, in := range e.Inputs {
		name := in.Name
		if name == "" || used[name] {
			name = fmt.Sprintf("arg%d", i)
		}
		used[name] = true
		out.args = append(out.args, arg{key: appendString(nil, name), indexed: in.Indexed, typ: in.Type})
		if in.Indexed {
			out.count++
		} else {
			out.plain = append(out.plain, in)
		}
	}
	return out
}

// Log decodes a log of block number.
func (d *Decoder) Log(l *chainv1.Log, number uint64) Result {
	if len(l.Topics) == 0 || len(l.Topics[0]) != common.HashLength || len(l.Address) != common.AddressLength {
		return Result{}
	}
	var first Result
	for _, wild := range []bool{false, true} {
		for i := range d.contracts {
			c := &d.contracts[i]
			if c.any != wild || number < c.start || (!wild && !bytes.Equal(c.address[:], l.Address)) {
				continue
			}
			for _, e := range c.events[common.Hash(l.Topics[0])] {
				r := e.decode(c.name, l)
				if r.Error == "" {
					return r
				}
				if first.Contract == "" {
					first = r
				}
			}
		}
	}
	return first
}

func (e *event) decode(contract string, l *chainv1.Log) (r Result) {
	// go-ethereum checks lengths, but the bytes are a stranger's: whatever its
	// decoder trips over must not stop the index.
	defer func() {
		if p := recover(); p != nil {
			r = e.fail(contract, fmt.Sprintf("decoder panic: %v", p))
		}
	}()
	fail := func(why string) Result { return e.fail(contract, why) }
	if len(l.Topics) != e.count {
		return fail(fmt.Sprintf("%d topics where the ABI has %d", len(l.Topics), e.count))
	}
	plain, err := e.plain.Unpack(l.Data)
	if err != nil {
		return fail(err.Error())
	}
	out := []byte{'{'}
	topic, next := 1, 0
	for i, a := range e.args {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, a.key...), ':')
		if !a.indexed {
			out = appendValue(out, a.typ, plain[next])
			next++
			continue
		}
		raw := l.Topics[topic]
		topic++
		if len(raw) != common.HashLength {
			return fail(fmt.Sprintf("topic of %d bytes", len(raw)))
		}
		if hashed(a.typ) {
			out = appendHex(out, raw)
			continue
		}
		v, err := abi.Arguments{{Type: a.typ}}.Unpack(raw)
		if err != nil {
			return fail(err.Error())
		}
		out = appendValue(out, a.typ, v[0])
	}
	return Result{Contract: contract, Event: e.name, Args: append(out, '}')}
}

// maxError bounds what is stored of an error, in bytes.
const maxError = 300

func (e *event) fail(contract, why string) Result {
	why = strings.ReplaceAll(why, "\x00", "")
	return Result{Contract: contract, Error: e.name + ": " + strings.ToValidUTF8(why[:min(len(why), maxError)], "")}
}

// hashed says whether an indexed argument of the type is kept as its hash:
// everything that does not fit into one word.
func hashed(t abi.Type) bool {
	switch t.T {
	case abi.StringTy, abi.BytesTy, abi.SliceTy, abi.ArrayTy, abi.TupleTy:
		return true
	}
	return false
}
