// Code generated from openapi.yaml by internal/clientgen; DO NOT EDIT.

package fondaco

import (
	"context"
	"net/url"
)

type AmendElement struct {
	Op            string `json:"op"`
	ClientOrderID string `json:"client_order_id,omitempty"`
	ClientRef     uint64 `json:"client_ref,omitempty"`
	ID            uint64 `json:"id,omitempty"`
	Price         string `json:"price,omitempty"`    // A decimal above 0 without an exponent.
	Quantity      string `json:"quantity,omitempty"` // A decimal above 0 without an exponent.
}

// AnyBlock: one of several; it has the members of all.
type AnyBlock struct {
	Network                     string   `json:"network,omitempty"`
	Number                      uint64   `json:"number,omitempty"`
	Hash                        string   `json:"hash,omitempty"`
	ParentHash                  string   `json:"parent_hash,omitempty"`
	Time                        uint64   `json:"time,omitempty"`
	TxCount                     int64    `json:"tx_count,omitempty"`
	LogCount                    int64    `json:"log_count,omitempty"` // Logs that the network's filter matched.
	Finalized                   bool     `json:"finalized,omitempty"`
	BlockHash                   string   `json:"blockHash,omitempty"`
	CasperSignedBlockParentHash string   `json:"parentHash,omitempty"`
	Timestamp                   string   `json:"timestamp,omitempty"`
	EraId                       uint64   `json:"eraId,omitempty"`
	Proposer                    string   `json:"proposer,omitempty"`
	State                       string   `json:"state,omitempty"`
	Height                      uint64   `json:"height,omitempty"`
	Deploys                     []string `json:"deploys,omitempty"`
	DeployCount                 int64    `json:"deployCount,omitempty"`
	StateRootHash               string   `json:"stateRootHash,omitempty"`
	Signatures                  int64    `json:"signatures,omitempty"`
}

// AnyListedBlock: one of several; it has the members of all.
type AnyListedBlock struct {
	Network                     string   `json:"network,omitempty"`
	Number                      uint64   `json:"number,omitempty"`
	Hash                        string   `json:"hash,omitempty"`
	ParentHash                  string   `json:"parent_hash,omitempty"`
	Time                        uint64   `json:"time,omitempty"`
	TxCount                     int64    `json:"tx_count,omitempty"`
	LogCount                    int64    `json:"log_count,omitempty"` // Logs that the network's filter matched.
	Finalized                   bool     `json:"finalized,omitempty"`
	Orphaned                    bool     `json:"orphaned,omitempty"` // No longer part of the chain.
	RemovedAt                   uint64   `json:"removed_at,omitempty"`
	BlockHash                   string   `json:"blockHash,omitempty"`
	CasperSignedBlockParentHash string   `json:"parentHash,omitempty"`
	Timestamp                   string   `json:"timestamp,omitempty"`
	EraId                       uint64   `json:"eraId,omitempty"`
	Proposer                    string   `json:"proposer,omitempty"`
	State                       string   `json:"state,omitempty"`
	Height                      uint64   `json:"height,omitempty"`
	Deploys                     []string `json:"deploys,omitempty"`
	DeployCount                 int64    `json:"deployCount,omitempty"`
	StateRootHash               string   `json:"stateRootHash,omitempty"`
	Signatures                  int64    `json:"signatures,omitempty"`
}

type Auction struct {
	Seq         uint64  `json:"seq"`
	Price       *string `json:"price"` // null: nothing crossed.
	Volume      string  `json:"volume"`
	Surplus     string  `json:"surplus"` // Bought minus sold that was left over.
	Reference   *string `json:"reference"`
	BeganAt     string  `json:"began_at"`
	At          string  `json:"at"`
	DurationMS  int64   `json:"duration_ms"`
	InputDigest string  `json:"input_digest"`
}

type AuctionList struct {
	Data []Auction `json:"data"`
	Next *string   `json:"next"` // The cursor of what follows; null when nothing does.
	More bool      `json:"more"` // Whether there is more now.
}

type Balance struct {
	Asset     string `json:"asset"`
	Available string `json:"available"`
	Reserved  string `json:"reserved"`
}

type BalanceList struct {
	Data []Balance `json:"data"`
	Next *string   `json:"next"` // The cursor of what follows; null when nothing does.
	More bool      `json:"more"` // Whether there is more now.
}

type Batch []BatchElement

// BatchElement: one of several; it has the members of all.
type BatchElement struct {
	Op                  string    `json:"op"`
	Symbol              string    `json:"symbol,omitempty"`
	Side                string    `json:"side,omitempty"`
	ClientOrderID       string    `json:"client_order_id,omitempty"`  // Unique among the account's orders; the server makes one when neither this nor client_ref is given.
	ClientRef           uint64    `json:"client_ref,omitempty"`       // A number instead of a client_order_id.
	DisplayQuantity     string    `json:"display_quantity,omitempty"` // What is shown at a time.
	ExpiresAt           string    `json:"expires_at,omitempty"`       // Of GTD orders, a time or Unix milliseconds.
	MinQuantity         string    `json:"min_quantity,omitempty"`     // Trades this much at once or nothing.
	PostOnly            bool      `json:"post_only,omitempty"`        // Refused instead of trading at once.
	Price               string    `json:"price,omitempty"`            // A decimal without an exponent.
	ProtectionPrice     string    `json:"protection_price,omitempty"` // The worst price at which an order at market trades.
	Quantity            string    `json:"quantity,omitempty"`         // A decimal without an exponent.
	QuoteBudget         string    `json:"quote_budget,omitempty"`     // Another name of quote_quantity.
	QuoteQuantity       string    `json:"quote_quantity,omitempty"`   // Of orders that buy at market instead of a quantity.
	SelfTradePrevention string    `json:"self_trade_prevention,omitempty"`
	TimeInForce         string    `json:"time_in_force,omitempty"` // GTC when it is absent, IOC for what trades at market, which takes IOC and FOK only.
	Trail               string    `json:"trail,omitempty"`         // How far the trigger stays behind the best price.
	TriggerPrice        string    `json:"trigger_price,omitempty"` // The last price at which a stop becomes active.
	Type                string    `json:"type,omitempty"`          // limit when it is absent.
	ID                  uint64    `json:"id,omitempty"`
	Order               *NewOrder `json:"order,omitempty"`
	First               *NewOrder `json:"first,omitempty"`
	Second              *NewOrder `json:"second,omitempty"`
}

// Block: A block of an EVM network.
type Block struct {
	Network    string `json:"network"`
	Number     uint64 `json:"number"`
	Hash       string `json:"hash"`
	ParentHash string `json:"parent_hash"`
	Time       uint64 `json:"time"`
	TxCount    int64  `json:"tx_count"`
	LogCount   int64  `json:"log_count"` // Logs that the network's filter matched.
	Finalized  bool   `json:"finalized"`
}

type CancelElement struct {
	Op            string `json:"op"`
	ClientOrderID string `json:"client_order_id,omitempty"`
	ClientRef     uint64 `json:"client_ref,omitempty"`
	ID            uint64 `json:"id,omitempty"`
}

type Canceled struct {
	Canceled int64 `json:"canceled"` // So far.
}

type Candle struct {
	Symbol      string   `json:"symbol"`
	Interval    Interval `json:"interval"`
	OpenAt      string   `json:"open_at"`
	Open        string   `json:"open"`
	High        string   `json:"high"`
	Low         string   `json:"low"`
	Close       string   `json:"close"`
	Volume      string   `json:"volume"`
	QuoteVolume string   `json:"quote_volume"`
	Trades      int64    `json:"trades"`
}

type CandleList struct {
	Data []Candle `json:"data"`
	Next *string  `json:"next"` // The cursor of what follows; null when nothing does.
	More bool     `json:"more"` // Whether there is more now.
}

type CasperAccount struct {
	Network      string  `json:"network"`
	AccountHash  string  `json:"account_hash"`
	PublicKey    *string `json:"public_key"` // null: never seen; a hash does not tell it.
	FirstSeen    string  `json:"first_seen"`
	FirstBlock   *int64  `json:"first_block"`
	Deploys      int64   `json:"deploys"`
	TransfersIn  int64   `json:"transfers_in"`
	TransfersOut int64   `json:"transfers_out"`
}

type CasperBlock struct {
	BlockHash     string   `json:"blockHash"`
	ParentHash    string   `json:"parentHash"`
	Timestamp     string   `json:"timestamp"`
	EraId         uint64   `json:"eraId"`
	Proposer      string   `json:"proposer"`
	State         string   `json:"state"`
	Height        uint64   `json:"height"`
	Deploys       []string `json:"deploys"`
	DeployCount   int64    `json:"deployCount"`
	StateRootHash string   `json:"stateRootHash"`
}

type CasperBlockPage struct {
	Data      []CasperBlock    `json:"data"`
	PageCount int64            `json:"pageCount"`
	ItemCount int64            `json:"itemCount"`
	Pages     []CasperPageLink `json:"pages"`
}

