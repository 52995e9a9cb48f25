package evm

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/services/writer/internal/decode"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// adoptUnit is the first unit number of what adopt leaves to be applied: no
// message has as many units.
const adoptUnit = 1 << 21

// adopt finds the logs of children that a repair names for the first time: in
// the blocks behind it they came as strangers' and have no row. These blocks are
// left among the dead letters to be applied as repairs, each in a transaction
// and at positions of its own.
func (p *Planner) adopt(seq uint64, i int, b *Block, known []decode.Child, u proto.Message) error {
	fresh := map[common.Address]bool{}
	for _, k := range b.Children {
		fresh[k.Address] = true
	}
	for _, k := range known {
		delete(fresh, k.Address)
	}
	if len(fresh) == 0 || b.Number >= p.Head.Number || p.Since == nil {
		return nil
	}
	list, complete, err := p.Since(seq, b.Number, func(b *chainv1.Block) bool {
		for _, l := range b.GetLogs() {
			if len(l.GetAddress()) == addressLen && fresh[common.Address(l.GetAddress())] {
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
		p.poison(seq, i, &number, b.Hash, fmt.Sprintf("it names %d children whose earlier logs are not in the stream any more; index the network anew", len(fresh)), body(u))
	}
	for _, b := range list {
		number := b.GetNumber()
		p.poison(seq, adoptUnit+len(p.Dead), &number, b.GetHash(), "logs of a factory's child that a repair named", body(
			&chainv1.Unit{Kind: &chainv1.Unit_Repair{Repair: &chainv1.Repair{Block: b}}}))
		p.Dead[len(p.Dead)-1].Pending = true
	}
	return nil
}
