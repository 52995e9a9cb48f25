package writertest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
)

// FactoryAddress is where FactoryNetwork's factory is.
var FactoryAddress = common.HexToAddress("0xfac7000000000000000000000000000000000000")

const pool = `[{"type":"event","name":"Swap","inputs":[{"name":"%s","type":"uint256"}]}]`

// FactoryNetwork indexes the Swaps of the pools that a factory makes, with the
// pool's supply at each; arg is how the ABI names the Swap's argument.
func FactoryNetwork(name, arg string) config.Network {
	read := func(text string) abi.ABI {
		a, err := abi.JSON(strings.NewReader(text))
		if err != nil {
			panic(err)
		}
		return a
	}
	text := fmt.Sprintf(pool, arg)
	created := read(`[{"type":"event","name":"Created","inputs":[{"name":"pool","type":"address","indexed":true}]}]`).Events["Created"]
	number, err := abi.NewType("uint256", "", nil)
	if err != nil {
		panic(err)
	}
	return config.Network{Name: name, Kind: config.KindEVM, ChainID: 1, RPC: []config.Endpoint{{URL: "http://127.0.0.1:1"}},
		Contracts: []config.Contract{{Name: "pool", Factory: &config.Factory{Address: FactoryAddress, Event: created, Arg: 0},
			ABIs:  []config.ABI{{JSON: []byte(text), Events: []abi.Event{read(text).Events["Swap"]}, To: config.Open}},
			Reads: []config.Read{{Name: "supply", Self: true, Sig: "totalSupply()", Returns: abi.Arguments{{Type: number}}}}}}}
}

// With gives a block the logs, in place of those that it has, each in a
// transaction of its own.
func With(b *chainv1.Block, logs ...*chainv1.Log) *chainv1.Block {
	b.Txs, b.Logs = nil, nil
	for i, l := range logs {
		l.Index, l.TxIndex = uint32(i), uint32(i)
		b.Txs = append(b.Txs, &chainv1.Tx{Index: uint32(i), Hash: crypto.Keccak256(b.Hash, []byte{byte(i)})})
		b.Logs = append(b.Logs, l)
	}
	b.TxCount = uint32(len(b.Txs))
	return b
}

// Created is the factory's log for pool n.
func Created(n byte) *chainv1.Log {
	return &chainv1.Log{Address: FactoryAddress.Bytes(), Topics: [][]byte{crypto.Keccak256([]byte("Created(address)")), common.LeftPadBytes([]byte{n}, 32)}}
}

// Swap is a log of pool n.
func Swap(n byte, value byte) *chainv1.Log {
	return &chainv1.Log{Address: common.LeftPadBytes([]byte{n}, 20), Topics: [][]byte{crypto.Keccak256([]byte("Swap(uint256)"))},
		Data: common.LeftPadBytes([]byte{value}, 32), Reads: []*chainv1.Read{{Name: "supply", Result: common.LeftPadBytes([]byte{value, 0}, 32)}}}
}

// Broken is a Swap whose data has no 32 bytes.
func Broken(n byte) *chainv1.Log {
	l := Swap(n, 1)
	l.Data = bytes.Clone(l.Data[:31])
	return l
}
