package casper

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"
)

// tip is the block that the next one is built on.
type tip struct {
	hash       string
	height     uint64
	era        uint64
	switchHash string // last switch block, empty before there is one
	ends       bool   // it is a switch block: the next one begins an era
	exists     bool
}

// maker turns a number of deploys into the events of a block. It is a pure
// function of the chain's seed, the tip, the counts and the time.
type maker struct {
	cfg        Config
	seed       string
	v2         bool
	validators []key
	users      []key
}

func newMaker(cfg Config, seed string) *maker {
	m := &maker{cfg: cfg, seed: seed, v2: cfg.v2()}
	for i := range cfg.Validators {
		m.validators = append(m.validators, newKey(seed, "validator", i))
	}
	for i := range 8 {
		m.users = append(m.users, newKey(seed, "user", i))
	}
	return m
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// block makes the events of the next block, in the order in which the node
// sends them: acceptances, one signature that is ahead of its block, results,
// the block, the step that ends an era, the other signatures.
func (m *maker) block(on tip, deploys, transfers int, now time.Time) []Event {
	height, era := uint64(0), uint64(0)
	if on.exists {
		height, era = on.height+1, on.era
		if on.ends {
			era++
		}
	}
	r := source(m.seed, height, "block"+on.hash)
	ends := height == 0 || height%uint64(m.cfg.EraBlocks) == 0

	var jobs []job
	var events []Event
	for i := range deploys + transfers {
		j := m.job(r, height, i, i >= deploys, now)
		jobs = append(jobs, j)
		events = append(events, j.accepted())
	}
	hash, block := m.assemble(on, height, era, ends, jobs, r, now)
	signatures := m.signatures(hash, height, era)
	if height > 0 {
		events = append(events, signatures[0])
		signatures = signatures[1:]
	}
	for _, j := range jobs {
		events = append(events, j.processed(m, r, hash))
	}
	events = append(events, event("BlockAdded", blockAdded{hash, block}))
	if ends {
		events = append(events, m.step(r, era))
	}
	return append(events, signatures...)
}

// assemble builds the block and links it to its parent.
func (m *maker) assemble(on tip, height, era uint64, ends bool, jobs []job, r *rand.Rand, now time.Time) (string, json.RawMessage) {
	parent, proposer := on.hash, m.validators[r.IntN(len(m.validators))].public
	if !on.exists {
		parent, proposer = noHash, "00" // the genesis block has no parent and no proposer
	}
	h := header{
		ParentHash:      parent,
		StateRootHash:   digest(m.seed, "state", height, parent),
		RandomBit:       r.IntN(2) == 1,
		AccumulatedSeed: digest(m.seed, "accumulated", height, parent),
		Timestamp:       stamp(now),
		EraID:           era,
		Height:          height,
		ProtocolVersion: m.cfg.Protocol,
	}
	if m.v2 {
		body := bodyV2{Transactions: map[string][]txHash{}, RewardedSignatures: [][]int{{240}, {0}, {0}}}
		for _, j := range jobs {
			body.Transactions[j.lane()] = append(body.Transactions[j.lane()], j.hashV2())
		}
		h.BodyHash = digest(body)
		if ends {
			h.EraEnd = m.eraEndV2(r)
		}
		full := headerV2{header: h, Proposer: proposer, CurrentGasPrice: 1}
		if on.switchHash != "" {
			full.LastSwitchBlockHash = &on.switchHash
		}
		hash := digest(full)
		return hash, encode(map[string]any{"Version2": blockV2{hash, full, body}})
	}
	body := bodyV1{Proposer: proposer, DeployHashes: []string{}, TransferHashes: []string{}}
	for _, j := range jobs {
		if j.transfer {
			body.TransferHashes = append(body.TransferHashes, j.hash)
		} else {
			body.DeployHashes = append(body.DeployHashes, j.hash)
		}
	}
	h.BodyHash = digest(body)
	if ends {
		h.EraEnd = m.eraEndV1(r, height == 0)
	}
	hash := digest(h)
	return hash, encode(blockV1{hash, h, body, []proof{}})
}

func (m *maker) weights() []weight {
	ws := make([]weight, len(m.validators))
	for i, v := range m.validators {
		ws[i] = weight{v.public, fmt.Sprint(2_000_000_000_000_002 + 2*i)}
	}
	return ws
}

func (m *maker) eraEndV1(r *rand.Rand, genesis bool) eraEndV1 {
	var e eraEndV1
	e.EraReport.Equivocators, e.EraReport.InactiveValidators = publicKeys{}, publicKeys{}
	e.EraReport.Rewards = []reward{}
	if !genesis {
		for _, v := range m.validators {
			e.EraReport.Rewards = append(e.EraReport.Rewards, reward{v.public, 200_000_000_000 + r.Uint64N(1<<40)})
		}
	}
	e.NextEraValidatorWeights = m.weights()
	return e
}

func (m *maker) eraEndV2(r *rand.Rand) eraEndV2 {
	e := eraEndV2{publicKeys{}, publicKeys{}, m.weights(), map[string][]string{}, 1}
	for _, v := range m.validators {
		e.Rewards[v.public] = []string{fmt.Sprint(200_000_000_000 + r.Uint64N(1<<40))}
	}
	return e
}

func (m *maker) signatures(block string, height, era uint64) []Event {
	events := make([]Event, len(m.validators))
	for i, v := range m.validators {
		signature := v.sign(block + leU64(era))
		if m.v2 {
			events[i] = event("FinalitySignature", map[string]any{"V2": signatureV2{
				block, height, era, digest("chain name", m.cfg.ChainName), signature, v.public,
			}})
		} else {
			events[i] = event("FinalitySignature", signatureV1{block, era, signature, v.public})
		}
	}
	return events
}

// step is what a switch block does to the state: rewards and the auction.
func (m *maker) step(r *rand.Rand, era uint64) Event {
	uref := "uref-" + digest(m.seed, "auction") + "-000"
	count := clValue{"U64", leU64(era + 1), era + 1}
	if m.v2 {
		return event("Step", map[string]any{"era_id": era, "execution_effects": []transformV2{
			{uref, "Identity"},
			{uref, map[string]any{"Write": map[string]any{"CLValue": count}}},
			{"balance-" + m.validators[r.IntN(len(m.validators))].purse, map[string]any{"AddUInt512": "2000000000"}},
		}})
	}
	return event("Step", map[string]any{"era_id": era, "execution_effect": effectV1{[]any{}, []transformV1{
		{uref, "Identity"},
		{fmt.Sprintf("era-%d", era), map[string]any{"WriteEraInfo": map[string]any{"seigniorage_allocations": []any{
			map[string]any{"Validator": map[string]any{"validator_public_key": m.validators[0].public, "amount": "2000000000"}},
		}}}},
		{uref, map[string]any{"WriteCLValue": count}},
	}}})
}
