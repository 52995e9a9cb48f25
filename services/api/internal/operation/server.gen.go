// Code generated from openapi.yaml by internal/clientgen; DO NOT EDIT.

package operation

import (
	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/auth"
)

// Server answers every operation of the description.
type Server interface {
	// Root: What this is and how far each network is (GET /).
	Root(echo.Context, Root) error
	// AccountDeploys: Deploys of a public key, newest first; over a WebSocket as they come (GET /accountDeploys/{key}).
	AccountDeploys(echo.Context, AccountDeploys) error
	// AsyncAPI: The description of what the WebSocket says (GET /asyncapi.json).
	AsyncAPI(echo.Context, AsyncAPI) error
	// CasperBlock: A block; over a WebSocket this block when it comes (GET /block/{hash}).
	CasperBlock(echo.Context, CasperBlock) error
	// CasperBlocks: Blocks, newest first; over a WebSocket each block that comes (GET /blocks).
	CasperBlocks(echo.Context, CasperBlocks) error
	// AccountDeploysOf: Deploys of a public key, newest first; over a WebSocket as they come (GET /casper/{network}/accountDeploys/{key}).
	AccountDeploysOf(echo.Context, AccountDeploysOf) error
	// CasperBlockOf: A block; over a WebSocket this block when it comes (GET /casper/{network}/block/{hash}).
	CasperBlockOf(echo.Context, CasperBlockOf) error
	// CasperBlocksOf: Blocks, newest first; over a WebSocket each block that comes (GET /casper/{network}/blocks).
	CasperBlocksOf(echo.Context, CasperBlocksOf) error
	// CasperDeployOf: A deploy; over a WebSocket its states as they come (GET /casper/{network}/deploy/{hash}).
	CasperDeployOf(echo.Context, CasperDeployOf) error
	// TransfersOf: Native transfers of an account, newest first (GET /casper/{network}/transfers/{account}).
	TransfersOf(echo.Context, TransfersOf) error
	// CasperDeploy: A deploy; over a WebSocket its states as they come (GET /deploy/{hash}).
	CasperDeploy(echo.Context, CasperDeploy) error
	// Docs: This description as a page (GET /docs).
	Docs(echo.Context, Docs) error
	// Livez: Whether the process answers (GET /livez).
	Livez(echo.Context, Livez) error
	// OpenAPI: This description (GET /openapi.json).
	OpenAPI(echo.Context, OpenAPI) error
	// Readyz: Whether the process can serve, and what it waits for (GET /readyz).
	Readyz(echo.Context, Readyz) error
	// Transfers: Native transfers of an account, newest first (GET /transfers/{account}).
	Transfers(echo.Context, Transfers) error
	// ListBalances: The account's holdings (GET /v1/balances).
	ListBalances(echo.Context, ListBalances) error
	// KeepAlive: The dead man's switch (PUT /v1/keepalive).
	KeepAlive(echo.Context, KeepAlive) error
	// ListMarkets: All markets and their rules (GET /v1/markets).
	ListMarkets(echo.Context, ListMarkets) error
	// GetMarket: A market and its rules (GET /v1/markets/{symbol}).
	GetMarket(echo.Context, GetMarket) error
	// ListAuctions: Auctions that ended, newest first (GET /v1/markets/{symbol}/auctions).
	ListAuctions(echo.Context, ListAuctions) error
	// GetIndication: What an auction would do if it ended now (GET /v1/markets/{symbol}/auctions/indicative).
	GetIndication(echo.Context, GetIndication) error
	// GetTop: Best bid and ask (GET /v1/markets/{symbol}/bbo).
	GetTop(echo.Context, GetTop) error
	// ListCandles: Candles that open in a stretch of time, newest first (GET /v1/markets/{symbol}/candles).
	ListCandles(echo.Context, ListCandles) error
	// GetDepth: The book by price levels (GET /v1/markets/{symbol}/depth).
	GetDepth(echo.Context, GetDepth) error
	// GetQueue: The book order by order (GET /v1/markets/{symbol}/queue).
	GetQueue(echo.Context, GetQueue) error
	// GetQuote: What an order at market would trade for now (GET /v1/markets/{symbol}/quote).
	GetQuote(echo.Context, GetQuote) error
	// GetTicker: The last 24 hours of a market (GET /v1/markets/{symbol}/ticker).
	GetTicker(echo.Context, GetTicker) error
	// ListTrades: Trades, newest first (GET /v1/markets/{symbol}/trades).
	ListTrades(echo.Context, ListTrades) error
	// ListNetworks: All networks (GET /v1/networks).
	ListNetworks(echo.Context, ListNetworks) error
	// GetNetwork: A network (GET /v1/networks/{network}).
	GetNetwork(echo.Context, GetNetwork) error
	// GetAccount: An account of a Casper network (GET /v1/networks/{network}/accounts/{key}).
	GetAccount(echo.Context, GetAccount) error
	// ListBlocks: Blocks by height (GET /v1/networks/{network}/blocks).
	ListBlocks(echo.Context, ListBlocks) error
	// GetBlock: A block by number or hash (GET /v1/networks/{network}/blocks/{block}).
	GetBlock(echo.Context, GetBlock) error
	// ListEvents: Events of an EVM network, filtered (GET /v1/networks/{network}/events).
	ListEvents(echo.Context, ListEvents) error
	// ListMessages: Messages of contracts of a Casper network, newest first (GET /v1/networks/{network}/messages).
	ListMessages(echo.Context, ListMessages) error
	// ListReorgs: Reorganisations of an EVM network (GET /v1/networks/{network}/reorgs).
	ListReorgs(echo.Context, ListReorgs) error
	// GetTx: A transaction of an EVM network (GET /v1/networks/{network}/txs/{hash}).
	GetTx(echo.Context, GetTx) error
	// CancelAll: Cancel all orders, or those of a market or a side (DELETE /v1/orders).
	CancelAll(echo.Context, CancelAll) error
	// ListOrders: The account's orders, newest first (GET /v1/orders).
	ListOrders(echo.Context, ListOrders) error
	// PlaceOrder: Place an order (POST /v1/orders).
	PlaceOrder(echo.Context, PlaceOrder) error
	// BatchOrders: Up to a hundred commands in order (POST /v1/orders/batch).
	BatchOrders(echo.Context, BatchOrders) error
	// CancelOrderByClientID: Cancel an order (DELETE /v1/orders/by-client-id/{cid}).
	CancelOrderByClientID(echo.Context, CancelOrderByClientID) error
	// GetOrderByClientID: An order (GET /v1/orders/by-client-id/{cid}).
	GetOrderByClientID(echo.Context, GetOrderByClientID) error
	// AmendOrderByClientID: Give an order another price, another quantity, or both (PATCH /v1/orders/by-client-id/{cid}).
	AmendOrderByClientID(echo.Context, AmendOrderByClientID) error
	// CancelOrderByClientRef: Cancel an order (DELETE /v1/orders/by-client-ref/{ref}).
	CancelOrderByClientRef(echo.Context, CancelOrderByClientRef) error
	// GetOrderByClientRef: An order (GET /v1/orders/by-client-ref/{ref}).
	GetOrderByClientRef(echo.Context, GetOrderByClientRef) error
	// AmendOrderByClientRef: Give an order another price, another quantity, or both (PATCH /v1/orders/by-client-ref/{ref}).
	AmendOrderByClientRef(echo.Context, AmendOrderByClientRef) error
	// PairOrders: Two orders of which one cancels the other (POST /v1/orders/pair).
	PairOrders(echo.Context, PairOrders) error
	// CancelOrder: Cancel an order (DELETE /v1/orders/{id}).
	CancelOrder(echo.Context, CancelOrder) error
	// GetOrder: An order (GET /v1/orders/{id}).
	GetOrder(echo.Context, GetOrder) error
	// AmendOrder: Give an order another price, another quantity, or both (PATCH /v1/orders/{id}).
	AmendOrder(echo.Context, AmendOrder) error
	// ReplaceOrder: Cancel an order and place another in one step (POST /v1/orders/{id}/replace).
	ReplaceOrder(echo.Context, ReplaceOrder) error
	// ListTickers: The last 24 hours of all markets (GET /v1/tickers).
	ListTickers(echo.Context, ListTickers) error
	// WebSocket: The live feed, and order entry (GET /v1/ws).
	WebSocket(echo.Context, WebSocket) error
	// GetVersion: Which build this is (GET /version).
	GetVersion(echo.Context, GetVersion) error
}

