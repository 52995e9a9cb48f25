// Code generated from openapi.yaml by internal/clientgen; DO NOT EDIT.

package operation

import (
	"math"

	"github.com/labstack/echo/v4"
)

// What parameters that go by words take.
var (
	wordsFinality = []string{"any", "finalized"}
	wordsInclude  = []string{"canonical", "orphaned"}
	wordsInterval = []string{"1s", "1m", "5m", "15m", "1h", "4h", "1d"}
	wordsOrder    = []string{"asc", "desc"}
	wordsSide     = []string{"buy", "sell"}
	wordsStatus   = []string{"open", "waiting", "partially_filled", "filled", "canceled", "rejected", "expired"}
)

// Fresh are parameters that go together.
type Fresh struct {
	MinBlock Maybe[int64] // Waits until the network is indexed up to this height.
	MinSeq   string       // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
	WaitMS   int64        // How long min_block and wait_tx wait, in milliseconds. Default 10000.
	WaitTx   string       // Waits until a transaction has events.
}

func readFresh(r *reader) (p Fresh) {
	p.MinBlock = r.perhaps("min_block", 0, math.MaxInt64, "wants a block number")
	p.MinSeq = r.text("min_seq", "")
	p.WaitMS = r.whole("wait_ms", 1, 30000, 10000, "wants milliseconds, from 1 to 30000")
	p.WaitTx = r.text("wait_tx", "")
	return p
}

// Heights are parameters that go together.
type Heights struct {
	Cursor    string       // What an answer carried as next. Opaque.
	Finality  string       // finalized: up to the finalized height only. Default any.
	FromBlock Maybe[int64] // Lowest height.
	FromTime  string       // Blocks of this time or later: RFC 3339, or Unix seconds.
	Include   string       // orphaned: with what reorganisations and repairs took away, each marked and before the canonical row of its place. Default canonical.
	Limit     int64        // Rows of an answer. Default 100.
	Order     string       // By height; a cursor goes on in the order that it was made with. Default desc.
	ToBlock   Maybe[int64] // Highest height.
	ToTime    string       // Blocks before this time.
}

func readHeights(r *reader) (p Heights) {
	p.Cursor = r.text("cursor", "")
	p.Finality = r.word("finality", "any", wordsFinality, "no such finality")
	p.FromBlock = r.perhaps("from_block", 0, math.MaxInt64, "wants a block number")
	p.FromTime = r.text("from_time", "")
	p.Include = r.word("include", "canonical", wordsInclude, "no such include")
	p.Limit = r.whole("limit", 1, 1000, 100, "wants a whole number from 1 to 1000")
	p.Order = r.word("order", "desc", wordsOrder, "no such order")
	p.ToBlock = r.perhaps("to_block", 0, math.MaxInt64, "wants a block number")
	p.ToTime = r.text("to_time", "")
	return p
}

// Root is asked without parameters, or with some that are read as the event store read them.
type Root struct{}

// AccountDeploys are the parameters of GET /accountDeploys/{key}.
type AccountDeploys struct {
	Key string
}

func readAccountDeploys(c echo.Context) (p AccountDeploys, err error) {
	r := reader{c: c}
	p.Key = r.place("key")
	return p, r.err
}

// AsyncAPI has no parameters.
type AsyncAPI struct{}

// CasperBlock are the parameters of GET /block/{hash}.
type CasperBlock struct {
	Hash string
}

func readCasperBlock(c echo.Context) (p CasperBlock, err error) {
	r := reader{c: c}
	p.Hash = r.place("hash")
	return p, r.err
}

// CasperBlocks is asked without parameters, or with some that are read as the event store read them.
type CasperBlocks struct{}

// AccountDeploysOf are the parameters of GET /casper/{network}/accountDeploys/{key}.
type AccountDeploysOf struct {
	Network string // A network of the configuration by name.
	Key     string
}

func readAccountDeploysOf(c echo.Context) (p AccountDeploysOf, err error) {
	r := reader{c: c}
	p.Network = r.place("network")
	p.Key = r.place("key")
	return p, r.err
}

// CasperBlockOf are the parameters of GET /casper/{network}/block/{hash}.
type CasperBlockOf struct {
	Network string // A network of the configuration by name.
	Hash    string
}

func readCasperBlockOf(c echo.Context) (p CasperBlockOf, err error) {
	r := reader{c: c}
	p.Network = r.place("network")
	p.Hash = r.place("hash")
	return p, r.err
}

// CasperBlocksOf are the parameters of GET /casper/{network}/blocks.
type CasperBlocksOf struct {
	Network string // A network of the configuration by name.
}

