package eventhandler

import (
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/proto/config"
	"fondaco.dev/services/event-handler/internal/evm"
)

// TestFilterOfAFactory: the factory's event at its address, its children's at
// any, and an anonymous event by the whole address.
func TestFilterOfAFactory(t *testing.T) {
	t.Parallel()
	event := func(sig byte, anonymous bool) abi.Event {
		return abi.Event{ID: common.Hash{sig}, Sig: string(rune('a' + sig)), Anonymous: anonymous}
	}
	factory, plain, other := common.Address{1}, common.Address{2}, common.Address{3}
	f := evm.FilterOf(&config.Network{StartBlock: 100, Contracts: []config.Contract{
		{Name: "pool", StartBlock: 10, Factory: &config.Factory{Address: factory, Event: event(1, false)},
			ABIs: []config.ABI{{Events: []abi.Event{event(2, false)}, To: 50}, {Events: []abi.Event{event(3, false)}, From: 51, To: config.Open}}},
		{Name: "plain", StartBlock: 20, Address: plain, ABIs: []config.ABI{{Events: []abi.Event{event(4, true)}, To: config.Open}}},
	}})
	if f.Start() != 10 {
		t.Errorf("starts at %d", f.Start())
	}
	for _, tt := range []struct {
		address common.Address
		topic   byte
		block   uint64
		want    bool
	}{
		{factory, 1, 10, true}, {factory, 1, 9, false}, {other, 1, 10, false},
		{other, 2, 10, true}, {other, 3, 10, true}, // versions share what is fetched
		{other, 2, 9, false}, {other, 4, 30, false}, {plain, 9, 20, true}, {plain, 9, 19, false},
	} {
		l := &evm.Log{Address: tt.address, Topics: []common.Hash{{tt.topic}}, BlockNumber: tt.block}
		if f.Match(l) != tt.want {
			t.Errorf("%+v: %t", tt, f.Match(l))
		}
	}
}
