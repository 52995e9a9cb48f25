package evm

import (
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/services/writer/internal/decode"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// adoptUnit is the first unit number of what adopt leaves to be applied: no
// message has as many units.
const adoptUnit = 1 << 21

// adopt finds the logs of children that a repair names for the first time, or
// takes away: in the blocks behind it they came as strangers' and have no row, or
// have one that they should not. These blocks are left among the dead letters to
// be applied as repairs, each in a transaction and at positions of its own.
func (p *Planner) adopt(seq uint64, i int, b *Block, known []decode.Child, u proto.Message) error {
	changed := map[common.Address]bool{}
	for _, k := range b.Children {
		if !names(known, k) {
			changed[k.Address] = true
		}
	}
	for _, k := range known {
		if !names(b.Children, k) {
			changed[k.Address] = true
		}
	}
	if len(changed) == 0 || b.Number >= p.Head.Number || p.Since == nil {
		return nil
	}
	list, complete, err := p.Since(seq, b.Number, func(b *chainv1.Block) bool {
		for _, l := range b.GetLogs() {
			if len(l.GetAddress()) == addressLen && changed[common.Address(l.GetAddress())] {
				return true
			}
		}
		return false
	})
	if err != nil {
		return err
	}
	if !complete {
		number := b.Number
		p.poison(seq, i, &number, b.Hash, fmt.Sprintf("it changes %d children whose logs are not in the stream any more; index the network anew", len(changed)), body(u))
	}
	unit := adoptUnit
	for _, d := range p.Dead {
		if d.Seq == seq && d.Unit >= unit {
			unit = d.Unit + 1
		}
	}
	for n, b := range list {
		number := b.GetNumber()
		p.poison(seq, unit+n, &number, b.GetHash(), "logs of a factory's child that a repair changed", body(
			&chainv1.Unit{Kind: &chainv1.Unit_Repair{Repair: &chainv1.Repair{Block: b}}}))
		p.Dead[len(p.Dead)-1].Pending = true
	}
	return nil
}

// names says whether a list has the child.
func names(list []decode.Child, k decode.Child) bool {
	return slices.ContainsFunc(list, func(o decode.Child) bool { return o.Address == k.Address && o.Contract == k.Contract })
}