func readCasperBlocksOf(c echo.Context) (p CasperBlocksOf, err error) {
	r := reader{c: c}
	p.Network = r.place("network")
	return p, r.err
}

// CasperDeployOf are the parameters of GET /casper/{network}/deploy/{hash}.
type CasperDeployOf struct {
	Network string // A network of the configuration by name.
	Hash    string
}

func readCasperDeployOf(c echo.Context) (p CasperDeployOf, err error) {
	r := reader{c: c}
	p.Network = r.place("network")
	p.Hash = r.place("hash")
	return p, r.err
}

// TransfersOf are the parameters of GET /casper/{network}/transfers/{account}.
type TransfersOf struct {
	Network string // A network of the configuration by name.
	Account string // An account hash, with or without account-hash-, or a public key.
}

func readTransfersOf(c echo.Context) (p TransfersOf, err error) {
	r := reader{c: c}
	p.Network = r.place("network")
	p.Account = r.place("account")
	return p, r.err
}

// CasperDeploy are the parameters of GET /deploy/{hash}.
type CasperDeploy struct {
	Hash string
}

func readCasperDeploy(c echo.Context) (p CasperDeploy, err error) {
	r := reader{c: c}
	p.Hash = r.place("hash")
	return p, r.err
}

// Docs has no parameters.
type Docs struct{}

// Livez is asked without parameters, or with some that are read as the event store read them.
type Livez struct{}

// OpenAPI has no parameters.
type OpenAPI struct{}

// Readyz is asked without parameters, or with some that are read as the event store read them.
type Readyz struct{}

// Transfers are the parameters of GET /transfers/{account}.
type Transfers struct {
	Account string // An account hash, with or without account-hash-, or a public key.
}

func readTransfers(c echo.Context) (p Transfers, err error) {
	r := reader{c: c}
	p.Account = r.place("account")
	return p, r.err
}