type CasperDeploy struct {
	DeployHash   string   `json:"deployHash"`
	Account      string   `json:"account"`
	State        string   `json:"state"`
	Cost         any      `json:"cost"` // A number up to 2^53-1, a string above, null while it is unknown.
	CostMotes    *string  `json:"costMotes"`
	ErrorMessage *string  `json:"errorMessage"`
	BlockHash    *string  `json:"blockHash"`
	Timestamp    string   `json:"timestamp"`
	Transfers    []string `json:"transfers"`
	Version      string   `json:"version,omitempty"`
}

type CasperDeployPage struct {
	Data      []CasperDeploy   `json:"data"`
	PageCount int64            `json:"pageCount"`
	ItemCount int64            `json:"itemCount"`
	Pages     []CasperPageLink `json:"pages"`
}

// CasperMessage: What a contract said; one of text and bytes is set.
type CasperMessage struct {
	Network         string  `json:"network"`
	TransactionHash string  `json:"transaction_hash"`
	Index           int64   `json:"index"`
	Entity          string  `json:"entity"`
	EntityName      string  `json:"entity_name"`
	Topic           string  `json:"topic"`
	TopicHash       string  `json:"topic_hash"`
	TopicIndex      string  `json:"topic_index"`
	BlockIndex      string  `json:"block_index"`
	Text            *string `json:"text"`
	Bytes           *string `json:"bytes"` // Hex.
	BlockHash       string  `json:"block_hash"`
	Timestamp       string  `json:"timestamp"`
}

type CasperMessageList struct {
	Data []CasperMessage `json:"data"`
	Next *string         `json:"next"` // The cursor of what follows; null when nothing does.
	More bool            `json:"more"` // Whether there is more now.
}

type CasperPageLink struct {
	Number int64  `json:"number"`
	URL    string `json:"url"`
}

// CasperSignedBlock: A block of a Casper network, with the number of validators whose finality
// signature of it is stored.
type CasperSignedBlock struct {
	BlockHash     string   `json:"blockHash"`
	ParentHash    string   `json:"parentHash"`
	Timestamp     string   `json:"timestamp"`
	EraId         uint64   `json:"eraId"`
	Proposer      string   `json:"proposer"`
	State         string   `json:"state"`
	Height        uint64   `json:"height"`
	Deploys       []string `json:"deploys"`
	DeployCount   int64    `json:"deployCount"`
	StateRootHash string   `json:"stateRootHash"`
	Signatures    int64    `json:"signatures"`
}

type CasperTransfer struct {
	TransferHash string  `json:"transferHash"`
	DeployHash   string  `json:"deployHash"`
	BlockHash    string  `json:"blockHash"`
	FromAccount  string  `json:"fromAccount"`
	ToAccount    *string `json:"toAccount"`
	SourcePurse  string  `json:"sourcePurse"`
	TargetPurse  string  `json:"targetPurse"`
	Amount       string  `json:"amount"`
	Gas          string  `json:"gas"`
	ID           *string `json:"id"`
	Timestamp    string  `json:"timestamp"`
}

// ChangedOrder: one of several; it has the members of all.
type ChangedOrder struct {
	ID                  uint64      `json:"id"`
	ClientOrderID       string      `json:"client_order_id,omitempty"`
	Symbol              string      `json:"symbol,omitempty"`
	Side                Side        `json:"side,omitempty"`
	Type                OrderType   `json:"type,omitempty"`
	TimeInForce         TimeInForce `json:"time_in_force,omitempty"`
	Price               string      `json:"price,omitempty"`
	Quantity            string      `json:"quantity,omitempty"`
	Filled              string      `json:"filled,omitempty"`
	Remaining           string      `json:"remaining,omitempty"`
	Status              OrderStatus `json:"status"`
	Reason              string      `json:"reason,omitempty"` // Why it was refused or canceled.
	Fills               []Fill      `json:"fills,omitempty"`
	ClientRef           uint64      `json:"client_ref,omitempty"`
	CreatedAt           string      `json:"created_at,omitempty"`
	DisplayQuantity     string      `json:"display_quantity,omitempty"`
	ExpiresAt           string      `json:"expires_at,omitempty"`
	MinQuantity         string      `json:"min_quantity,omitempty"`
	OtherLeg            uint64      `json:"other_leg,omitempty"` // The other order of a pair.
	PostOnly            bool        `json:"post_only,omitempty"`
	ProtectionPrice     string      `json:"protection_price,omitempty"`
	QuoteQuantity       string      `json:"quote_quantity,omitempty"`
	SelfTradePrevention SelfTrade   `json:"self_trade_prevention,omitempty"`
	Trail               string      `json:"trail,omitempty"`
	TriggerPrice        string      `json:"trigger_price,omitempty"`
	UpdatedAt           string      `json:"updated_at,omitempty"`
	Message             string      `json:"message,omitempty"`
	Repeated            bool        `json:"repeated,omitempty"`  // The command was carried out before.
	SecondID            uint64      `json:"second_id,omitempty"` // The second order of a pair.
}

// DatabaseServer: A Postgres server, and how far it is. lag_ms is for how long it has lacked
// something that the primary holds.
type DatabaseServer struct {
	Name        string         `json:"name"`
	Role        string         `json:"role"`
	Serving     bool           `json:"serving"`
	LagMS       *int64         `json:"lag_ms"`
	Positions   map[string]any `json:"positions"`
	Behind      map[string]any `json:"behind,omitempty"`
	Reason      string         `json:"reason,omitempty"`
	ReplayAgeMS int64          `json:"replay_age_ms,omitempty"`
}

// Depth: seq is the id of this state of the book, the same over REST and WebSocket. checksum is the
// CRC-32 of the best ten levels a side, see asyncapi.json.
type Depth struct {
	Seq      uint64  `json:"seq"`
	Bids     []Level `json:"bids"`
	Asks     []Level `json:"asks"`
	Checksum int64   `json:"checksum"`
}

// Event: A log with its decoded arguments. args is {} and event "" when it was not decoded, and
// decode_error says why.
type Event struct {
	Network     string         `json:"network"`
	BlockNumber uint64         `json:"block_number"`
	BlockHash   string         `json:"block_hash"`
	BlockTime   uint64         `json:"block_time"`
	TxHash      string         `json:"tx_hash"`
	TxIndex     int64          `json:"tx_index"`
	LogIndex    int64          `json:"log_index"`
	Address     string         `json:"address"`
	Contract    string         `json:"contract"`
	Event       string         `json:"event"`
	Args        map[string]any `json:"args"` // By name; whole numbers are decimal strings.
	Topics      []string       `json:"topics"`
	Data        string         `json:"data"`
	Finalized   bool           `json:"finalized"`
	DecodeError string         `json:"decode_error,omitempty"`
	Reads       map[string]any `json:"reads,omitempty"` // The contract's calls at the block's hash, by name.
}

// Failure: Nothing was changed.
type Failure struct {
	Error FailureReason `json:"error"`
}

type FailureReason struct {
	Code         ProblemCode `json:"code"`
	Message      string      `json:"message"`
	Allowed      []string    `json:"allowed,omitempty"`
	Parameter    string      `json:"parameter,omitempty"`
	RetryAfterMS int64       `json:"retry_after_ms,omitempty"`
}

type FieldError struct {
	Field   string      `json:"field"`
	Code    ProblemCode `json:"code"`
	Message string      `json:"message"`
	Allowed []string    `json:"allowed,omitempty"`
}

type Fill struct {
	Price    string `json:"price"`
	Quantity string `json:"quantity"`
	Fee      string `json:"fee"`
	TradeID  uint64 `json:"trade_id"`
}

type Indication struct {
	Seq       uint64  `json:"seq"`
	Price     *string `json:"price"`
	Volume    string  `json:"volume"`
	Surplus   string  `json:"surplus"`
	Reference *string `json:"reference"`
}

type Interval string

const (
	Interval1s  Interval = "1s"
	Interval1m  Interval = "1m"
	Interval5m  Interval = "5m"
	Interval15m Interval = "15m"
	Interval1h  Interval = "1h"
	Interval4h  Interval = "4h"
	Interval1d  Interval = "1d"
)

type KeepAlive struct {
	TimeoutMS uint64 `json:"timeout_ms"`
}

type KeptAlive struct {
	TimeoutMS int64 `json:"timeout_ms"`
}

// Level: Price and quantity.
type Level []string

// LevelOrNull: Price and quantity.
type LevelOrNull []string

// ListedBlock: A block of an EVM network in a list.
type ListedBlock struct {
	Network    string `json:"network"`
	Number     uint64 `json:"number"`
	Hash       string `json:"hash"`
	ParentHash string `json:"parent_hash"`
	Time       uint64 `json:"time"`
	TxCount    int64  `json:"tx_count"`
	LogCount   int64  `json:"log_count"` // Logs that the network's filter matched.
	Finalized  bool   `json:"finalized"`
	Orphaned   bool   `json:"orphaned,omitempty"` // No longer part of the chain.
	RemovedAt  uint64 `json:"removed_at,omitempty"`
}

