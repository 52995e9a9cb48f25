package writertest

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/crypto"
	"google.golang.org/protobuf/proto"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
)

// ERC20 is the ABI that test networks index.
const ERC20 = `[{"type":"event","name":"Transfer","inputs":[{"name":"from","type":"address","indexed":true},{"name":"to","type":"address","indexed":true},{"name":"value","type":"uint256"}]},
{"type":"event","name":"Approval","inputs":[{"name":"owner","type":"address","indexed":true},{"name":"spender","type":"address","indexed":true},{"name":"value","type":"uint256"}]}]`

// TransferTopic is topic 0 of ERC-20's Transfer.
var TransferTopic = crypto.Keccak256([]byte("Transfer(address,address,uint256)"))

// EVMNetwork indexes Transfer of every address.
func EVMNetwork(name string) config.Network {
	parsed, err := abi.JSON(strings.NewReader(ERC20))
	if err != nil {
		panic(err)
	}
	return config.Network{Name: name, Kind: config.KindEVM, ChainID: 1, RPC: []config.Endpoint{{URL: "http://127.0.0.1:1"}},
		Contracts: []config.Contract{{Name: "any-erc20", Any: true, ABIs: []config.ABI{
			{JSON: []byte(ERC20), Events: []abi.Event{parsed.Events["Transfer"]}, To: config.Open}}}}}
}

// Block makes the child of parent (nil = block 0) with n transfers; salt tells
// siblings apart.
func Block(parent *chainv1.Block, n int, salt uint64) *chainv1.Block {
	b := &chainv1.Block{ParentHash: make([]byte, 32), Time: 1_700_000_000}
	if parent != nil {
		b.Number, b.ParentHash, b.Time = parent.GetNumber()+1, parent.GetHash(), parent.GetTime()+1
	}
	seed := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(append([]byte{}, b.ParentHash...), salt), uint64(n))
	b.Hash = crypto.Keccak256(seed)
	b.Header = append([]byte("header "), b.Hash...)
	r := rand.New(rand.NewPCG(salt, b.Number))
	for i := range n {
		tx := uint32(i / 2)
		if i%2 == 0 {
			b.Txs = append(b.Txs, &chainv1.Tx{Index: tx, Hash: crypto.Keccak256(b.Hash, []byte{byte(tx), byte(tx >> 8)})})
		}
		value := make([]byte, 32)
		binary.BigEndian.PutUint64(value[24:], r.Uint64())
		b.Logs = append(b.Logs, &chainv1.Log{Address: b.Hash[:20], Topics: [][]byte{TransferTopic, word(r.Uint32N(5)), word(r.Uint32N(5))},
			Data: value, Index: uint32(i), TxIndex: tx})
	}
	b.TxCount = uint32(len(b.Txs))
	return b
}

func word(n uint32) []byte {
	w := make([]byte, 32)
	binary.BigEndian.PutUint32(w[28:], n)
	return w
}

// Units.
func U(b *chainv1.Block) *chainv1.Unit { return &chainv1.Unit{Kind: &chainv1.Unit_Block{Block: b}} }

// Revert makes a revert to b.
func Revert(b *chainv1.Block) *chainv1.Unit {
	return &chainv1.Unit{Kind: &chainv1.Unit_Reverted{Reverted: &chainv1.Reverted{ToNumber: b.GetNumber(), ToHash: b.GetHash()}}}
}

// Range makes a range that ends at b.
func Range(from uint64, b *chainv1.Block) *chainv1.Unit {
	return &chainv1.Unit{Kind: &chainv1.Unit_Range{Range: &chainv1.Range{From: from, To: b.GetNumber(), ToHash: b.GetHash()}}}
}

// Final makes a finality mark.
func Final(b *chainv1.Block) *chainv1.Unit {
	return &chainv1.Unit{Kind: &chainv1.Unit_Finalized{Finalized: &chainv1.Finalized{Number: b.GetNumber(), Hash: b.GetHash()}}}
}

// Abandon voids a block's parts.
func Abandon(b *chainv1.Block) *chainv1.Unit {
	return &chainv1.Unit{Kind: &chainv1.Unit_Abandon{Abandon: &chainv1.Abandon{Hash: b.GetHash()}}}
}

// Parts cuts a block into n parts.
func Parts(b *chainv1.Block, n int) []*chainv1.Unit {
	data, err := proto.Marshal(b)
	if err != nil {
		panic(err)
	}
	var out []*chainv1.Unit
	for i := range n {
		piece := data[len(data)*i/n : len(data)*(i+1)/n]
		out = append(out, &chainv1.Unit{Kind: &chainv1.Unit_Part{Part: &chainv1.BlockPart{Hash: b.GetHash(), I: uint32(i + 1), N: uint32(n), Data: piece}}})
	}
	return out
}

// Digest is an ordered hash over the canonical rows of a chain index; with
// positions when asked.
func (w *World) Digest(build string, positions bool) map[string]string {
	w.T.Helper()
	out := map[string]string{}
	for table, order := range map[string]string{
		"blocks": "network, number", "events": "network, block_number, log_index", "ranges": "network, from_number", "children": "network, contract, address",
		"casper_facts": "network, kind, key", "casper_blocks": "network, hash", "casper_deploys": "network, hash",
		"casper_transfers": "network, deploy_hash, idx", "casper_accounts": "network, account_hash",
		"casper_messages": "network, deploy_hash, idx", "casper_signatures": "network, block_hash",
	} {
		drop := "- 'pos'"
		if positions {
			drop = ""
		}
		out[table] = Value[string](w, `select count(*) || ' ' || coalesce(md5(string_agg((to_jsonb(t) `+drop+`)::text, E'\n' order by `+order+`)), '') from ix_`+build+`.`+table+` t`)
	}
	if positions {
		for table, order := range map[string]string{"reverts": "network, pos", "repairs": "network, pos", "orphaned_blocks": "revert_pos, network, number",
			"orphaned_events": "revert_pos, network, block_number, log_index", "casper_feed": "network, pos"} {
			out[table] = Value[string](w, `select count(*) || ' ' || coalesce(md5(string_agg(to_jsonb(t)::text, E'\n' order by `+order+`)), '') from ix_`+build+`.`+table+` t`)
		}
	}
	out["counts"] = Value[string](w, `select coalesce(string_agg(concat_ws(' ', network, kind, scope, bucket, n), E'\n' order by network, kind, scope, bucket), '') from ix_`+build+`.counts where n <> 0`)
	return out
}

