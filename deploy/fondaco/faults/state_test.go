package faults

import (
	"encoding/json"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"fondaco.dev/services/devnet/fault"
	"fondaco.dev/services/devnet/memchain"
)

// codeAt is the block in which the contract of stateRows got its code; far
// enough below the head that no reorganisation moves it.
const codeAt = 60

// stateRows are played with a contract whose first block has to be found, and
// with calls made at each event's block.
func stateRows(name string) []row {
	if name == "pruned-state" {
		empty := fault.Fault{Name: name, Params: fault.Params{K: 2}}
		return []row{
			{name: name + "/beside", endpoints: beside(named(name)), from: codeAt, reads: true, stays: true},
			{name: name + "/start-behind-a-liar", endpoints: [][]fault.Fault{{empty}, {{Name: "server-error", Params: fault.Params{P: 0.5}}}}, from: codeAt, quiet: true},
		}
	}
	rows := []row{
		{name: name + "/lifted", endpoints: lone(named(name)), from: codeAt, reads: true},
		{name: name + "/beside", endpoints: beside(named(name)), from: codeAt, reads: true, stays: true},
	}
	for _, f := range []string{"null-block", "server-error", "block-swap", "lagging-logs", "batch-holes", "truncated-json", "head-back"} {
		rows = append(rows, row{name: "reads+" + f, endpoints: lone(named(f)), reads: true})
	}
	return rows
}

// compareReads holds what was read with each event against what the chain
// answers at that event's block, and at no other.
func (w *world) compareReads() {
	w.t.Helper()
	var build string
	if err := w.pool.QueryRow(w.t.Context(), "select build from ctl.deployments").Scan(&build); err != nil {
		w.t.Fatal(err)
	}
	rows, err := w.pool.Query(w.t.Context(), "select block_number, block_hash, topics, reads from ix_"+build+".events where network = $1", w.file.Networks[0].Name)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var number uint64
		var hash, reads []byte
		var topics [][]byte
		if err := rows.Scan(&number, &hash, &topics, &reads); err != nil {
			w.t.Fatal(err)
		}
		n++
		var got map[string]string
		if err := json.Unmarshal(reads, &got); err != nil {
			w.t.Fatalf("block %d: %v in %s", number, err, reads)
		}
		block := common.BytesToHash(hash)
		balance := append(crypto.Keccak256([]byte("balanceOf(address)"))[:4], common.LeftPadBytes(common.BytesToAddress(topics[2]).Bytes(), 32)...)
		want := map[string]string{
			"supply": memchain.Answer(block, token, crypto.Keccak256([]byte("totalSupply()"))[:4]).Hex(),
			"of":     memchain.Answer(block, token, balance).Hex(),
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			w.t.Fatalf("block %d: read %v, want %v", number, got, want)
		}
	}
	if err := rows.Err(); err != nil || n == 0 {
		w.t.Fatal(n, err)
	}
}
