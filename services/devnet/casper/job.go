package casper

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// job is one deploy (or, on 2.x, every second time a transaction) on its way
// through acceptance and execution.
type job struct {
	hash     string
	transfer bool
	legacy   bool // a Deploy; false = a Version1 transaction of protocol 2.x
	v2       bool
	from     key
	to       key
	amount   uint64
	id       *uint64
	stamp    string
	model    any // deploy or transactionV1
}

const ttl = "30m"

// job makes the i-th deploy of a block.
func (m *maker) job(r *rand.Rand, height uint64, i int, transfer bool, now time.Time) job {
	from := r.IntN(len(m.users))
	to := (from + 1 + r.IntN(len(m.users)-1)) % len(m.users)
	j := job{
		transfer: transfer,
		v2:       m.v2,
		legacy:   !m.v2 || i%2 == 0,
		from:     m.users[from],
		to:       m.users[to],
		amount:   2_500_000_000 + r.Uint64N(1<<42), // motes; 2.5 CSPR is the node's minimum
		stamp:    stamp(now.Add(-time.Duration(1+r.IntN(9000)) * time.Millisecond)),
	}
	if r.IntN(4) > 0 {
		id := r.Uint64N(1 << 40)
		j.id = &id
	}
	if j.legacy {
		m.deploy(&j, r, height, i)
	} else {
		m.transaction(&j, r, height, i)
	}
	return j
}

func (m *maker) deploy(j *job, r *rand.Rand, height uint64, i int) {
	payment := map[string]any{"ModuleBytes": map[string]any{
		"module_bytes": "", "args": []arg{{"amount", clU512(100_000_000)}},
	}}
	session := map[string]any{"Transfer": map[string]any{"args": []arg{
		{"amount", clU512(j.amount)}, {"target", clBytes32(j.to.account[len("account-hash-"):])}, {"id", clOptionU64(j.id)},
	}}}
	if !j.transfer {
		session = map[string]any{"StoredContractByHash": map[string]any{
			"hash":        digest(m.seed, "contract", r.IntN(3)),
			"entry_point": []string{"mint", "transfer", "approve", "set_uri"}[r.IntN(4)],
			"args": []arg{
				{"recipient", clPublicKey(j.to.public)},
				{"amount", clU512(1 + r.Uint64N(1000))},
				{"memo", clString("Käse & Wein")}, // not ASCII: byte counts differ from characters
			},
		}}
	}
	d := deploy{
		Header: deployHeader{
			Account: j.from.public, Timestamp: j.stamp, TTL: ttl, GasPrice: 1,
			BodyHash: digest(payment, session), Dependencies: []string{}, ChainName: m.cfg.ChainName,
		},
		Payment: payment,
		Session: session,
	}
	d.Hash = digest(m.seed, height, i, d.Header)
	d.Approvals = []approval{{j.from.public, j.from.sign(d.Hash)}}
	j.hash, j.model = d.Hash, d
}

func (m *maker) transaction(j *job, r *rand.Rand, height uint64, i int) {
	args := []arg{{"target", clPublicKey(j.to.public)}, {"amount", clU512(j.amount)}}
	if j.id != nil {
		args = append(args, arg{"id", clOptionU64(j.id)})
	}
	fields := map[string]any{
		"args": map[string]any{"Named": args}, "entry_point": "Transfer", "scheduling": "Standard", "target": "Native",
	}
	pricing := map[string]any{"Fixed": map[string]any{"additional_computation_factor": 0, "gas_price_tolerance": 1}}
	if !j.transfer {
		fields["entry_point"] = map[string]any{"Custom": "mint"}
		fields["target"] = map[string]any{"Stored": map[string]any{
			"id": map[string]any{"ByHash": digest(m.seed, "contract", r.IntN(3))}, "runtime": "VmCasperV1",
		}}
		pricing = map[string]any{"PaymentLimited": map[string]any{
			"payment_amount": 2_500_000_000, "gas_price_tolerance": 1, "standard_payment": true,
		}}
	}
	t := transactionV1{Payload: payloadV1{
		InitiatorAddr: map[string]string{"PublicKey": j.from.public},
		Timestamp:     j.stamp, TTL: ttl, ChainName: m.cfg.ChainName, PricingMode: pricing, Fields: fields,
	}}
	t.Hash = digest(m.seed, height, i, t.Payload)
	t.Approvals = []approval{{j.from.public, j.from.sign(t.Hash)}}
	j.hash, j.model = t.Hash, t
}

func (j *job) hashV2() txHash {
	if j.legacy {
		return txHash{"Deploy": j.hash}
	}
	return txHash{"Version1": j.hash}
}

// lane of a 2.x block: 0 holds native transfers, 5 small contract calls.
func (j *job) lane() string {
	if j.transfer {
		return "0"
	}
	return "5"
}