// CheckCounts compares the totals of a build with what its rows say.
func (w *World) CheckCounts(build string) {
	w.T.Helper()
	const q = `
with truth as (
	select network, 'blocks' as kind, '' as scope, number / 1000 as bucket, count(*) as n from ix.blocks group by 1, 4
	union all select network, 'blocks', '', height / 1000, count(*) from ix.casper_blocks group by 1, 4
	union all select network, 'events', '', block_number / 1000, count(*) from ix.events group by 1, 4
	union all select network, 'account_deploys', account, timestamp_ms / 86400000, count(*) from ix.casper_deploys where account <> '' group by 1, 3, 4
), kept as (select network, kind, scope, bucket, n from ix.counts where n <> 0)
select coalesce(string_agg(d::text, ' '), '') from (
	(select 'missing', t.* from (select * from truth except select * from kept) t)
	union all (select 'wrong', t.* from (select * from kept except select * from truth) t)) d`
	if diff := Value[string](w, strings.ReplaceAll(q, "ix.", "ix_"+build+".")); diff != "" {
		w.T.Errorf("the totals of %s differ from its rows: %s", build, diff)
	}
	w.checkSums(build)
	w.checkCasper(build)
}

// checkSums compares both widths of sums with the rows of the chains.
func (w *World) checkSums(build string) {
	w.T.Helper()
	const q = `
with truth as (
	select network, 'blocks' as kind, number / 1000 as bucket from ix.blocks
	union all select network, 'blocks', height / 1000 from ix.casper_blocks
	union all select network, 'events', block_number / 1000 from ix.events
), wide as (
	select network, kind, width, bucket / width as bucket, count(*) as n from truth, (values (32), (1024)) as widths (width) group by 1, 2, 3, 4
), kept as (select network, kind, width, bucket, n from ix.sums where n <> 0)
select coalesce(string_agg(d::text, ' '), '') from (
	(select 'missing', t.* from (select * from wide except select * from kept) t)
	union all (select 'wrong', t.* from (select * from kept except select * from wide) t)) d`
	if diff := Value[string](w, strings.ReplaceAll(q, "ix.", "ix_"+build+".")); diff != "" {
		w.T.Errorf("the sums of %s differ from its rows: %s", build, diff)
	}
}

// checkCasper compares what is kept of accounts and signatures with what the
// rows say. Of a deploy by public key the account's row knows the key.
func (w *World) checkCasper(build string) {
	w.T.Helper()
	const q = `
with named as (
	select d.network, a.account_hash, d.timestamp_ms as ms, b.height, 1 as deploys, 0 as came, 0 as went
	from ix.casper_deploys d join ix.casper_accounts a on a.network = d.network and d.account in (a.public_key, a.account_hash)
	left join ix.casper_blocks b on b.network = d.network and b.hash = d.block_hash where d.account <> ''
	union all select t.network, t.from_account, t.timestamp_ms, b.height, 0, 0, 1
	from ix.casper_transfers t left join ix.casper_blocks b on b.network = t.network and b.hash = t.block_hash
	union all select t.network, t.to_account, t.timestamp_ms, b.height, 0, 1, 0
	from ix.casper_transfers t left join ix.casper_blocks b on b.network = t.network and b.hash = t.block_hash where t.to_account is not null
), truth as (
	select network, account_hash, min(ms), min(height), sum(deploys), sum(came), sum(went) from named group by 1, 2
	union all select network, left(key, 64), 0, 0, count(*), 0, 0 from ix.casper_facts where kind = 'FinalitySignature' group by 1, 2
), kept as (
	select network, account_hash, first_ms, first_height, deploys, transfers_in, transfers_out from ix.casper_accounts
	union all select network, block_hash, 0, 0, n, 0, 0 from ix.casper_signatures
)
select coalesce(string_agg(d::text, ' '), '') from (
	(select 'missing', t.* from (select * from truth except select * from kept) t)
	union all (select 'wrong', t.* from (select * from kept except select * from truth) t)) d`
	if diff := Value[string](w, strings.ReplaceAll(q, "ix.", "ix_"+build+".")); diff != "" {
		w.T.Errorf("what %s keeps of accounts and signatures differs from its rows: %s", build, diff)
	}
	unkeyed := Value[int64](w, strings.ReplaceAll(`select count(*) from ix.casper_deploys d where account <> '' and not exists
		(select from ix.casper_accounts a where a.network = d.network and d.account in (a.public_key, a.account_hash))`, "ix.", "ix_"+build+"."))
	if unkeyed != 0 {
		w.T.Errorf("%d deploys of %s are of accounts that have no row", unkeyed, build)
	}
}

// Exec runs a statement.
func (w *World) Exec(q string, args ...any) {
	w.T.Helper()
	if _, err := w.Pool.Exec(context.Background(), q, args...); err != nil {
		w.T.Fatalf("%s: %v", q, err)
	}
}
