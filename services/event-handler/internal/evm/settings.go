package evm

import (
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/proto/config"
)

// SettingsOf is what a network's configuration says about how it is followed.
func SettingsOf(net *config.Network) Settings {
	tolerates := func(name string) bool { return slices.Contains(net.Tolerate, name) }
	return Settings{
		Filter:        FilterOf(net),
		Finality:      Finality{Tag: net.Finality.Tag, Depth: net.Finality.Depth},
		Receipts:      net.Verify == config.VerifyReceipts,
		HeadersEvents: net.Headers == config.HeadersEvents,
		Tolerate: Tolerance{
			HeaderHash: tolerates("header_hash"), Bloom: tolerates("bloom"),
			ReceiptsRoot: tolerates("receipts_root"), SystemLogs: tolerates("system_logs"),
		},
		Enrich:    Reads(net.Contracts),
		Endpoints: len(net.RPC),
	}
}

// FilterOf reduces the configured contracts to what is fetched of them. An
// anonymous event has no topic to ask for: all logs of its address are fetched;
// with address "*" it is left out, as that would be every log of the chain. The
// children of a factory are not known here: their topics are fetched at any
// address, and the factory's event at its own.
func FilterOf(n *config.Network) *Filter {
	start := n.StartBlock
	var contracts []Contract
	for _, c := range n.Contracts {
		k := Contract{Any: c.Wild(), Address: c.Address, From: c.StartBlock}
		start = min(start, c.StartBlock)
		for _, ev := range c.Events() {
			switch {
			case !ev.Anonymous:
				k.Topics = append(k.Topics, ev.ID)
			case !c.Wild():
				k.AllTopics = true
			}
		}
		contracts = append(contracts, k)
		if f := c.Factory; f != nil {
			contracts = append(contracts, Contract{Address: f.Address, Topics: []common.Hash{f.Event.ID}, From: c.StartBlock})
		}
	}
	return NewFilter(start, contracts)
}