type ListedBlockList struct {
	Data []AnyListedBlock `json:"data"`
	Next *string          `json:"next"` // The cursor of what follows; null when nothing does.
	More bool             `json:"more"` // Whether there is more now.
}

// ListedEvent: A log with its decoded arguments. args is {} and event "" when it was not decoded, and
// decode_error says why.
type ListedEvent struct {
	Network     string         `json:"network"`
	BlockNumber uint64         `json:"block_number"`
	BlockHash   string         `json:"block_hash"`
	BlockTime   uint64         `json:"block_time"`
	TxHash      string         `json:"tx_hash"`
	TxIndex     int64          `json:"tx_index"`
	LogIndex    int64          `json:"log_index"`
	Address     string         `json:"address"`
	Contract    string         `json:"contract"`
	Event       string         `json:"event"`
	Args        map[string]any `json:"args"` // By name; whole numbers are decimal strings.
	Topics      []string       `json:"topics"`
	Data        string         `json:"data"`
	Finalized   bool           `json:"finalized"`
	DecodeError string         `json:"decode_error,omitempty"`
	Orphaned    bool           `json:"orphaned,omitempty"` // No longer part of the chain.
	Reads       map[string]any `json:"reads,omitempty"`    // The contract's calls at the block's hash, by name.
	RemovedAt   uint64         `json:"removed_at,omitempty"`
}

type ListedEventList struct {
	Data []ListedEvent `json:"data"`
	Next *string       `json:"next"` // The cursor of what follows; null when nothing does.
	More bool          `json:"more"` // Whether there is more now.
}

// Market: A pair and its rules; a limit that is null does not exist.
type Market struct {
	Symbol      string       `json:"symbol"`
	Base        string       `json:"base"`
	Quote       string       `json:"quote"`
	Tick        string       `json:"tick"` // Prices are whole multiples of it.
	Lot         string       `json:"lot"`  // Quantities are whole multiples of it.
	MakerFeePPM int64        `json:"maker_fee_ppm"`
	TakerFeePPM int64        `json:"taker_fee_ppm"`
	Phase       string       `json:"phase"`
	PhaseEndsAt *string      `json:"phase_ends_at"`
	OneSide     bool         `json:"one_side"`    // An account has orders on one side at a time.
	DayEndsMS   int64        `json:"day_ends_ms"` // After midnight UTC.
	Limits      MarketLimits `json:"limits"`
}

type MarketLimits struct {
	MinQuantity    *string `json:"min_quantity"`
	MaxQuantity    *string `json:"max_quantity"`
	MinNotional    *string `json:"min_notional"`
	MaxNotional    *string `json:"max_notional"`
	CollarPPM      *int64  `json:"collar_ppm"`
	PausePPM       *int64  `json:"pause_ppm"`
	PauseMS        *int64  `json:"pause_ms"`
	ReferencePrice *string `json:"reference_price"`
}

type MarketList struct {
	Data []Market `json:"data"`
	Next *string  `json:"next"` // The cursor of what follows; null when nothing does.
	More bool     `json:"more"` // Whether there is more now.
}

type Network struct {
	Name         string  `json:"name"`
	Kind         string  `json:"kind"`
	Head         *uint64 `json:"head"`
	Indexed      *uint64 `json:"indexed"`
	Finalized    *uint64 `json:"finalized"`
	LagBlocks    *uint64 `json:"lag_blocks"`
	Status       string  `json:"status"`
	CompleteFrom *uint64 `json:"complete_from"`       // From here to indexed nothing that the configuration selects is missing; null: no such promise can be made.
	CheckedTo    *uint64 `json:"checked_to"`          // Up to here final blocks were read twice.
	Assurance    string  `json:"assurance,omitempty"` // What an absent event was excluded by.
	ChainID      uint64  `json:"chain_id,omitempty"`
	Holes        uint64  `json:"holes,omitempty"`
	NodeStatus   string  `json:"node_status,omitempty"`
	Problem      string  `json:"problem,omitempty"` // Why the network stands still.
}

type NetworkList struct {
	Data []Network `json:"data"`
	Next *string   `json:"next"` // The cursor of what follows; null when nothing does.
	More bool      `json:"more"` // Whether there is more now.
}

type NewOrder struct {
	Symbol              string `json:"symbol"`
	Side                string `json:"side"`
	ClientOrderID       string `json:"client_order_id,omitempty"`  // Unique among the account's orders; the server makes one when neither this nor client_ref is given.
	ClientRef           uint64 `json:"client_ref,omitempty"`       // A number instead of a client_order_id.
	DisplayQuantity     string `json:"display_quantity,omitempty"` // What is shown at a time.
	ExpiresAt           string `json:"expires_at,omitempty"`       // Of GTD orders, a time or Unix milliseconds.
	MinQuantity         string `json:"min_quantity,omitempty"`     // Trades this much at once or nothing.
	PostOnly            bool   `json:"post_only,omitempty"`        // Refused instead of trading at once.
	Price               string `json:"price,omitempty"`            // A decimal without an exponent.
	ProtectionPrice     string `json:"protection_price,omitempty"` // The worst price at which an order at market trades.
	Quantity            string `json:"quantity,omitempty"`         // A decimal without an exponent.
	QuoteBudget         string `json:"quote_budget,omitempty"`     // Another name of quote_quantity.
	QuoteQuantity       string `json:"quote_quantity,omitempty"`   // Of orders that buy at market instead of a quantity.
	SelfTradePrevention string `json:"self_trade_prevention,omitempty"`
	TimeInForce         string `json:"time_in_force,omitempty"` // GTC when it is absent, IOC for what trades at market, which takes IOC and FOK only.
	Trail               string `json:"trail,omitempty"`         // How far the trigger stays behind the best price.
	TriggerPrice        string `json:"trigger_price,omitempty"` // The last price at which a stop becomes active.
	Type                string `json:"type,omitempty"`          // limit when it is absent.
}

// NewPair: Both of one market and on one side.
type NewPair struct {
	First  NewOrder `json:"first"`
	Second NewOrder `json:"second"`
}

type NewTerms struct {
	Price    string `json:"price,omitempty"`    // A decimal above 0 without an exponent.
	Quantity string `json:"quantity,omitempty"` // A decimal above 0 without an exponent.
}

// Order: price is null for orders at market, and quantity for those with a budget. What few orders
// have is absent from the others.
type Order struct {
	ID                  uint64      `json:"id"`
	ClientOrderID       string      `json:"client_order_id"`
	Symbol              *string     `json:"symbol"`
	Side                Side        `json:"side"`
	Type                OrderType   `json:"type"`
	TimeInForce         TimeInForce `json:"time_in_force"`
	Price               *string     `json:"price"`
	Quantity            *string     `json:"quantity"`
	Filled              string      `json:"filled"`
	Remaining           *string     `json:"remaining"`
	Status              OrderStatus `json:"status"`
	Reason              *string     `json:"reason"` // Why it was refused or canceled.
	Fills               []Fill      `json:"fills"`
	ClientRef           uint64      `json:"client_ref,omitempty"`
	CreatedAt           string      `json:"created_at,omitempty"`
	DisplayQuantity     string      `json:"display_quantity,omitempty"`
	ExpiresAt           string      `json:"expires_at,omitempty"`
	MinQuantity         string      `json:"min_quantity,omitempty"`
	OtherLeg            uint64      `json:"other_leg,omitempty"` // The other order of a pair.
	PostOnly            bool        `json:"post_only,omitempty"`
	ProtectionPrice     string      `json:"protection_price,omitempty"`
	QuoteQuantity       string      `json:"quote_quantity,omitempty"`
	SelfTradePrevention SelfTrade   `json:"self_trade_prevention,omitempty"`
	Trail               string      `json:"trail,omitempty"`
	TriggerPrice        string      `json:"trigger_price,omitempty"`
	UpdatedAt           string      `json:"updated_at,omitempty"`
}

type OrderList struct {
	Data []Order `json:"data"`
	Next *string `json:"next"` // The cursor of what follows; null when nothing does.
	More bool    `json:"more"` // Whether there is more now.
}

type OrderPair struct {
	Data []Order `json:"data"`
}

// OrderResult: What became of a command.
type OrderResult struct {
	ID            uint64      `json:"id"`
	Status        OrderStatus `json:"status"`
	ClientOrderID string      `json:"client_order_id,omitempty"`
	ClientRef     uint64      `json:"client_ref,omitempty"`
	Filled        string      `json:"filled,omitempty"`
	Fills         []Fill      `json:"fills,omitempty"`
	Message       string      `json:"message,omitempty"`
	Reason        string      `json:"reason,omitempty"`
	Remaining     string      `json:"remaining,omitempty"`
	Repeated      bool        `json:"repeated,omitempty"`  // The command was carried out before.
	SecondID      uint64      `json:"second_id,omitempty"` // The second order of a pair.
}

