package rest

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/auth"
)

// route is one line of the table: nothing is served that does not stand here.
type route struct {
	method, path string
	policy       auth.Policy
	params       []string // query parameters that exist; nil = any (the Casper routes)
	handle       echo.HandlerFunc
}

// none says that a route knows no query parameter.
var none = []string{}

func (s *Server) routes() []route {
	get := http.MethodGet
	table := []route{
		{get, "/", auth.Public, nil, s.root},
		{get, "/livez", auth.Public, nil, s.livez},
		{get, "/readyz", auth.Public, nil, s.readyz},

		{get, "/v1/networks", auth.Public, none, s.listNetworks},
		{get, "/v1/networks/:network", auth.Public, none, s.getNetwork},
		{get, "/v1/networks/:network/blocks", auth.Public, []string{"from_block", "to_block", "order", "limit", "cursor"}, s.listBlocks},
		{get, "/v1/networks/:network/blocks/:block", auth.Public, none, s.getBlock},
		{get, "/v1/networks/:network/events", auth.Public, nil, s.listEvents}, // strict by itself: arg.NAME
		{get, "/v1/networks/:network/accounts/:key", auth.Public, none, s.getAccount},
		{get, "/v1/networks/:network/messages", auth.Public, []string{"entity", "topic", "limit", "cursor"}, s.listMessages},

		{get, "/v1/markets", auth.Public, none, s.listMarkets},
		{get, "/v1/markets/:symbol", auth.Public, none, s.getMarket},
		{get, "/v1/markets/:symbol/depth", auth.Public, []string{"limit"}, s.getDepth},
		{get, "/v1/markets/:symbol/trades", auth.Public, []string{"limit", "cursor"}, s.listTrades},

		{get, "/v1/markets/:symbol/ticker", auth.Public, none, s.getTicker},
		{get, "/v1/markets/:symbol/bbo", auth.Public, none, s.getTop},
		{get, "/v1/markets/:symbol/candles", auth.Public, []string{"interval", "from", "to", "limit"}, s.listCandles},
		{get, "/v1/markets/:symbol/quote", auth.Public, []string{"side", "quantity"}, s.getQuote},
		{get, "/v1/markets/:symbol/auctions", auth.Public, []string{"limit", "cursor"}, s.listAuctions},
		{get, "/v1/markets/:symbol/auctions/indicative", auth.Public, none, s.getIndication},
		{get, "/v1/markets/:symbol/queue", auth.Admin, none, s.getQueue},
		{get, "/v1/tickers", auth.Public, none, s.listTickers},

		{http.MethodPost, "/v1/orders", auth.Trader, none, s.placeOrder},
		{http.MethodPost, "/v1/orders/batch", auth.Trader, none, s.batchOrders},
		{http.MethodPost, "/v1/orders/pair", auth.Trader, none, s.pairOrders},
		{get, "/v1/orders", auth.Owner, []string{"status", "limit", "cursor"}, s.listOrders},
		{http.MethodDelete, "/v1/orders", auth.Trader, []string{"symbol", "side"}, s.cancelAll},
		{get, "/v1/orders/:id", auth.Owner, none, s.getOrder},
		{http.MethodDelete, "/v1/orders/:id", auth.Trader, none, s.cancelOrder},
		{http.MethodPatch, "/v1/orders/:id", auth.Trader, none, s.amendOrder},
		{http.MethodPost, "/v1/orders/:id/replace", auth.Trader, none, s.replaceOrder},
		{get, "/v1/orders/by-client-id/:cid", auth.Owner, none, s.getOrder},
		{http.MethodDelete, "/v1/orders/by-client-id/:cid", auth.Trader, none, s.cancelOrder},
		{http.MethodPatch, "/v1/orders/by-client-id/:cid", auth.Trader, none, s.amendOrder},
		{get, "/v1/orders/by-client-ref/:ref", auth.Owner, none, s.getOrder},
		{http.MethodDelete, "/v1/orders/by-client-ref/:ref", auth.Trader, none, s.cancelOrder},
		{http.MethodPatch, "/v1/orders/by-client-ref/:ref", auth.Trader, none, s.amendOrder},
		{http.MethodPut, "/v1/keepalive", auth.Trader, none, s.keepAlive},
		{get, "/v1/balances", auth.Owner, none, s.listBalances},

		{get, "/v1/ws", auth.Public, none, s.webSocket},
	}
	for _, prefix := range []string{"", "/casper/:network"} {
		table = append(table,
			route{get, prefix + "/block/:hash", auth.Public, nil, s.casperBlock},
			route{get, prefix + "/blocks", auth.Public, nil, s.casperBlocks},
			route{get, prefix + "/deploy/:hash", auth.Public, nil, s.casperDeploy},
			route{get, prefix + "/accountDeploys/:key", auth.Public, nil, s.accountDeploys},
			route{get, prefix + "/transfers/:account", auth.Public, nil, s.transfers},
		)
	}
	for _, r := range table {
		if r.method == get && r.path != "/v1/ws" {
			r.method = http.MethodHead // the same without a body
			table = append(table, r)
		}
	}
	return table
}

// rooms are the first parts of paths that belong to other interfaces; all
// other unknown paths are answered as the event store did.
var rooms = map[string]bool{
	"v1": true, "graphql": true, "casper": true, "rpc": true, "api": true, "sapi": true, "stream": true, "udf": true,
	"socket.io": true, "console": true, "openapi.json": true, "docs": true,
}

func inRoom(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return rooms[first] || strings.HasPrefix(first, "ws")
}