func (j *job) accepted() Event {
	switch {
	case !j.v2:
		return event("DeployAccepted", j.model)
	case j.legacy:
		return event("TransactionAccepted", map[string]any{"Deploy": j.model})
	default:
		return event("TransactionAccepted", map[string]any{"Version1": j.model})
	}
}

func (j *job) expired() Event {
	if j.v2 {
		return event("TransactionExpired", map[string]any{"transaction_hash": j.hashV2()})
	}
	return event("DeployExpired", map[string]any{"deploy_hash": j.hash})
}

// processed executes the job in a block. One contract call in six fails; a
// transfer always succeeds, and one in five has no target account.
func (j *job) processed(m *maker, r *rand.Rand, block string) Event {
	cost := uint64(100_000_000)
	var failure *string
	if !j.transfer {
		cost = 300_000_000 + r.Uint64N(8_000_000_000) // above 2^32 now and then
		if r.IntN(6) == 0 {
			text := []string{"Out of gas error", "User error: 1", "ApiError::MissingArgument [2]"}[r.IntN(3)]
			failure = &text
		}
	}
	to := &j.to.account
	if r.IntN(5) == 0 {
		to = nil
	}
	if j.v2 {
		return j.processedV2(block, cost, failure, to)
	}
	return j.processedV1(m, block, cost, failure, to)
}

func (j *job) processedV1(m *maker, block string, cost uint64, failure *string, to *string) Event {
	result := resultV1{Transfers: []string{}, Cost: fmt.Sprint(cost), ErrorMessage: failure}
	result.Effect = effectV1{[]any{}, []transformV1{
		{j.from.account, "Identity"},
		{"balance-" + j.from.purse, map[string]any{"WriteCLValue": clU512(1<<50 - j.amount)}},
		{"balance-" + j.to.purse, map[string]any{"AddUInt512": fmt.Sprint(j.amount)}},
	}}
	if j.transfer {
		address := "transfer-" + digest("transfer", j.hash)
		result.Transfers = []string{address}
		result.Effect.Transforms = append(result.Effect.Transforms, transformV1{address, map[string]any{"WriteTransfer": transferV1{
			DeployHash: j.hash, From: j.from.account, To: to,
			Source: "uref-" + j.from.purse + "-007", Target: "uref-" + j.to.purse + "-004",
			Amount: fmt.Sprint(j.amount), Gas: "0", ID: j.id,
		}}})
	}
	result.Effect.Transforms = append(result.Effect.Transforms,
		transformV1{"deploy-" + j.hash, map[string]any{"WriteDeployInfo": map[string]any{
			"deploy_hash": j.hash, "transfers": result.Transfers, "from": j.from.account,
			"source": "uref-" + j.from.purse + "-007", "gas": fmt.Sprint(cost),
		}}},
		transformV1{"balance-" + m.validators[0].purse, map[string]any{"AddUInt512": fmt.Sprint(cost)}})
	outcome := "Success"
	if failure != nil {
		outcome = "Failure"
	}
	return event("DeployProcessed", deployProcessed{
		DeployHash: j.hash, Account: j.from.public, Timestamp: j.stamp, TTL: ttl, Dependencies: []string{},
		BlockHash: block, ExecutionResult: map[string]any{outcome: result},
	})
}

func (j *job) processedV2(block string, cost uint64, failure *string, to *string) Event {
	initiator := map[string]string{"PublicKey": j.from.public}
	result := resultV2{
		Initiator: initiator, ErrorMessage: failure, CurrentPrice: 1,
		Limit: fmt.Sprint(cost + 2_000_000_000), Consumed: fmt.Sprint(cost), Cost: fmt.Sprint(cost), Refund: "0",
		Transfers: []any{}, SizeEstimate: 465,
		Effects: []transformV2{
			{"balance-" + j.from.purse, map[string]any{"Write": map[string]any{"CLValue": clU512(1<<50 - j.amount)}}},
			{"balance-" + j.to.purse, map[string]any{"AddUInt512": fmt.Sprint(j.amount)}},
		},
	}
	if j.transfer {
		result.Transfers = []any{map[string]any{"Version2": transferV2{
			TransactionHash: j.hashV2(), From: map[string]string{"AccountHash": j.from.account}, To: to,
			Source: "uref-" + j.from.purse + "-007", Target: "uref-" + j.to.purse + "-004",
			Amount: fmt.Sprint(j.amount), Gas: "100000000", ID: j.id,
		}}}
	}
	return event("TransactionProcessed", transactionProcessed{
		TransactionHash: j.hashV2(), InitiatorAddr: initiator, Timestamp: j.stamp, TTL: ttl,
		BlockHash: block, ExecutionResult: map[string]any{"Version2": result}, Messages: []any{},
	})
}