type OrderStatus string

const (
	OrderStatusOpen            OrderStatus = "open"
	OrderStatusPartiallyFilled OrderStatus = "partially_filled"
	OrderStatusFilled          OrderStatus = "filled"
	OrderStatusCanceled        OrderStatus = "canceled"
	OrderStatusRejected        OrderStatus = "rejected"
	OrderStatusExpired         OrderStatus = "expired"
	OrderStatusWaiting         OrderStatus = "waiting"
)

type OrderType string

const (
	OrderTypeLimit           OrderType = "limit"
	OrderTypeMarket          OrderType = "market"
	OrderTypeStop            OrderType = "stop"
	OrderTypeStopLimit       OrderType = "stop_limit"
	OrderTypeTakeProfit      OrderType = "take_profit"
	OrderTypeTakeProfitLimit OrderType = "take_profit_limit"
	OrderTypeTrailingStop    OrderType = "trailing_stop"
)

// Outcome: one of several; it has the members of all.
type Outcome struct {
	ID            uint64         `json:"id,omitempty"`
	Status        OrderStatus    `json:"status,omitempty"`
	ClientOrderID string         `json:"client_order_id,omitempty"`
	ClientRef     uint64         `json:"client_ref,omitempty"`
	Filled        string         `json:"filled,omitempty"`
	Fills         []Fill         `json:"fills,omitempty"`
	Message       string         `json:"message,omitempty"`
	Reason        string         `json:"reason,omitempty"`
	Remaining     string         `json:"remaining,omitempty"`
	Repeated      bool           `json:"repeated,omitempty"`  // The command was carried out before.
	SecondID      uint64         `json:"second_id,omitempty"` // The second order of a pair.
	Error         *FailureReason `json:"error,omitempty"`
}

type OutcomeList struct {
	Data []Outcome `json:"data"`
}

type PairElement struct {
	Op     string   `json:"op"`
	First  NewOrder `json:"first"`
	Second NewOrder `json:"second"`
}

// Place: An order's place in a queue of the book.
type Place struct {
	OrderID   uint64 `json:"order_id"`
	Account   uint64 `json:"account"`
	Side      Side   `json:"side"`
	Price     string `json:"price"`
	Remaining string `json:"remaining"`
	Visible   string `json:"visible"`
	Queue     uint64 `json:"queue"` // Of two orders at one price the lower one is first.
}

type PlaceElement struct {
	Op                  string `json:"op"`
	Symbol              string `json:"symbol"`
	Side                string `json:"side"`
	ClientOrderID       string `json:"client_order_id,omitempty"`  // Unique among the account's orders; the server makes one when neither this nor client_ref is given.
	ClientRef           uint64 `json:"client_ref,omitempty"`       // A number instead of a client_order_id.
	DisplayQuantity     string `json:"display_quantity,omitempty"` // What is shown at a time.
	ExpiresAt           string `json:"expires_at,omitempty"`       // Of GTD orders, a time or Unix milliseconds.
	MinQuantity         string `json:"min_quantity,omitempty"`     // Trades this much at once or nothing.
	PostOnly            bool   `json:"post_only,omitempty"`        // Refused instead of trading at once.
	Price               string `json:"price,omitempty"`            // A decimal without an exponent.
	ProtectionPrice     string `json:"protection_price,omitempty"` // The worst price at which an order at market trades.
	Quantity            string `json:"quantity,omitempty"`         // A decimal without an exponent.
	QuoteBudget         string `json:"quote_budget,omitempty"`     // Another name of quote_quantity.
	QuoteQuantity       string `json:"quote_quantity,omitempty"`   // Of orders that buy at market instead of a quantity.
	SelfTradePrevention string `json:"self_trade_prevention,omitempty"`
	TimeInForce         string `json:"time_in_force,omitempty"` // GTC when it is absent, IOC for what trades at market, which takes IOC and FOK only.
	Trail               string `json:"trail,omitempty"`         // How far the trigger stays behind the best price.
	TriggerPrice        string `json:"trigger_price,omitempty"` // The last price at which a stop becomes active.
	Type                string `json:"type,omitempty"`          // limit when it is absent.
}

// Problem: RFC 9457. The code is stable; the sentences are for people.
type Problem struct {
	Type         string       `json:"type"`
	Title        string       `json:"title"`
	Status       int64        `json:"status"`
	Code         ProblemCode  `json:"code"`
	Allowed      []string     `json:"allowed,omitempty"` // What would be right.
	Detail       string       `json:"detail,omitempty"`
	Errors       []FieldError `json:"errors,omitempty"`    // When several are at fault: all of them, the first of which is told above too.
	Parameter    string       `json:"parameter,omitempty"` // What is at fault.
	RequestID    string       `json:"request_id,omitempty"`
	RetryAfterMS int64        `json:"retry_after_ms,omitempty"`
}

type ProblemCode string

const (
	ProblemCodeBadParameter            ProblemCode = "bad_parameter"
	ProblemCodeUnknownParameter        ProblemCode = "unknown_parameter"
	ProblemCodeBadBody                 ProblemCode = "bad_body"
	ProblemCodeBehind                  ProblemCode = "behind"
	ProblemCodeOtherEpoch              ProblemCode = "other_epoch"
	ProblemCodeTooManyWaits            ProblemCode = "too_many_waits"
	ProblemCodeBadQuery                ProblemCode = "bad_query"
	ProblemCodeBodyTooLarge            ProblemCode = "body_too_large"
	ProblemCodeTooMany                 ProblemCode = "too_many"
	ProblemCodeUnauthorized            ProblemCode = "unauthorized"
	ProblemCodeBadToken                ProblemCode = "bad_token"
	ProblemCodeForbidden               ProblemCode = "forbidden"
	ProblemCodeNotFound                ProblemCode = "not_found"
	ProblemCodeUpgradeRequired         ProblemCode = "upgrade_required"
	ProblemCodeRateLimited             ProblemCode = "rate_limited"
	ProblemCodeLimitsUnavailable       ProblemCode = "limits_unavailable"
	ProblemCodeMaintenance             ProblemCode = "maintenance"
	ProblemCodeTooManySockets          ProblemCode = "too_many_sockets"
	ProblemCodeTooManySocketsOfAddress ProblemCode = "too_many_sockets_of_address"
	ProblemCodeTokenInURL              ProblemCode = "token_in_url"
	ProblemCodeOriginRefused           ProblemCode = "origin_refused"
	ProblemCodeShuttingDown            ProblemCode = "shutting_down"
	ProblemCodeLoading                 ProblemCode = "loading"
	ProblemCodeUnavailable             ProblemCode = "unavailable"
	ProblemCodeNotSent                 ProblemCode = "not_sent"
	ProblemCodeIntakeStopped           ProblemCode = "intake_stopped"
	ProblemCodeInternal                ProblemCode = "internal"
	ProblemCodeHttp404                 ProblemCode = "http_404"
	ProblemCodeHttp405                 ProblemCode = "http_405"
	ProblemCodeUnknownMarket           ProblemCode = "unknown_market"
	ProblemCodeBadTick                 ProblemCode = "bad_tick"
	ProblemCodeBadLot                  ProblemCode = "bad_lot"
	ProblemCodeBadPrice                ProblemCode = "bad_price"
	ProblemCodeBadQuantity             ProblemCode = "bad_quantity"
	ProblemCodeInsufficientBalance     ProblemCode = "insufficient_balance"
	ProblemCodeUnknownOrder            ProblemCode = "unknown_order"
	ProblemCodeConflict                ProblemCode = "conflict"
	ProblemCodeStale                   ProblemCode = "stale"
	ProblemCodeHalted                  ProblemCode = "halted"
	ProblemCodeUnknownAsset            ProblemCode = "unknown_asset"
	ProblemCodeBadCommand              ProblemCode = "bad_command"
	ProblemCodeNotAllowed              ProblemCode = "not_allowed"
	ProblemCodeOverflow                ProblemCode = "overflow"
	ProblemCodeUnknownAccount          ProblemCode = "unknown_account"
	ProblemCodeAlreadyDone             ProblemCode = "already_done"
	ProblemCodeWouldTake               ProblemCode = "would_take"
	ProblemCodeOutsideCollar           ProblemCode = "outside_collar"
	ProblemCodeBelowMinimum            ProblemCode = "below_minimum"
	ProblemCodeAboveMaximum            ProblemCode = "above_maximum"
	ProblemCodeBadTrigger              ProblemCode = "bad_trigger"
	ProblemCodeBadDisplay              ProblemCode = "bad_display"
	ProblemCodeBadExpiry               ProblemCode = "bad_expiry"
	ProblemCodePhase                   ProblemCode = "phase"
	ProblemCodeOneSide                 ProblemCode = "one_side"
	ProblemCodeDuplicate               ProblemCode = "duplicate"
	ProblemCodeUnprotected             ProblemCode = "unprotected"
	ProblemCodeBadVersion              ProblemCode = "bad_version"
	ProblemCodeRefused                 ProblemCode = "refused"
)

