package decode

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// Child is an address that a factory has made.
type Child struct {
	Contract string // name in the config
	Address  common.Address
	Block    uint64
	Log      uint32 // index of the log that names it

	contract int
}

// Children are the addresses that factories have made, in chain order. The
// zero value is empty. They are all in memory: about 150 bytes each.
type Children struct {
	list []Child
	at   map[common.Address][]int32 // indexes in list

	undo []change // since Mark, latest last
}

// change is one child more, or one less.
type change struct {
	child Child
	added bool
}

// born says whether the address is a child of the contract at a log.
func (c *Children) born(a common.Address, contract int, block uint64, log uint32) bool {
	for _, i := range c.at[a] {
		k := &c.list[i]
		if k.contract == contract {
			return k.Block < block || k.Block == block && k.Log < log
		}
	}
	return false
}

// Len is the number of children.
func (c *Children) Len() int { return len(c.list) }

// has says whether the address is a child of the contract already.
func (c *Children) has(a common.Address, contract int) bool {
	for _, i := range c.at[a] {
		if c.list[i].contract == contract {
			return true
		}
	}
	return false
}

// Mark begins a change that Undo can take back.
func (c *Children) Mark() { c.undo = c.undo[:0] }

// Undo takes back what changed since Mark.
func (c *Children) Undo() {
	for i := len(c.undo) - 1; i >= 0; i-- {
		if ch := c.undo[i]; ch.added {
			c.pop()
		} else {
			c.push(ch.child)
		}
	}
	c.undo = c.undo[:0]
}

// Revert forgets the children above a height.
func (c *Children) Revert(above uint64) {
	for len(c.list) > 0 && c.list[len(c.list)-1].Block > above {
		c.undo = append(c.undo, change{child: c.pop()})
	}
	// A repair names a child out of order: it may lie below older ones.
	c.drop(func(k *Child) bool { return k.Block > above })
}

// Forget drops the children that a block named, which is about to be read
// anew, and returns them.
func (c *Children) Forget(block uint64) []Child {
	var out []Child
	for i := range c.list {
		if c.list[i].Block == block {
			out = append(out, c.list[i])
		}
	}
	if out != nil {
		c.drop(func(k *Child) bool { return k.Block == block })
	}
	return out
}

func (c *Children) drop(which func(*Child) bool) {
	first := -1
	for i := range c.list {
		if which(&c.list[i]) {
			first = i
			break
		}
	}
	if first < 0 {
		return
	}
	var kept []Child
	for len(c.list) > first {
		k := c.pop()
		c.undo = append(c.undo, change{child: k})
		if !which(&k) {
			kept = append(kept, k)
		}
	}
	for i := len(kept) - 1; i >= 0; i-- {
		c.push(kept[i])
		c.undo = append(c.undo, change{child: kept[i], added: true})
	}
}

func (c *Children) push(k Child) {
	if c.at == nil {
		c.at = map[common.Address][]int32{}
	}
	c.at[k.Address] = append(c.at[k.Address], int32(len(c.list)))
	c.list = append(c.list, k)
}

func (c *Children) pop() Child {
	last := len(c.list) - 1
	k := c.list[last]
	c.list = c.list[:last]
	// Indexes of an address ascend, so that the last of the list is its last.
	if at := c.at[k.Address]; len(at) > 1 {
		c.at[k.Address] = at[:len(at)-1]
	} else {
		delete(c.at, k.Address)
	}
	return k
}

// Restore puts stored children in place of those that are there. Children of a
// contract that the config does not have any more are an error: the index is
// of another build.
func (d *Decoder) Restore(list []Child) error {
	index := map[string]int{}
	for _, fs := range d.factories {
		for _, f := range fs {
			index[f.name] = f.contract
		}
	}
	d.Children = Children{}
	for _, k := range list {
		i, ok := index[k.Contract]
		if !ok {
			return fmt.Errorf("child %s of contract %q, which has no factory", k.Address.Hex(), k.Contract)
		}
		k.contract = i
		d.Children.push(k)
	}
	return nil
}

// Factories says whether any contract has a factory.
func (d *Decoder) Factories() bool { return len(d.factories) > 0 }

// Births adds the children that a log names, if it is of a factory, and
// returns those that are new. The first log to name a child stands.
func (d *Decoder) Births(l *chainv1.Log, number uint64) []Child {
	if len(d.factories) == 0 || len(l.Topics) == 0 || len(l.Topics[0]) != common.HashLength || len(l.Address) != common.AddressLength {
		return nil
	}
	var out []Child
	for _, f := range d.factories[place{common.Address(l.Address), common.Hash(l.Topics[0])}] {
		if number < f.from {
			continue
		}
		a, ok := f.Child(l.Topics, l.Data)
		if !ok || d.Children.has(a, f.contract) {
			continue
		}
		k := Child{Contract: f.name, Address: a, Block: number, Log: l.Index, contract: f.contract}
		d.Children.push(k)
		d.Children.undo = append(d.Children.undo, change{child: k, added: true})
		out = append(out, k)
	}
	return out
}