// ListBalances are the parameters of GET /v1/balances.
type ListBalances struct {
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func readListBalances(c echo.Context) (p ListBalances, err error) {
	r := reader{c: c}
	p.MinSeq = r.text("min_seq", "")
	return p, r.err
}

// KeepAlive has no parameters.
type KeepAlive struct{}

// ListMarkets are the parameters of GET /v1/markets.
type ListMarkets struct {
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func readListMarkets(c echo.Context) (p ListMarkets, err error) {
	r := reader{c: c}
	p.MinSeq = r.text("min_seq", "")
	return p, r.err
}

// GetMarket are the parameters of GET /v1/markets/{symbol}.
type GetMarket struct {
	Symbol string // A market
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func readGetMarket(c echo.Context) (p GetMarket, err error) {
	r := reader{c: c}
	p.Symbol = r.place("symbol")
	p.MinSeq = r.text("min_seq", "")
	return p, r.err
}

// ListAuctions are the parameters of GET /v1/markets/{symbol}/auctions.
type ListAuctions struct {
	Symbol string // A market
	Limit  int64  // Rows of an answer. Default 100.
	Cursor string // What an answer carried as next. Opaque.
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func readListAuctions(c echo.Context) (p ListAuctions, err error) {
	r := reader{c: c}
	p.Symbol = r.place("symbol")
	p.Limit = r.whole("limit", 1, 1000, 100, "wants a whole number from 1 to 1000")
	p.Cursor = r.text("cursor", "")
	p.MinSeq = r.text("min_seq", "")
	return p, r.err
}

// GetIndication are the parameters of GET /v1/markets/{symbol}/auctions/indicative.
type GetIndication struct {
	Symbol string // A market
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func readGetIndication(c echo.Context) (p GetIndication, err error) {
	r := reader{c: c}
	p.Symbol = r.place("symbol")
	p.MinSeq = r.text("min_seq", "")
	return p, r.err
}

// GetTop are the parameters of GET /v1/markets/{symbol}/bbo.
type GetTop struct {
	Symbol string // A market
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func readGetTop(c echo.Context) (p GetTop, err error) {
	r := reader{c: c}
	p.Symbol = r.place("symbol")
	p.MinSeq = r.text("min_seq", "")
	return p, r.err
}

// ListCandles are the parameters of GET /v1/markets/{symbol}/candles.
type ListCandles struct {
	Symbol   string // A market
	Interval string
	From     string // First opening time.
	To       string // Opening time of the first candle that is too late.
	Limit    int64  // Rows of an answer. Default 100.
	MinSeq   string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func readListCandles(c echo.Context) (p ListCandles, err error) {
	r := reader{c: c}
	p.Symbol = r.place("symbol")
	p.Interval = r.needed("interval", r.word("interval", "", wordsInterval, "no such interval"), wordsInterval, "is required: no such interval")
	p.From = r.text("from", "")
	p.To = r.text("to", "")
	p.Limit = r.whole("limit", 1, 1000, 100, "wants a whole number from 1 to 1000")
	p.MinSeq = r.text("min_seq", "")
	return p, r.err
}

// GetDepth are the parameters of GET /v1/markets/{symbol}/depth.
type GetDepth struct {
	Symbol string // A market
	Limit  int64  // Levels a side. Default 100.
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func readGetDepth(c echo.Context) (p GetDepth, err error) {
	r := reader{c: c}
	p.Symbol = r.place("symbol")
	p.Limit = r.whole("limit", 1, 5000, 100, "wants a whole number from 1 to 5000")
	p.MinSeq = r.text("min_seq", "")
	return p, r.err
}

// GetQueue are the parameters of GET /v1/markets/{symbol}/queue.
type GetQueue struct {
	Symbol string // A market
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func readGetQueue(c echo.Context) (p GetQueue, err error) {
	r := reader{c: c}
	p.Symbol = r.place("symbol")
	p.MinSeq = r.text("min_seq", "")
	return p, r.err
}

// GetQuote are the parameters of GET /v1/markets/{symbol}/quote.
type GetQuote struct {
	Symbol   string // A market
	Side     string
	Quantity string
	MinSeq   string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func readGetQuote(c echo.Context) (p GetQuote, err error) {
	r := reader{c: c}
	p.Symbol = r.place("symbol")
	p.Side = r.needed("side", r.anyCase("side", wordsSide, "no such side"), wordsSide, "is required: no such side")
	p.Quantity = r.must("quantity", "is required: a decimal above 0 such as \"3\"")
	p.MinSeq = r.text("min_seq", "")
	return p, r.err
}

// GetTicker are the parameters of GET /v1/markets/{symbol}/ticker.
type GetTicker struct {
	Symbol string // A market
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func readGetTicker(c echo.Context) (p GetTicker, err error) {
	r := reader{c: c}
	p.Symbol = r.place("symbol")
	p.MinSeq = r.text("min_seq", "")
	return p, r.err
}

// ListTrades are the parameters of GET /v1/markets/{symbol}/trades.
type ListTrades struct {
	Symbol string // A market
	Limit  int64  // Rows of an answer. Default 100.
	Cursor string // What an answer carried as next. Opaque.
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func readListTrades(c echo.Context) (p ListTrades, err error) {
	r := reader{c: c}
	p.Symbol = r.place("symbol")
	p.Limit = r.whole("limit", 1, 1000, 100, "wants a whole number from 1 to 1000")
	p.Cursor = r.text("cursor", "")
	p.MinSeq = r.text("min_seq", "")
	return p, r.err
}

// ListNetworks has no parameters.
type ListNetworks struct{}

// GetNetwork are the parameters of GET /v1/networks/{network}.
type GetNetwork struct {
	Network string // A network of the configuration by name.
}

func readGetNetwork(c echo.Context) (p GetNetwork, err error) {
	r := reader{c: c}
	p.Network = r.place("network")
	return p, r.err
}

// GetAccount are the parameters of GET /v1/networks/{network}/accounts/{key}.
type GetAccount struct {
	Fresh
	Network string // A network of the configuration by name.
	Key     string // A public key (01 and 64 hex digits, 02 and 66), or an account hash (64 hex digits, with or without account-hash-).
}

func readGetAccount(c echo.Context) (p GetAccount, err error) {
	r := reader{c: c}
	p.Network = r.place("network")
	p.Key = r.place("key")
	p.Fresh = readFresh(&r)
	return p, r.err
}

// ListBlocks are the parameters of GET /v1/networks/{network}/blocks.
type ListBlocks struct {
	Heights
	Fresh
	Network string // A network of the configuration by name.
}

func readListBlocks(c echo.Context) (p ListBlocks, err error) {
	r := reader{c: c}
	p.Network = r.place("network")
	p.Heights = readHeights(&r)
	p.Fresh = readFresh(&r)
	return p, r.err
}

// GetBlock are the parameters of GET /v1/networks/{network}/blocks/{block}.
type GetBlock struct {
	Fresh
	Network string // A network of the configuration by name.
	Block   string // A block number, or a hash of 64 hex digits with or without 0x.
}

func readGetBlock(c echo.Context) (p GetBlock, err error) {
	r := reader{c: c}
	p.Network = r.place("network")
	p.Block = r.place("block")
	p.Fresh = readFresh(&r)
	return p, r.err
}

// ListEvents are the parameters of GET /v1/networks/{network}/events.
type ListEvents struct {
	Heights
	Fresh
	Network  string // A network of the configuration by name.
	Contract string // A contract of the configuration by name.
	Address  string // The emitting address, in any case; a mixed-case one with a wrong checksum is refused.
	Account  string // An address that stands in one of the event's indexed arguments.
	Event    string // An event by name.
	Topic0   string
	Topic1   string
	Topic2   string
	Topic3   string
	Args     map[string]string // Decoded arguments by name, each a parameter of its own.
}

func readListEvents(c echo.Context) (p ListEvents, err error) {
	r := reader{c: c}
	p.Network = r.place("network")
	p.Contract = r.text("contract", "")
	p.Address = r.text("address", "")
	p.Account = r.text("account", "")
	p.Event = r.text("event", "")
	p.Topic0 = r.text("topic0", "")
	p.Topic1 = r.text("topic1", "")
	p.Topic2 = r.text("topic2", "")
	p.Topic3 = r.text("topic3", "")
	p.Args = r.many("arg.")
	p.Heights = readHeights(&r)
	p.Fresh = readFresh(&r)
	return p, r.err
}

// ListMessages are the parameters of GET /v1/networks/{network}/messages.
type ListMessages struct {
	Fresh
	Network string // A network of the configuration by name.
	Entity  string // 64 hex digits, with or without a prefix such as entity-contract-.
	Topic   string // A topic's name.
	Limit   int64  // Rows of an answer. Default 100.
	Cursor  string // What an answer carried as next. Opaque.
}

func readListMessages(c echo.Context) (p ListMessages, err error) {
	r := reader{c: c}
	p.Network = r.place("network")
	p.Entity = r.text("entity", "")
	p.Topic = r.text("topic", "")
	p.Limit = r.whole("limit", 1, 1000, 100, "wants a whole number from 1 to 1000")
	p.Cursor = r.text("cursor", "")
	p.Fresh = readFresh(&r)
	return p, r.err
}

// ListReorgs are the parameters of GET /v1/networks/{network}/reorgs.
type ListReorgs struct {
	Fresh
	Network string // A network of the configuration by name.
	Order   string // By when they were noticed. Default desc.
	Limit   int64  // Rows of an answer. Default 100.
	Cursor  string // What an answer carried as next. Opaque.
}

func readListReorgs(c echo.Context) (p ListReorgs, err error) {
	r := reader{c: c}
	p.Network = r.place("network")
	p.Order = r.word("order", "desc", wordsOrder, "no such order")
	p.Limit = r.whole("limit", 1, 1000, 100, "wants a whole number from 1 to 1000")
	p.Cursor = r.text("cursor", "")
	p.Fresh = readFresh(&r)
	return p, r.err
}

// GetTx are the parameters of GET /v1/networks/{network}/txs/{hash}.
type GetTx struct {
	Fresh
	Network string // A network of the configuration by name.
	Hash    string
}

func readGetTx(c echo.Context) (p GetTx, err error) {
	r := reader{c: c}
	p.Network = r.place("network")
	p.Hash = r.place("hash")
	p.Fresh = readFresh(&r)
	return p, r.err
}

// CancelAll are the parameters of DELETE /v1/orders.
type CancelAll struct {
	Symbol string
	Side   string
}

func readCancelAll(c echo.Context) (p CancelAll, err error) {
	r := reader{c: c}
	p.Symbol = r.text("symbol", "")
	p.Side = r.anyCase("side", wordsSide, "no such side")
	return p, r.err
}

// ListOrders are the parameters of GET /v1/orders.
type ListOrders struct {
	Status string // open: every order that can still be filled, waiting and partially filled ones among them.
	Limit  int64  // Rows of an answer. Default 100.
	Cursor string // What an answer carried as next. Opaque.
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func readListOrders(c echo.Context) (p ListOrders, err error) {
	r := reader{c: c}
	p.Status = r.word("status", "", wordsStatus, "no such status")
	p.Limit = r.whole("limit", 1, 1000, 100, "wants a whole number from 1 to 1000")
	p.Cursor = r.text("cursor", "")
	p.MinSeq = r.text("min_seq", "")
	return p, r.err
}

// PlaceOrder has no parameters.
type PlaceOrder struct{}

// BatchOrders has no parameters.
type BatchOrders struct{}

// CancelOrderByClientID are the parameters of DELETE /v1/orders/by-client-id/{cid}.
type CancelOrderByClientID struct {
	Cid string // The client_order_id.
}

func readCancelOrderByClientID(c echo.Context) (p CancelOrderByClientID, err error) {
	r := reader{c: c}
	p.Cid = r.place("cid")
	return p, r.err
}

// GetOrderByClientID are the parameters of GET /v1/orders/by-client-id/{cid}.
type GetOrderByClientID struct {
	Cid    string // The client_order_id.
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func readGetOrderByClientID(c echo.Context) (p GetOrderByClientID, err error) {
	r := reader{c: c}
	p.Cid = r.place("cid")
	p.MinSeq = r.text("min_seq", "")
	return p, r.err
}

// AmendOrderByClientID are the parameters of PATCH /v1/orders/by-client-id/{cid}.
type AmendOrderByClientID struct {
	Cid string // The client_order_id.
}

func readAmendOrderByClientID(c echo.Context) (p AmendOrderByClientID, err error) {
	r := reader{c: c}
	p.Cid = r.place("cid")
	return p, r.err
}

// CancelOrderByClientRef are the parameters of DELETE /v1/orders/by-client-ref/{ref}.
type CancelOrderByClientRef struct {
	Ref uint64 // The client_ref.
}

func readCancelOrderByClientRef(c echo.Context) (p CancelOrderByClientRef, err error) {
	r := reader{c: c}
	p.Ref = r.placeWhole("ref", 1, math.MaxUint64, "wants a whole number above 0")
	return p, r.err
}

// GetOrderByClientRef are the parameters of GET /v1/orders/by-client-ref/{ref}.
type GetOrderByClientRef struct {
	Ref    uint64 // The client_ref.
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func readGetOrderByClientRef(c echo.Context) (p GetOrderByClientRef, err error) {
	r := reader{c: c}
	p.Ref = r.placeWhole("ref", 1, math.MaxUint64, "wants a whole number above 0")
	p.MinSeq = r.text("min_seq", "")
	return p, r.err
}

// AmendOrderByClientRef are the parameters of PATCH /v1/orders/by-client-ref/{ref}.
type AmendOrderByClientRef struct {
	Ref uint64 // The client_ref.
}

func readAmendOrderByClientRef(c echo.Context) (p AmendOrderByClientRef, err error) {
	r := reader{c: c}
	p.Ref = r.placeWhole("ref", 1, math.MaxUint64, "wants a whole number above 0")
	return p, r.err
}

// PairOrders has no parameters.
type PairOrders struct{}

// CancelOrder are the parameters of DELETE /v1/orders/{id}.
type CancelOrder struct {
	ID uint64 // The id that the book gave the order.
}

func readCancelOrder(c echo.Context) (p CancelOrder, err error) {
	r := reader{c: c}
	p.ID = r.placeWhole("id", 1, math.MaxUint64, "wants an order's id")
	return p, r.err
}

// GetOrder are the parameters of GET /v1/orders/{id}.
type GetOrder struct {
	ID     uint64 // The id that the book gave the order.
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func readGetOrder(c echo.Context) (p GetOrder, err error) {
	r := reader{c: c}
	p.ID = r.placeWhole("id", 1, math.MaxUint64, "wants an order's id")
	p.MinSeq = r.text("min_seq", "")
	return p, r.err
}

// AmendOrder are the parameters of PATCH /v1/orders/{id}.
type AmendOrder struct {
	ID uint64 // The id that the book gave the order.
}

func readAmendOrder(c echo.Context) (p AmendOrder, err error) {
	r := reader{c: c}
	p.ID = r.placeWhole("id", 1, math.MaxUint64, "wants an order's id")
	return p, r.err
}

// ReplaceOrder are the parameters of POST /v1/orders/{id}/replace.
type ReplaceOrder struct {
	ID uint64 // The id that the book gave the order.
}

func readReplaceOrder(c echo.Context) (p ReplaceOrder, err error) {
	r := reader{c: c}
	p.ID = r.placeWhole("id", 1, math.MaxUint64, "wants an order's id")
	return p, r.err
}

// ListTickers are the parameters of GET /v1/tickers.
type ListTickers struct {
	MinSeq string // Positions that the answer must not be older than, with commas between them, as the header Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
}

func readListTickers(c echo.Context) (p ListTickers, err error) {
	r := reader{c: c}
	p.MinSeq = r.text("min_seq", "")
	return p, r.err
}

// WebSocket has no parameters.
type WebSocket struct{}

// GetVersion has no parameters.
type GetVersion struct{}