type Queue struct {
	Seq    uint64  `json:"seq"`
	Orders []Place `json:"orders"`
}

type Quote struct {
	Seq      uint64  `json:"seq"`
	Symbol   string  `json:"symbol"`
	Side     Side    `json:"side"`
	Quantity string  `json:"quantity"`
	Filled   string  `json:"filled"`
	Total    *string `json:"total"` // Of what would fill, without the fee.
	Average  *string `json:"average"`
	Worst    *string `json:"worst"`
	Fee      *string `json:"fee"` // As taker.
	Status   string  `json:"status"`
}

type Readiness struct {
	Status     string           `json:"status"`
	Postgres   []DatabaseServer `json:"postgres,omitempty"`
	WaitingFor []string         `json:"waiting_for,omitempty"`
}

// Reorg: The blocks to_number+1..from_number are no longer part of the chain. seq is its position in
// the feed; blocks and events are the rows that it took away.
type Reorg struct {
	Seq        uint64 `json:"seq"`
	Network    string `json:"network"`
	FromNumber uint64 `json:"from_number"`
	FromHash   string `json:"from_hash"`
	ToNumber   uint64 `json:"to_number"`
	ToHash     string `json:"to_hash"`
	Depth      uint64 `json:"depth"`
	Blocks     int64  `json:"blocks"`
	Events     int64  `json:"events"`
}

type ReorgList struct {
	Data []Reorg `json:"data"`
	Next *string `json:"next"` // The cursor of what follows; null when nothing does.
	More bool    `json:"more"` // Whether there is more now.
}

type ReplaceElement struct {
	Op            string   `json:"op"`
	Order         NewOrder `json:"order"`
	ClientOrderID string   `json:"client_order_id,omitempty"`
	ClientRef     uint64   `json:"client_ref,omitempty"`
	ID            uint64   `json:"id,omitempty"`
}

type Report struct {
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	Status   string    `json:"status"`
	Since    string    `json:"since"`
	Networks []Network `json:"networks"`
}

type SelfTrade string

const (
	SelfTradeNone        SelfTrade = "none"
	SelfTradeCancelTaker SelfTrade = "cancel_taker"
	SelfTradeCancelMaker SelfTrade = "cancel_maker"
	SelfTradeCancelBoth  SelfTrade = "cancel_both"
	SelfTradeDecrement   SelfTrade = "decrement"
)

type Side string

const (
	SideBuy  Side = "buy"
	SideSell Side = "sell"
)

// Ticker: Prices are null where there is no trade to take them from.
type Ticker struct {
	Seq           uint64       `json:"seq"`
	Symbol        string       `json:"symbol"`
	Last          *string      `json:"last"`
	Bid           *LevelOrNull `json:"bid"` // Price and quantity.
	Ask           *LevelOrNull `json:"ask"` // Price and quantity.
	Open          *string      `json:"open"`
	Change        *string      `json:"change"`
	ChangePercent *string      `json:"change_percent"`
	High          *string      `json:"high"`
	Low           *string      `json:"low"`
	Volume        string       `json:"volume"`
	QuoteVolume   string       `json:"quote_volume"`
	Trades        int64        `json:"trades"`
	At            string       `json:"at,omitempty"`
}

type TickerList struct {
	Data []Ticker `json:"data"`
	Next *string  `json:"next"` // The cursor of what follows; null when nothing does.
	More bool     `json:"more"` // Whether there is more now.
}

type TimeInForce string

const (
	TimeInForceGTC TimeInForce = "GTC"
	TimeInForceIOC TimeInForce = "IOC"
	TimeInForceFOK TimeInForce = "FOK"
	TimeInForceGTD TimeInForce = "GTD"
	TimeInForceDAY TimeInForce = "DAY"
)

type Top struct {
	Seq uint64       `json:"seq"`
	Bid *LevelOrNull `json:"bid"` // Price and quantity.
	Ask *LevelOrNull `json:"ask"` // Price and quantity.
}

type Trade struct {
	TradeID   uint64 `json:"trade_id"`
	Symbol    string `json:"symbol"`
	Price     string `json:"price"`
	Quantity  string `json:"quantity"`
	TakerSide string `json:"taker_side"`
	At        string `json:"at"`
	Seq       uint64 `json:"seq"`
	Auction   bool   `json:"auction,omitempty"`
}

type TradeList struct {
	Data []Trade `json:"data"`
	Next *string `json:"next"` // The cursor of what follows; null when nothing does.
	More bool    `json:"more"` // Whether there is more now.
}

// Tx: What is stored of a transaction. block_number and what belongs to it are null when it is in no
// block any more; confirmations is absent once it is final.
type Tx struct {
	Network       string        `json:"network"`
	Hash          string        `json:"hash"`
	Status        string        `json:"status"`
	Finalized     bool          `json:"finalized"`
	BlockNumber   *uint64       `json:"block_number"`
	BlockHash     *string       `json:"block_hash"`
	BlockTime     *uint64       `json:"block_time"`
	TxIndex       *int64        `json:"tx_index"`
	Events        []Event       `json:"events"`
	Orphaned      []ListedEvent `json:"orphaned"`
	Confirmations uint64        `json:"confirmations,omitempty"`
	Truncated     bool          `json:"truncated,omitempty"` // It has more events than are told here.
}

type UnknownOutcome struct {
	Status        string `json:"status"`
	Detail        string `json:"detail"`
	ClientOrderID string `json:"client_order_id,omitempty"`
	ClientRef     uint64 `json:"client_ref,omitempty"`
}

