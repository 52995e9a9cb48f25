package casper

import (
	"bytes"
	"encoding/json"
)

// The models below are the node's JSON, fields in its order; shapes as in
// recorded payloads and in the node's own JSON schema.

const noHash = "0000000000000000000000000000000000000000000000000000000000000000"

type publicKeys []string

type weight struct {
	Validator string `json:"validator"`
	Weight    string `json:"weight"`
}

type reward struct {
	Validator string `json:"validator"`
	Amount    uint64 `json:"amount"`
}

type proof struct {
	PublicKey string `json:"public_key"`
	Signature string `json:"signature"`
}

// header holds what both versions of a block header have.
type header struct {
	ParentHash      string `json:"parent_hash"`
	StateRootHash   string `json:"state_root_hash"`
	BodyHash        string `json:"body_hash"`
	RandomBit       bool   `json:"random_bit"`
	AccumulatedSeed string `json:"accumulated_seed"`
	EraEnd          any    `json:"era_end"` // nil, eraEndV1 or eraEndV2
	Timestamp       string `json:"timestamp"`
	EraID           uint64 `json:"era_id"`
	Height          uint64 `json:"height"`
	ProtocolVersion string `json:"protocol_version"`
}

type headerV2 struct {
	header
	Proposer            string  `json:"proposer"`
	CurrentGasPrice     uint8   `json:"current_gas_price"`
	LastSwitchBlockHash *string `json:"last_switch_block_hash"`
}

type eraEndV1 struct {
	EraReport struct {
		Equivocators       publicKeys `json:"equivocators"`
		Rewards            []reward   `json:"rewards"`
		InactiveValidators publicKeys `json:"inactive_validators"`
	} `json:"era_report"`
	NextEraValidatorWeights []weight `json:"next_era_validator_weights"`
}

type eraEndV2 struct {
	Equivocators            publicKeys          `json:"equivocators"`
	InactiveValidators      publicKeys          `json:"inactive_validators"`
	NextEraValidatorWeights []weight            `json:"next_era_validator_weights"`
	Rewards                 map[string][]string `json:"rewards"`
	NextEraGasPrice         uint8               `json:"next_era_gas_price"`
}

type bodyV1 struct {
	Proposer       string   `json:"proposer"`
	DeployHashes   []string `json:"deploy_hashes"`
	TransferHashes []string `json:"transfer_hashes"`
}

type bodyV2 struct {
	Transactions       map[string][]txHash `json:"transactions"` // by lane
	RewardedSignatures [][]int             `json:"rewarded_signatures"`
}

// txHash is {"Deploy": hash} or {"Version1": hash}.
type txHash map[string]string

type blockV1 struct {
	Hash   string  `json:"hash"`
	Header header  `json:"header"`
	Body   bodyV1  `json:"body"`
	Proofs []proof `json:"proofs"`
}

type blockV2 struct {
	Hash   string   `json:"hash"`
	Header headerV2 `json:"header"`
	Body   bodyV2   `json:"body"`
}

type approval struct {
	Signer    string `json:"signer"`
	Signature string `json:"signature"`
}

type deployHeader struct {
	Account      string   `json:"account"`
	Timestamp    string   `json:"timestamp"`
	TTL          string   `json:"ttl"`
	GasPrice     uint64   `json:"gas_price"`
	BodyHash     string   `json:"body_hash"`
	Dependencies []string `json:"dependencies"`
	ChainName    string   `json:"chain_name"`
}

type deploy struct {
	Hash      string         `json:"hash"`
	Header    deployHeader   `json:"header"`
	Payment   map[string]any `json:"payment"`
	Session   map[string]any `json:"session"`
	Approvals []approval     `json:"approvals"`
}

type transactionV1 struct {
	Hash      string     `json:"hash"`
	Payload   payloadV1  `json:"payload"`
	Approvals []approval `json:"approvals"`
}

type payloadV1 struct {
	InitiatorAddr map[string]string `json:"initiator_addr"`
	Timestamp     string            `json:"timestamp"`
	TTL           string            `json:"ttl"`
	ChainName     string            `json:"chain_name"`
	PricingMode   map[string]any    `json:"pricing_mode"`
	Fields        map[string]any    `json:"fields"`
}

// transferV1 is what WriteTransfer and chain_get_block_transfers hold.
type transferV1 struct {
	DeployHash string  `json:"deploy_hash"`
	From       string  `json:"from"`
	To         *string `json:"to"`
	Source     string  `json:"source"`
	Target     string  `json:"target"`
	Amount     string  `json:"amount"`
	Gas        string  `json:"gas"`
	ID         *uint64 `json:"id"`
}

type transferV2 struct {
	TransactionHash txHash            `json:"transaction_hash"`
	From            map[string]string `json:"from"`
	To              *string           `json:"to"`
	Source          string            `json:"source"`
	Target          string            `json:"target"`
	Amount          string            `json:"amount"`
	Gas             string            `json:"gas"`
	ID              *uint64           `json:"id"`
}

type effectV1 struct {
	Operations []any         `json:"operations"`
	Transforms []transformV1 `json:"transforms"`
}

type transformV1 struct {
	Key       string `json:"key"`
	Transform any    `json:"transform"`
}

type transformV2 struct {
	Key  string `json:"key"`
	Kind any    `json:"kind"`
}

type resultV1 struct {
	Effect       effectV1 `json:"effect"`
	Transfers    []string `json:"transfers"`
	Cost         string   `json:"cost"`
	ErrorMessage *string  `json:"error_message,omitempty"`
}

type resultV2 struct {
	Initiator    map[string]string `json:"initiator"`
	ErrorMessage *string           `json:"error_message"`
	CurrentPrice uint8             `json:"current_price"`
	Limit        string            `json:"limit"`
	Consumed     string            `json:"consumed"`
	Cost         string            `json:"cost"`
	Refund       string            `json:"refund"`
	Transfers    []any             `json:"transfers"`
	SizeEstimate uint64            `json:"size_estimate"`
	Effects      []transformV2     `json:"effects"`
}

type deployProcessed struct {
	DeployHash      string         `json:"deploy_hash"`
	Account         string         `json:"account"`
	Timestamp       string         `json:"timestamp"`
	TTL             string         `json:"ttl"`
	Dependencies    []string       `json:"dependencies"`
	BlockHash       string         `json:"block_hash"`
	ExecutionResult map[string]any `json:"execution_result"`
}

type transactionProcessed struct {
	TransactionHash txHash            `json:"transaction_hash"`
	InitiatorAddr   map[string]string `json:"initiator_addr"`
	Timestamp       string            `json:"timestamp"`
	TTL             string            `json:"ttl"`
	BlockHash       string            `json:"block_hash"`
	ExecutionResult map[string]any    `json:"execution_result"`
	Messages        []any             `json:"messages"`
}

type signatureV1 struct {
	BlockHash string `json:"block_hash"`
	EraID     uint64 `json:"era_id"`
	Signature string `json:"signature"`
	PublicKey string `json:"public_key"`
}

type signatureV2 struct {
	BlockHash     string `json:"block_hash"`
	BlockHeight   uint64 `json:"block_height"`
	EraID         uint64 `json:"era_id"`
	ChainNameHash string `json:"chain_name_hash"`
	Signature     string `json:"signature"`
	PublicKey     string `json:"public_key"`
}

type blockAdded struct {
	BlockHash string          `json:"block_hash"`
	Block     json.RawMessage `json:"block"`
}

// encode writes JSON as the node does: compact, and without Go's escapes for
// HTML.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("encoding a model of the node: " + err.Error()) // plain structs and maps
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