// Table is all operations, by path and method. Nobody changes it.
var Table = []Operation{
	{ID: "root", Method: "GET", Path: "/", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		return s.Root(c, Root{})
	}},
	{ID: "accountDeploys", Method: "GET", Path: "/accountDeploys/{key}", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readAccountDeploys(c)
		if err != nil {
			return err
		}
		return s.AccountDeploys(c, p)
	}},
	{ID: "asyncAPI", Method: "GET", Path: "/asyncapi.json", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		return s.AsyncAPI(c, AsyncAPI{})
	}},
	{ID: "casperBlock", Method: "GET", Path: "/block/{hash}", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readCasperBlock(c)
		if err != nil {
			return err
		}
		return s.CasperBlock(c, p)
	}},
	{ID: "casperBlocks", Method: "GET", Path: "/blocks", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		return s.CasperBlocks(c, CasperBlocks{})
	}},
	{ID: "accountDeploysOf", Method: "GET", Path: "/casper/{network}/accountDeploys/{key}", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readAccountDeploysOf(c)
		if err != nil {
			return err
		}
		return s.AccountDeploysOf(c, p)
	}},
	{ID: "casperBlockOf", Method: "GET", Path: "/casper/{network}/block/{hash}", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readCasperBlockOf(c)
		if err != nil {
			return err
		}
		return s.CasperBlockOf(c, p)
	}},
	{ID: "casperBlocksOf", Method: "GET", Path: "/casper/{network}/blocks", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readCasperBlocksOf(c)
		if err != nil {
			return err
		}
		return s.CasperBlocksOf(c, p)
	}},
	{ID: "casperDeployOf", Method: "GET", Path: "/casper/{network}/deploy/{hash}", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readCasperDeployOf(c)
		if err != nil {
			return err
		}
		return s.CasperDeployOf(c, p)
	}},
	{ID: "transfersOf", Method: "GET", Path: "/casper/{network}/transfers/{account}", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readTransfersOf(c)
		if err != nil {
			return err
		}
		return s.TransfersOf(c, p)
	}},
	{ID: "casperDeploy", Method: "GET", Path: "/deploy/{hash}", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readCasperDeploy(c)
		if err != nil {
			return err
		}
		return s.CasperDeploy(c, p)
	}},
	{ID: "docs", Method: "GET", Path: "/docs", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		return s.Docs(c, Docs{})
	}},
	{ID: "livez", Method: "GET", Path: "/livez", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		return s.Livez(c, Livez{})
	}},
	{ID: "openAPI", Method: "GET", Path: "/openapi.json", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		return s.OpenAPI(c, OpenAPI{})
	}},
	{ID: "readyz", Method: "GET", Path: "/readyz", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		return s.Readyz(c, Readyz{})
	}},
	{ID: "transfers", Method: "GET", Path: "/transfers/{account}", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readTransfers(c)
		if err != nil {
			return err
		}
		return s.Transfers(c, p)
	}},
	{ID: "listBalances", Method: "GET", Path: "/v1/balances", Policy: auth.Owner, Answer: func(s Server, c echo.Context) error {
		p, err := readListBalances(c)
		if err != nil {
			return err
		}
		return s.ListBalances(c, p)
	}},
	{ID: "keepAlive", Method: "PUT", Path: "/v1/keepalive", Policy: auth.Trader, Answer: func(s Server, c echo.Context) error {
		return s.KeepAlive(c, KeepAlive{})
	}},
	{ID: "listMarkets", Method: "GET", Path: "/v1/markets", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readListMarkets(c)
		if err != nil {
			return err
		}
		return s.ListMarkets(c, p)
	}},
	{ID: "getMarket", Method: "GET", Path: "/v1/markets/{symbol}", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readGetMarket(c)
		if err != nil {
			return err
		}
		return s.GetMarket(c, p)
	}},
	{ID: "listAuctions", Method: "GET", Path: "/v1/markets/{symbol}/auctions", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readListAuctions(c)
		if err != nil {
			return err
		}
		return s.ListAuctions(c, p)
	}},
	{ID: "getIndication", Method: "GET", Path: "/v1/markets/{symbol}/auctions/indicative", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readGetIndication(c)
		if err != nil {
			return err
		}
		return s.GetIndication(c, p)
	}},
	{ID: "getTop", Method: "GET", Path: "/v1/markets/{symbol}/bbo", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readGetTop(c)
		if err != nil {
			return err
		}
		return s.GetTop(c, p)
	}},
	{ID: "listCandles", Method: "GET", Path: "/v1/markets/{symbol}/candles", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readListCandles(c)
		if err != nil {
			return err
		}
		return s.ListCandles(c, p)
	}},
	{ID: "getDepth", Method: "GET", Path: "/v1/markets/{symbol}/depth", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readGetDepth(c)
		if err != nil {
			return err
		}
		return s.GetDepth(c, p)
	}},
	{ID: "getQueue", Method: "GET", Path: "/v1/markets/{symbol}/queue", Policy: auth.Admin, Answer: func(s Server, c echo.Context) error {
		p, err := readGetQueue(c)
		if err != nil {
			return err
		}
		return s.GetQueue(c, p)
	}},
	{ID: "getQuote", Method: "GET", Path: "/v1/markets/{symbol}/quote", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readGetQuote(c)
		if err != nil {
			return err
		}
		return s.GetQuote(c, p)
	}},
	{ID: "getTicker", Method: "GET", Path: "/v1/markets/{symbol}/ticker", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readGetTicker(c)
		if err != nil {
			return err
		}
		return s.GetTicker(c, p)
	}},
	{ID: "listTrades", Method: "GET", Path: "/v1/markets/{symbol}/trades", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readListTrades(c)
		if err != nil {
			return err
		}
		return s.ListTrades(c, p)
	}},
	{ID: "listNetworks", Method: "GET", Path: "/v1/networks", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		return s.ListNetworks(c, ListNetworks{})
	}},
	{ID: "getNetwork", Method: "GET", Path: "/v1/networks/{network}", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readGetNetwork(c)
		if err != nil {
			return err
		}
		return s.GetNetwork(c, p)
	}},
	{ID: "getAccount", Method: "GET", Path: "/v1/networks/{network}/accounts/{key}", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readGetAccount(c)
		if err != nil {
			return err
		}
		return s.GetAccount(c, p)
	}},
	{ID: "listBlocks", Method: "GET", Path: "/v1/networks/{network}/blocks", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readListBlocks(c)
		if err != nil {
			return err
		}
		return s.ListBlocks(c, p)
	}},
	{ID: "getBlock", Method: "GET", Path: "/v1/networks/{network}/blocks/{block}", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readGetBlock(c)
		if err != nil {
			return err
		}
		return s.GetBlock(c, p)
	}},
	{ID: "listEvents", Method: "GET", Path: "/v1/networks/{network}/events", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readListEvents(c)
		if err != nil {
			return err
		}
		return s.ListEvents(c, p)
	}},
	{ID: "listMessages", Method: "GET", Path: "/v1/networks/{network}/messages", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readListMessages(c)
		if err != nil {
			return err
		}
		return s.ListMessages(c, p)
	}},
	{ID: "listReorgs", Method: "GET", Path: "/v1/networks/{network}/reorgs", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readListReorgs(c)
		if err != nil {
			return err
		}
		return s.ListReorgs(c, p)
	}},
	{ID: "getTx", Method: "GET", Path: "/v1/networks/{network}/txs/{hash}", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readGetTx(c)
		if err != nil {
			return err
		}
		return s.GetTx(c, p)
	}},
	{ID: "cancelAll", Method: "DELETE", Path: "/v1/orders", Policy: auth.Trader, Answer: func(s Server, c echo.Context) error {
		p, err := readCancelAll(c)
		if err != nil {
			return err
		}
		return s.CancelAll(c, p)
	}},
	{ID: "listOrders", Method: "GET", Path: "/v1/orders", Policy: auth.Owner, Answer: func(s Server, c echo.Context) error {
		p, err := readListOrders(c)
		if err != nil {
			return err
		}
		return s.ListOrders(c, p)
	}},
	{ID: "placeOrder", Method: "POST", Path: "/v1/orders", Policy: auth.Trader, Answer: func(s Server, c echo.Context) error {
		return s.PlaceOrder(c, PlaceOrder{})
	}},
	{ID: "batchOrders", Method: "POST", Path: "/v1/orders/batch", Policy: auth.Trader, Answer: func(s Server, c echo.Context) error {
		return s.BatchOrders(c, BatchOrders{})
	}},
	{ID: "cancelOrderByClientID", Method: "DELETE", Path: "/v1/orders/by-client-id/{cid}", Policy: auth.Trader, Answer: func(s Server, c echo.Context) error {
		p, err := readCancelOrderByClientID(c)
		if err != nil {
			return err
		}
		return s.CancelOrderByClientID(c, p)
	}},
	{ID: "getOrderByClientID", Method: "GET", Path: "/v1/orders/by-client-id/{cid}", Policy: auth.Owner, Answer: func(s Server, c echo.Context) error {
		p, err := readGetOrderByClientID(c)
		if err != nil {
			return err
		}
		return s.GetOrderByClientID(c, p)
	}},
	{ID: "amendOrderByClientID", Method: "PATCH", Path: "/v1/orders/by-client-id/{cid}", Policy: auth.Trader, Answer: func(s Server, c echo.Context) error {
		p, err := readAmendOrderByClientID(c)
		if err != nil {
			return err
		}
		return s.AmendOrderByClientID(c, p)
	}},
	{ID: "cancelOrderByClientRef", Method: "DELETE", Path: "/v1/orders/by-client-ref/{ref}", Policy: auth.Trader, Answer: func(s Server, c echo.Context) error {
		p, err := readCancelOrderByClientRef(c)
		if err != nil {
			return err
		}
		return s.CancelOrderByClientRef(c, p)
	}},
	{ID: "getOrderByClientRef", Method: "GET", Path: "/v1/orders/by-client-ref/{ref}", Policy: auth.Owner, Answer: func(s Server, c echo.Context) error {
		p, err := readGetOrderByClientRef(c)
		if err != nil {
			return err
		}
		return s.GetOrderByClientRef(c, p)
	}},
	{ID: "amendOrderByClientRef", Method: "PATCH", Path: "/v1/orders/by-client-ref/{ref}", Policy: auth.Trader, Answer: func(s Server, c echo.Context) error {
		p, err := readAmendOrderByClientRef(c)
		if err != nil {
			return err
		}
		return s.AmendOrderByClientRef(c, p)
	}},
	{ID: "pairOrders", Method: "POST", Path: "/v1/orders/pair", Policy: auth.Trader, Answer: func(s Server, c echo.Context) error {
		return s.PairOrders(c, PairOrders{})
	}},
	{ID: "cancelOrder", Method: "DELETE", Path: "/v1/orders/{id}", Policy: auth.Trader, Answer: func(s Server, c echo.Context) error {
		p, err := readCancelOrder(c)
		if err != nil {
			return err
		}
		return s.CancelOrder(c, p)
	}},
	{ID: "getOrder", Method: "GET", Path: "/v1/orders/{id}", Policy: auth.Owner, Answer: func(s Server, c echo.Context) error {
		p, err := readGetOrder(c)
		if err != nil {
			return err
		}
		return s.GetOrder(c, p)
	}},
	{ID: "amendOrder", Method: "PATCH", Path: "/v1/orders/{id}", Policy: auth.Trader, Answer: func(s Server, c echo.Context) error {
		p, err := readAmendOrder(c)
		if err != nil {
			return err
		}
		return s.AmendOrder(c, p)
	}},
	{ID: "replaceOrder", Method: "POST", Path: "/v1/orders/{id}/replace", Policy: auth.Trader, Answer: func(s Server, c echo.Context) error {
		p, err := readReplaceOrder(c)
		if err != nil {
			return err
		}
		return s.ReplaceOrder(c, p)
	}},
	{ID: "listTickers", Method: "GET", Path: "/v1/tickers", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		p, err := readListTickers(c)
		if err != nil {
			return err
		}
		return s.ListTickers(c, p)
	}},
	{ID: "webSocket", Method: "GET", Path: "/v1/ws", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		return s.WebSocket(c, WebSocket{})
	}},
	{ID: "getVersion", Method: "GET", Path: "/version", Policy: auth.Public, Answer: func(s Server, c echo.Context) error {
		return s.GetVersion(c, GetVersion{})
	}},
}