type Version struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`   // Empty where the build did not know it.
	Modified bool   `json:"modified"` // The build was not the commit alone.
	Go       string `json:"go"`
}

// AccountDeploysParams: the query of AccountDeploys; what is empty is left out.
type AccountDeploysParams struct {
	Page  int64 // From 1; anything else is 1.
	Limit int64 // At most 20, 10 when it is absent.
}

func (p *AccountDeploysParams) values() url.Values {
	v := url.Values{}
	put(v, "page", p.Page)
	put(v, "limit", p.Limit)
	return v
}

// AccountDeploys: Deploys of a public key, newest first; over a WebSocket as they come.
func (c *Client) AccountDeploys(ctx context.Context, key string, params AccountDeploysParams) (*CasperDeployPage, error) {
	var out CasperDeployPage
	if err := c.call(ctx, "GET", "/accountDeploys/"+segment(key), params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// AccountDeploysOfParams: the query of AccountDeploysOf; what is empty is left out.
type AccountDeploysOfParams struct {
	Page  int64 // From 1; anything else is 1.
	Limit int64 // At most 20, 10 when it is absent.
}

func (p *AccountDeploysOfParams) values() url.Values {
	v := url.Values{}
	put(v, "page", p.Page)
	put(v, "limit", p.Limit)
	return v
}

// AccountDeploysOf: Deploys of a public key, newest first; over a WebSocket as they come.
func (c *Client) AccountDeploysOf(ctx context.Context, network string, key string, params AccountDeploysOfParams) (*CasperDeployPage, error) {
	var out CasperDeployPage
	if err := c.call(ctx, "GET", "/casper/"+segment(network)+"/accountDeploys/"+segment(key), params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// AmendOrder: Give an order another price, another quantity, or both.
func (c *Client) AmendOrder(ctx context.Context, id uint64, body NewTerms) (*ChangedOrder, error) {
	var out ChangedOrder
	if err := c.call(ctx, "PATCH", "/v1/orders/"+segment(id), nil, body, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// AmendOrderByClientID: Give an order another price, another quantity, or both.
func (c *Client) AmendOrderByClientID(ctx context.Context, cid string, body NewTerms) (*ChangedOrder, error) {
	var out ChangedOrder
	if err := c.call(ctx, "PATCH", "/v1/orders/by-client-id/"+segment(cid), nil, body, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// AmendOrderByClientRef: Give an order another price, another quantity, or both.
func (c *Client) AmendOrderByClientRef(ctx context.Context, ref uint64, body NewTerms) (*ChangedOrder, error) {
	var out ChangedOrder
	if err := c.call(ctx, "PATCH", "/v1/orders/by-client-ref/"+segment(ref), nil, body, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// BatchOrders: Up to a hundred commands in order. Each has an outcome of its own; one that cannot be
// read is not sent and says so in its place, and the others go on.
func (c *Client) BatchOrders(ctx context.Context, body Batch) (*OutcomeList, error) {
	var out OutcomeList
	if err := c.call(ctx, "POST", "/v1/orders/batch", nil, body, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// CancelAllParams: the query of CancelAll; what is empty is left out.
type CancelAllParams struct {
	Symbol string //
	Side   string //
}

func (p *CancelAllParams) values() url.Values {
	v := url.Values{}
	put(v, "symbol", p.Symbol)
	put(v, "side", p.Side)
	return v
}

// CancelAll: Cancel all orders, or those of a market or a side.
func (c *Client) CancelAll(ctx context.Context, params CancelAllParams) (*Canceled, error) {
	var out Canceled
	if err := c.call(ctx, "DELETE", "/v1/orders", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// CancelOrder: Cancel an order.
func (c *Client) CancelOrder(ctx context.Context, id uint64) (*ChangedOrder, error) {
	var out ChangedOrder
	if err := c.call(ctx, "DELETE", "/v1/orders/"+segment(id), nil, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// CancelOrderByClientID: Cancel an order.
func (c *Client) CancelOrderByClientID(ctx context.Context, cid string) (*ChangedOrder, error) {
	var out ChangedOrder
	if err := c.call(ctx, "DELETE", "/v1/orders/by-client-id/"+segment(cid), nil, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// CancelOrderByClientRef: Cancel an order.
func (c *Client) CancelOrderByClientRef(ctx context.Context, ref uint64) (*ChangedOrder, error) {
	var out ChangedOrder
	if err := c.call(ctx, "DELETE", "/v1/orders/by-client-ref/"+segment(ref), nil, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// CasperBlock: A block; over a WebSocket this block when it comes.
func (c *Client) CasperBlock(ctx context.Context, hash string) (*CasperBlock, error) {
	var out CasperBlock
	if err := c.call(ctx, "GET", "/block/"+segment(hash), nil, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// CasperBlockOf: A block; over a WebSocket this block when it comes.
func (c *Client) CasperBlockOf(ctx context.Context, network string, hash string) (*CasperBlock, error) {
	var out CasperBlock
	if err := c.call(ctx, "GET", "/casper/"+segment(network)+"/block/"+segment(hash), nil, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// CasperBlocksParams: the query of CasperBlocks; what is empty is left out.
type CasperBlocksParams struct {
	Page  int64 // From 1; anything else is 1.
	Limit int64 // At most 20, 10 when it is absent.
}

func (p *CasperBlocksParams) values() url.Values {
	v := url.Values{}
	put(v, "page", p.Page)
	put(v, "limit", p.Limit)
	return v
}

// CasperBlocks: Blocks, newest first; over a WebSocket each block that comes.
func (c *Client) CasperBlocks(ctx context.Context, params CasperBlocksParams) (*CasperBlockPage, error) {
	var out CasperBlockPage
	if err := c.call(ctx, "GET", "/blocks", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// CasperBlocksOfParams: the query of CasperBlocksOf; what is empty is left out.
type CasperBlocksOfParams struct {
	Page  int64 // From 1; anything else is 1.
	Limit int64 // At most 20, 10 when it is absent.
}

func (p *CasperBlocksOfParams) values() url.Values {
	v := url.Values{}
	put(v, "page", p.Page)
	put(v, "limit", p.Limit)
	return v
}

// CasperBlocksOf: Blocks, newest first; over a WebSocket each block that comes.
func (c *Client) CasperBlocksOf(ctx context.Context, network string, params CasperBlocksOfParams) (*CasperBlockPage, error) {
	var out CasperBlockPage
	if err := c.call(ctx, "GET", "/casper/"+segment(network)+"/blocks", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// CasperDeploy: A deploy; over a WebSocket its states as they come.
func (c *Client) CasperDeploy(ctx context.Context, hash string) (*CasperDeploy, error) {
	var out CasperDeploy
	if err := c.call(ctx, "GET", "/deploy/"+segment(hash), nil, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// CasperDeployOf: A deploy; over a WebSocket its states as they come.
func (c *Client) CasperDeployOf(ctx context.Context, network string, hash string) (*CasperDeploy, error) {
	var out CasperDeploy
	if err := c.call(ctx, "GET", "/casper/"+segment(network)+"/deploy/"+segment(hash), nil, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// GetAccountParams: the query of GetAccount; what is empty is left out.
type GetAccountParams struct {
	MinSeq   string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
	MinBlock int64  // Waits until the network is indexed up to this height.
	WaitTx   string // Waits until a transaction has events.
	WaitMS   int64  // How long min_block and wait_tx wait, in milliseconds.
}

func (p *GetAccountParams) values() url.Values {
	v := url.Values{}
	put(v, "min_seq", p.MinSeq)
	put(v, "min_block", p.MinBlock)
	put(v, "wait_tx", p.WaitTx)
	put(v, "wait_ms", p.WaitMS)
	return v
}

// GetAccount: An account of a Casper network.
func (c *Client) GetAccount(ctx context.Context, network string, key string, params GetAccountParams) (*CasperAccount, error) {
	var out CasperAccount
	if err := c.call(ctx, "GET", "/v1/networks/"+segment(network)+"/accounts/"+segment(key), params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// GetBlockParams: the query of GetBlock; what is empty is left out.
type GetBlockParams struct {
	MinSeq   string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
	MinBlock int64  // Waits until the network is indexed up to this height.
	WaitTx   string // Waits until a transaction has events.
	WaitMS   int64  // How long min_block and wait_tx wait, in milliseconds.
}

func (p *GetBlockParams) values() url.Values {
	v := url.Values{}
	put(v, "min_seq", p.MinSeq)
	put(v, "min_block", p.MinBlock)
	put(v, "wait_tx", p.WaitTx)
	put(v, "wait_ms", p.WaitMS)
	return v
}

// GetBlock: A block by number or hash.
func (c *Client) GetBlock(ctx context.Context, network string, block string, params GetBlockParams) (*AnyBlock, error) {
	var out AnyBlock
	if err := c.call(ctx, "GET", "/v1/networks/"+segment(network)+"/blocks/"+segment(block), params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// GetDepthParams: the query of GetDepth; what is empty is left out.
type GetDepthParams struct {
	Limit  int64  // Levels a side.
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func (p *GetDepthParams) values() url.Values {
	v := url.Values{}
	put(v, "limit", p.Limit)
	put(v, "min_seq", p.MinSeq)
	return v
}

// GetDepth: The book by price levels.
func (c *Client) GetDepth(ctx context.Context, symbol string, params GetDepthParams) (*Depth, error) {
	var out Depth
	if err := c.call(ctx, "GET", "/v1/markets/"+segment(symbol)+"/depth", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// GetIndicationParams: the query of GetIndication; what is empty is left out.
type GetIndicationParams struct {
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func (p *GetIndicationParams) values() url.Values {
	v := url.Values{}
	put(v, "min_seq", p.MinSeq)
	return v
}

// GetIndication: What an auction would do if it ended now.
func (c *Client) GetIndication(ctx context.Context, symbol string, params GetIndicationParams) (*Indication, error) {
	var out Indication
	if err := c.call(ctx, "GET", "/v1/markets/"+segment(symbol)+"/auctions/indicative", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// GetMarketParams: the query of GetMarket; what is empty is left out.
type GetMarketParams struct {
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func (p *GetMarketParams) values() url.Values {
	v := url.Values{}
	put(v, "min_seq", p.MinSeq)
	return v
}

// GetMarket: A market and its rules.
func (c *Client) GetMarket(ctx context.Context, symbol string, params GetMarketParams) (*Market, error) {
	var out Market
	if err := c.call(ctx, "GET", "/v1/markets/"+segment(symbol), params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// GetNetwork: A network.
func (c *Client) GetNetwork(ctx context.Context, network string) (*Network, error) {
	var out Network
	if err := c.call(ctx, "GET", "/v1/networks/"+segment(network), nil, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// GetOrderParams: the query of GetOrder; what is empty is left out.
type GetOrderParams struct {
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func (p *GetOrderParams) values() url.Values {
	v := url.Values{}
	put(v, "min_seq", p.MinSeq)
	return v
}

// GetOrder: An order.
func (c *Client) GetOrder(ctx context.Context, id uint64, params GetOrderParams) (*Order, error) {
	var out Order
	if err := c.call(ctx, "GET", "/v1/orders/"+segment(id), params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// GetOrderByClientIDParams: the query of GetOrderByClientID; what is empty is left out.
type GetOrderByClientIDParams struct {
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func (p *GetOrderByClientIDParams) values() url.Values {
	v := url.Values{}
	put(v, "min_seq", p.MinSeq)
	return v
}

// GetOrderByClientID: An order.
func (c *Client) GetOrderByClientID(ctx context.Context, cid string, params GetOrderByClientIDParams) (*Order, error) {
	var out Order
	if err := c.call(ctx, "GET", "/v1/orders/by-client-id/"+segment(cid), params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// GetOrderByClientRefParams: the query of GetOrderByClientRef; what is empty is left out.
type GetOrderByClientRefParams struct {
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func (p *GetOrderByClientRefParams) values() url.Values {
	v := url.Values{}
	put(v, "min_seq", p.MinSeq)
	return v
}

// GetOrderByClientRef: An order.
func (c *Client) GetOrderByClientRef(ctx context.Context, ref uint64, params GetOrderByClientRefParams) (*Order, error) {
	var out Order
	if err := c.call(ctx, "GET", "/v1/orders/by-client-ref/"+segment(ref), params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// GetQueueParams: the query of GetQueue; what is empty is left out.
type GetQueueParams struct {
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func (p *GetQueueParams) values() url.Values {
	v := url.Values{}
	put(v, "min_seq", p.MinSeq)
	return v
}

// GetQueue: The book order by order.
func (c *Client) GetQueue(ctx context.Context, symbol string, params GetQueueParams) (*Queue, error) {
	var out Queue
	if err := c.call(ctx, "GET", "/v1/markets/"+segment(symbol)+"/queue", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// GetQuoteParams: the query of GetQuote; what is empty is left out.
type GetQuoteParams struct {
	Side     string //
	Quantity string //
	MinSeq   string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func (p *GetQuoteParams) values() url.Values {
	v := url.Values{}
	put(v, "side", p.Side)
	put(v, "quantity", p.Quantity)
	put(v, "min_seq", p.MinSeq)
	return v
}

// GetQuote: What an order at market would trade for now.
func (c *Client) GetQuote(ctx context.Context, symbol string, params GetQuoteParams) (*Quote, error) {
	var out Quote
	if err := c.call(ctx, "GET", "/v1/markets/"+segment(symbol)+"/quote", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// GetTickerParams: the query of GetTicker; what is empty is left out.
type GetTickerParams struct {
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func (p *GetTickerParams) values() url.Values {
	v := url.Values{}
	put(v, "min_seq", p.MinSeq)
	return v
}

// GetTicker: The last 24 hours of a market.
func (c *Client) GetTicker(ctx context.Context, symbol string, params GetTickerParams) (*Ticker, error) {
	var out Ticker
	if err := c.call(ctx, "GET", "/v1/markets/"+segment(symbol)+"/ticker", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// GetTopParams: the query of GetTop; what is empty is left out.
type GetTopParams struct {
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func (p *GetTopParams) values() url.Values {
	v := url.Values{}
	put(v, "min_seq", p.MinSeq)
	return v
}

// GetTop: Best bid and ask.
func (c *Client) GetTop(ctx context.Context, symbol string, params GetTopParams) (*Top, error) {
	var out Top
	if err := c.call(ctx, "GET", "/v1/markets/"+segment(symbol)+"/bbo", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// GetTxParams: the query of GetTx; what is empty is left out.
type GetTxParams struct {
	MinSeq   string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
	MinBlock int64  // Waits until the network is indexed up to this height.
	WaitTx   string // Waits until a transaction has events.
	WaitMS   int64  // How long min_block and wait_tx wait, in milliseconds.
}

func (p *GetTxParams) values() url.Values {
	v := url.Values{}
	put(v, "min_seq", p.MinSeq)
	put(v, "min_block", p.MinBlock)
	put(v, "wait_tx", p.WaitTx)
	put(v, "wait_ms", p.WaitMS)
	return v
}

// GetTx: A transaction of an EVM network. Its decoded events of all contracts, whether it is part of
// the chain and final, and the events that it had in blocks which a reorganisation took away. Only
// transactions with events of the configuration are known.
func (c *Client) GetTx(ctx context.Context, network string, hash string, params GetTxParams) (*Tx, error) {
	var out Tx
	if err := c.call(ctx, "GET", "/v1/networks/"+segment(network)+"/txs/"+segment(hash), params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// GetVersion: Which build this is.
func (c *Client) GetVersion(ctx context.Context) (*Version, error) {
	var out Version
	if err := c.call(ctx, "GET", "/version", nil, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// KeepAlive: The dead man's switch. All orders of the account are canceled unless it is sent again in
// time; 0 ends it.
func (c *Client) KeepAlive(ctx context.Context, body KeepAlive) (*KeptAlive, error) {
	var out KeptAlive
	if err := c.call(ctx, "PUT", "/v1/keepalive", nil, body, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// ListAuctionsParams: the query of ListAuctions; what is empty is left out.
type ListAuctionsParams struct {
	Limit  int64  // Rows of an answer.
	Cursor string // What an answer carried as next. Opaque.
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func (p *ListAuctionsParams) values() url.Values {
	v := url.Values{}
	put(v, "limit", p.Limit)
	put(v, "cursor", p.Cursor)
	put(v, "min_seq", p.MinSeq)
	return v
}

// ListAuctions: Auctions that ended, newest first.
func (c *Client) ListAuctions(ctx context.Context, symbol string, params ListAuctionsParams) (*AuctionList, error) {
	var out AuctionList
	if err := c.call(ctx, "GET", "/v1/markets/"+segment(symbol)+"/auctions", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// ListBalancesParams: the query of ListBalances; what is empty is left out.
type ListBalancesParams struct {
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func (p *ListBalancesParams) values() url.Values {
	v := url.Values{}
	put(v, "min_seq", p.MinSeq)
	return v
}

// ListBalances: The account's holdings.
func (c *Client) ListBalances(ctx context.Context, params ListBalancesParams) (*BalanceList, error) {
	var out BalanceList
	if err := c.call(ctx, "GET", "/v1/balances", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// ListBlocksParams: the query of ListBlocks; what is empty is left out.
type ListBlocksParams struct {
	FromBlock int64  // Lowest height.
	ToBlock   int64  // Highest height.
	FromTime  string // Blocks of this time or later: RFC 3339, or Unix seconds.
	ToTime    string // Blocks before this time.
	Finality  string // finalized: up to the finalized height only.
	Include   string // orphaned: with what reorganisations and repairs took away, each marked and before the canonical row of its place.
	Order     string // By height; a cursor goes on in the order that it was made with.
	Limit     int64  // Rows of an answer.
	Cursor    string // What an answer carried as next. Opaque.
	MinSeq    string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
	MinBlock  int64  // Waits until the network is indexed up to this height.
	WaitTx    string // Waits until a transaction has events.
	WaitMS    int64  // How long min_block and wait_tx wait, in milliseconds.
}

func (p *ListBlocksParams) values() url.Values {
	v := url.Values{}
	put(v, "from_block", p.FromBlock)
	put(v, "to_block", p.ToBlock)
	put(v, "from_time", p.FromTime)
	put(v, "to_time", p.ToTime)
	put(v, "finality", p.Finality)
	put(v, "include", p.Include)
	put(v, "order", p.Order)
	put(v, "limit", p.Limit)
	put(v, "cursor", p.Cursor)
	put(v, "min_seq", p.MinSeq)
	put(v, "min_block", p.MinBlock)
	put(v, "wait_tx", p.WaitTx)
	put(v, "wait_ms", p.WaitMS)
	return v
}

// ListBlocks: Blocks by height.
func (c *Client) ListBlocks(ctx context.Context, network string, params ListBlocksParams) (*ListedBlockList, error) {
	var out ListedBlockList
	if err := c.call(ctx, "GET", "/v1/networks/"+segment(network)+"/blocks", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// ListCandlesParams: the query of ListCandles; what is empty is left out.
type ListCandlesParams struct {
	Interval Interval //
	From     string   // First opening time.
	To       string   // Opening time of the first candle that is too late.
	Limit    int64    // Rows of an answer.
	MinSeq   string   // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func (p *ListCandlesParams) values() url.Values {
	v := url.Values{}
	put(v, "interval", p.Interval)
	put(v, "from", p.From)
	put(v, "to", p.To)
	put(v, "limit", p.Limit)
	put(v, "min_seq", p.MinSeq)
	return v
}

// ListCandles: Candles that open in a stretch of time, newest first.
func (c *Client) ListCandles(ctx context.Context, symbol string, params ListCandlesParams) (*CandleList, error) {
	var out CandleList
	if err := c.call(ctx, "GET", "/v1/markets/"+segment(symbol)+"/candles", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// ListEventsParams: the query of ListEvents; what is empty is left out.
type ListEventsParams struct {
	Contract  string            // A contract of the configuration by name.
	Address   string            // The emitting address, in any case; a mixed-case one with a wrong checksum is refused.
	Account   string            // An address that stands in one of the event's indexed arguments.
	Event     string            // An event by name.
	Topic0    string            //
	Topic1    string            //
	Topic2    string            //
	Topic3    string            //
	Args      map[string]string // Decoded arguments by name, each a parameter of its own.
	FromBlock int64             // Lowest height.
	ToBlock   int64             // Highest height.
	FromTime  string            // Blocks of this time or later: RFC 3339, or Unix seconds.
	ToTime    string            // Blocks before this time.
	Finality  string            // finalized: up to the finalized height only.
	Include   string            // orphaned: with what reorganisations and repairs took away, each marked and before the canonical row of its place.
	Order     string            // By height; a cursor goes on in the order that it was made with.
	Limit     int64             // Rows of an answer.
	Cursor    string            // What an answer carried as next. Opaque.
	MinSeq    string            // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
	MinBlock  int64             // Waits until the network is indexed up to this height.
	WaitTx    string            // Waits until a transaction has events.
	WaitMS    int64             // How long min_block and wait_tx wait, in milliseconds.
}

func (p *ListEventsParams) values() url.Values {
	v := url.Values{}
	put(v, "contract", p.Contract)
	put(v, "address", p.Address)
	put(v, "account", p.Account)
	put(v, "event", p.Event)
	put(v, "topic0", p.Topic0)
	put(v, "topic1", p.Topic1)
	put(v, "topic2", p.Topic2)
	put(v, "topic3", p.Topic3)
	for name, value := range p.Args {
		put(v, "arg."+name, value)
	}
	put(v, "from_block", p.FromBlock)
	put(v, "to_block", p.ToBlock)
	put(v, "from_time", p.FromTime)
	put(v, "to_time", p.ToTime)
	put(v, "finality", p.Finality)
	put(v, "include", p.Include)
	put(v, "order", p.Order)
	put(v, "limit", p.Limit)
	put(v, "cursor", p.Cursor)
	put(v, "min_seq", p.MinSeq)
	put(v, "min_block", p.MinBlock)
	put(v, "wait_tx", p.WaitTx)
	put(v, "wait_ms", p.WaitMS)
	return v
}

// ListEvents: Events of an EVM network, filtered. A decoded argument is a parameter of its own:
// arg.to=0x… wants the argument "to". Values are compared as text.
func (c *Client) ListEvents(ctx context.Context, network string, params ListEventsParams) (*ListedEventList, error) {
	var out ListedEventList
	if err := c.call(ctx, "GET", "/v1/networks/"+segment(network)+"/events", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// ListMarketsParams: the query of ListMarkets; what is empty is left out.
type ListMarketsParams struct {
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func (p *ListMarketsParams) values() url.Values {
	v := url.Values{}
	put(v, "min_seq", p.MinSeq)
	return v
}

// ListMarkets: All markets and their rules.
func (c *Client) ListMarkets(ctx context.Context, params ListMarketsParams) (*MarketList, error) {
	var out MarketList
	if err := c.call(ctx, "GET", "/v1/markets", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// ListMessagesParams: the query of ListMessages; what is empty is left out.
type ListMessagesParams struct {
	Entity   string // 64 hex digits, with or without a prefix such as entity-contract-.
	Topic    string // A topic's name.
	Limit    int64  // Rows of an answer.
	Cursor   string // What an answer carried as next. Opaque.
	MinSeq   string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
	MinBlock int64  // Waits until the network is indexed up to this height.
	WaitTx   string // Waits until a transaction has events.
	WaitMS   int64  // How long min_block and wait_tx wait, in milliseconds.
}

func (p *ListMessagesParams) values() url.Values {
	v := url.Values{}
	put(v, "entity", p.Entity)
	put(v, "topic", p.Topic)
	put(v, "limit", p.Limit)
	put(v, "cursor", p.Cursor)
	put(v, "min_seq", p.MinSeq)
	put(v, "min_block", p.MinBlock)
	put(v, "wait_tx", p.WaitTx)
	put(v, "wait_ms", p.WaitMS)
	return v
}

// ListMessages: Messages of contracts of a Casper network, newest first. An entity or a topic is
// required, or both.
func (c *Client) ListMessages(ctx context.Context, network string, params ListMessagesParams) (*CasperMessageList, error) {
	var out CasperMessageList
	if err := c.call(ctx, "GET", "/v1/networks/"+segment(network)+"/messages", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// ListNetworks: All networks.
func (c *Client) ListNetworks(ctx context.Context) (*NetworkList, error) {
	var out NetworkList
	if err := c.call(ctx, "GET", "/v1/networks", nil, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// ListOrdersParams: the query of ListOrders; what is empty is left out.
type ListOrdersParams struct {
	Status string // open: every order that can still be filled, waiting and partially filled ones among them.
	Limit  int64  // Rows of an answer.
	Cursor string // What an answer carried as next. Opaque.
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func (p *ListOrdersParams) values() url.Values {
	v := url.Values{}
	put(v, "status", p.Status)
	put(v, "limit", p.Limit)
	put(v, "cursor", p.Cursor)
	put(v, "min_seq", p.MinSeq)
	return v
}

// ListOrders: The account's orders, newest first.
func (c *Client) ListOrders(ctx context.Context, params ListOrdersParams) (*OrderList, error) {
	var out OrderList
	if err := c.call(ctx, "GET", "/v1/orders", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// ListReorgsParams: the query of ListReorgs; what is empty is left out.
type ListReorgsParams struct {
	Order    string // By when they were noticed.
	Limit    int64  // Rows of an answer.
	Cursor   string // What an answer carried as next. Opaque.
	MinSeq   string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
	MinBlock int64  // Waits until the network is indexed up to this height.
	WaitTx   string // Waits until a transaction has events.
	WaitMS   int64  // How long min_block and wait_tx wait, in milliseconds.
}

func (p *ListReorgsParams) values() url.Values {
	v := url.Values{}
	put(v, "order", p.Order)
	put(v, "limit", p.Limit)
	put(v, "cursor", p.Cursor)
	put(v, "min_seq", p.MinSeq)
	put(v, "min_block", p.MinBlock)
	put(v, "wait_tx", p.WaitTx)
	put(v, "wait_ms", p.WaitMS)
	return v
}

// ListReorgs: Reorganisations of an EVM network.
func (c *Client) ListReorgs(ctx context.Context, network string, params ListReorgsParams) (*ReorgList, error) {
	var out ReorgList
	if err := c.call(ctx, "GET", "/v1/networks/"+segment(network)+"/reorgs", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// ListTickersParams: the query of ListTickers; what is empty is left out.
type ListTickersParams struct {
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func (p *ListTickersParams) values() url.Values {
	v := url.Values{}
	put(v, "min_seq", p.MinSeq)
	return v
}

// ListTickers: The last 24 hours of all markets.
func (c *Client) ListTickers(ctx context.Context, params ListTickersParams) (*TickerList, error) {
	var out TickerList
	if err := c.call(ctx, "GET", "/v1/tickers", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// ListTradesParams: the query of ListTrades; what is empty is left out.
type ListTradesParams struct {
	Limit  int64  // Rows of an answer.
	Cursor string // What an answer carried as next. Opaque.
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func (p *ListTradesParams) values() url.Values {
	v := url.Values{}
	put(v, "limit", p.Limit)
	put(v, "cursor", p.Cursor)
	put(v, "min_seq", p.MinSeq)
	return v
}

// ListTrades: Trades, newest first.
func (c *Client) ListTrades(ctx context.Context, symbol string, params ListTradesParams) (*TradeList, error) {
	var out TradeList
	if err := c.call(ctx, "GET", "/v1/markets/"+segment(symbol)+"/trades", params.values(), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// Livez: Whether the process answers.
func (c *Client) Livez(ctx context.Context) (string, error) {
	return c.text(ctx, "GET", "/livez", nil)
}

// PairOrders: Two orders of which one cancels the other.
func (c *Client) PairOrders(ctx context.Context, body NewPair) (*OrderPair, error) {
	var out OrderPair
	if err := c.call(ctx, "POST", "/v1/orders/pair", nil, body, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// PlaceOrder: Place an order. An answer means that the order is durable. An order that the book
// refuses is answered with status rejected and its reason. Sent again with the same client_order_id
// and the same terms, it is the same order.
func (c *Client) PlaceOrder(ctx context.Context, body NewOrder) (*Order, error) {
	var out Order
	if err := c.call(ctx, "POST", "/v1/orders", nil, body, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// Readyz: Whether the process can serve, and what it waits for.
func (c *Client) Readyz(ctx context.Context) (*Readiness, error) {
	var out Readiness
	if err := c.call(ctx, "GET", "/readyz", nil, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// ReplaceOrder: Cancel an order and place another in one step.
func (c *Client) ReplaceOrder(ctx context.Context, id uint64, body NewOrder) (*Order, error) {
	var out Order
	if err := c.call(ctx, "POST", "/v1/orders/"+segment(id)+"/replace", nil, body, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// Root: What this is and how far each network is. A browser gets a page, anything else JSON. It
// answers from the first moment.
func (c *Client) Root(ctx context.Context) (*Report, error) {
	var out Report
	if err := c.call(ctx, "GET", "/", nil, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// Transfers: Native transfers of an account, newest first.
func (c *Client) Transfers(ctx context.Context, account string) ([]CasperTransfer, error) {
	var out []CasperTransfer
	if err := c.call(ctx, "GET", "/transfers/"+segment(account), nil, nil, &out); err != nil {
		return nil, err
	}
	return out, nil
}

// TransfersOf: Native transfers of an account, newest first.
func (c *Client) TransfersOf(ctx context.Context, network string, account string) ([]CasperTransfer, error) {
	var out []CasperTransfer
	if err := c.call(ctx, "GET", "/casper/"+segment(network)+"/transfers/"+segment(account), nil, nil, &out); err != nil {
		return nil, err
	}
	return out, nil
}
