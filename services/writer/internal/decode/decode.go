// Package decode turns EVM logs into named events with JSON arguments, by the
// contracts of the config. It is pure: the same log and contracts give the
// same bytes.
//
// A log is decoded by (address, topic 0, number of topics, block): the first
// contract with the log's address in config order, then the first whose
// factory made the address, then the first with the address "*"; within a
// contract its ABIs in order, those in use at the block. ERC-20 and ERC-721
// share the topic of Transfer and differ in the number of topics, so the first
// event that can decode the log wins. An anonymous event has no topic of its
// own: it is tried when no other event has the log's topic, at a named address
// only, and must encode to the very bytes of the log.
//
// Arguments keep the ABI's order. Integers of more than 32 bits are decimal
// strings, narrower ones numbers; bytes and addresses are lower-case 0x hex;
// tuples are objects, arrays arrays; an indexed argument of a dynamic type is
// the 0x hash that the log holds of it. U+0000, which Postgres cannot keep,
// and bytes that are not UTF-8 become U+FFFD: the raw log beside it is exact.
//
// What counts as malformed is what go-ethereum's decoder refuses: a bool that
// is neither 0 nor 1, an integer of 8, 16, 32 or 64 bits that does not fit, a
// function with bytes behind it, an offset or a length outside of the data.
// What it lets pass, passes: high bytes of an address, bytes behind a bytesN,
// an integer of another width that does not fit, data behind the last argument.
package decode

import (
	"fmt"

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
	// Stranger: the log was fetched because of a factory, which has not made its
	// address, and no other contract wants it.
	Stranger bool
}

// Decoder knows the contracts of one network. It is used by one goroutine.
type Decoder struct {
	Children Children

	exact     map[place][]candidate
	family    map[common.Hash][]candidate // children of factories
	wild      map[common.Hash][]candidate
	anonymous map[common.Address][]candidate
	named     map[common.Address]bool
	factories map[place][]factory
	reads     map[string]map[string]*values // by contract ("" = any) and name

	arena []byte // what arguments are written into
}

// place is where a log comes from and what it says that it is.
type place struct {
	address common.Address
	topic   common.Hash
}

type candidate struct {
	contract int // index in the config
	name     string
	event    *event
	from, to uint64 // blocks, inclusive
}

type factory struct {
	contract int
	name     string
	*config.Factory
	from uint64
}

// New prepares the contracts of a network.
func New(contracts []config.Contract) *Decoder {
	d := &Decoder{
		exact: map[place][]candidate{}, family: map[common.Hash][]candidate{}, wild: map[common.Hash][]candidate{},
		anonymous: map[common.Address][]candidate{}, named: map[common.Address]bool{}, factories: map[place][]factory{},
		reads: map[string]map[string]*values{},
	}
	for i := range contracts {
		d.add(i, &contracts[i])
	}
	// Behind what is configured of the address itself.
	for i := range contracts {
		c := &contracts[i]
		if c.Factory == nil {
			continue
		}
		at := place{c.Factory.Address, c.Factory.Event.ID}
		d.named[at.address] = true
		d.factories[at] = append(d.factories[at], factory{i, c.Name, c.Factory, c.StartBlock})
		d.exact[at] = append(d.exact[at], candidate{i, c.Name, newEvent(c.Factory.Event), c.StartBlock, config.Open})
	}
	return d
}

func (d *Decoder) add(i int, c *config.Contract) {
	if !c.Wild() {
		d.named[c.Address] = true
	}
	for _, a := range c.ABIs {
		for _, e := range a.Events {
			k := candidate{i, c.Name, newEvent(e), max(c.StartBlock, a.From), a.To}
			switch at := (place{c.Address, e.ID}); {
			case e.Anonymous && !c.Wild():
				d.anonymous[c.Address] = append(d.anonymous[c.Address], k)
			case e.Anonymous:
			case c.Factory != nil:
				d.family[e.ID] = append(d.family[e.ID], k)
			case c.Any:
				d.wild[e.ID] = append(d.wild[e.ID], k)
			default:
				d.exact[at] = append(d.exact[at], k)
			}
		}
	}
	d.addReads(c)
}

// Log decodes a log of block number. Its arguments are the caller's.
func (d *Decoder) Log(l *chainv1.Log, number uint64) Result {
	if len(l.Address) != common.AddressLength {
		return Result{}
	}
	address := common.Address(l.Address)
	var first Result
	tried := false
	if len(l.Topics) > 0 && len(l.Topics[0]) == common.HashLength {
		topic := common.Hash(l.Topics[0])
		for _, k := range d.exact[place{address, topic}] {
			if r, ok := d.try(&k, l, number, &first, &tried); ok {
				return r
			}
		}
		if len(d.family) > 0 {
			for _, k := range d.family[topic] {
				if !d.Children.born(address, k.contract, number, l.Index) {
					continue
				}
				if r, ok := d.try(&k, l, number, &first, &tried); ok {
					return r
				}
			}
		}
		for _, k := range d.wild[topic] {
			if r, ok := d.try(&k, l, number, &first, &tried); ok {
				return r
			}
		}
	}
	if !tried {
		for _, k := range d.anonymous[address] {
			if number < k.from || number > k.to || len(l.Topics) != k.event.count || !k.event.exactly(l) {
				continue
			}
			if r, ok := d.try(&k, l, number, &first, &tried); ok {
				return r
			}
		}
	}
	if first.Contract == "" {
		first.Stranger = len(d.family) > 0 && !d.named[address]
	}
	return first
}

func (d *Decoder) try(k *candidate, l *chainv1.Log, number uint64, first *Result, tried *bool) (Result, bool) {
	if number < k.from || number > k.to {
		return Result{}, false
	}
	*tried = true
	if len(l.Topics) != k.event.count {
		if first.Contract == "" {
			*first = k.event.fail(k.name, fmt.Sprintf("%d topics where the ABI has %d", len(l.Topics), k.event.count))
		}
		return Result{}, false
	}
	args, why := k.event.decode(d.room(), l)
	if why == "" {
		d.keep(&args)
		return Result{Contract: k.name, Event: k.event.name, Args: args}, true
	}
	if first.Contract == "" {
		*first = k.event.fail(k.name, why)
	}
	return Result{}, false
}

// A chunk of the arena, and the room below which the next one begins; bytes.
const (
	arenaChunk = 64 << 10
	arenaRoom  = 4 << 10
)

// room is where the next arguments are written: behind the last ones.
func (d *Decoder) room() []byte {
	if cap(d.arena)-len(d.arena) < arenaRoom {
		d.arena = make([]byte, 0, arenaChunk)
	}
	return d.arena[len(d.arena):]
}

// keep gives the caller what was written into the room.
func (d *Decoder) keep(args *[]byte) {
	n := len(*args)
	if n <= cap(d.arena)-len(d.arena) {
		d.arena = d.arena[:len(d.arena)+n]
	}
	// Otherwise append has moved them to memory of their own.
	*args = (*args)[:n:n]
}
