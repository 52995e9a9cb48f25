package rest

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"fondaco.dev/services/api/internal/limit"
	"fondaco.dev/services/api/internal/spec"
)

// route is an operation and what is known of it before any request comes.
type route struct {
	op     *spec.Operation
	class  limit.Class
	handle echo.HandlerFunc
	// Where the times of what was answered 200 are counted, those of a HEAD
	// apart. Looked up with the first one, so that a route that nobody asks for is
	// no metric.
	seen [2]atomic.Pointer[prometheus.Observer]
}

func (r *route) answered(s *Server, method string) prometheus.Observer {
	at := &r.seen[0]
	if method == http.MethodHead {
		at = &r.seen[1]
	}
	if o := at.Load(); o != nil {
		return *o
	}
	o := s.requests.WithLabelValues(method, r.op.Route, "200")
	at.Store(&o)
	return o
}

// handlers says who answers each operation of openapi.yaml. Path, method,
// policy and parameters stand there; New fails where one side lacks the other.
func (s *Server) handlers() map[string]echo.HandlerFunc {
	return map[string]echo.HandlerFunc{
		"root": s.root, "livez": s.livez, "readyz": s.readyz, "getVersion": s.getVersion, "openAPI": s.openAPI, "asyncAPI": s.asyncAPI, "docs": s.docs,

		"listNetworks": s.listNetworks, "getNetwork": s.getNetwork, "listBlocks": s.listBlocks, "getBlock": s.getBlock,
		"listEvents": s.listEvents, "getTx": s.getTx, "listReorgs": s.listReorgs, "getAccount": s.getAccount, "listMessages": s.listMessages,

		"casperBlock": s.casperBlock, "casperBlocks": s.casperBlocks, "casperDeploy": s.casperDeploy,
		"accountDeploys": s.accountDeploys, "transfers": s.transfers,
		"casperBlockOf": s.casperBlock, "casperBlocksOf": s.casperBlocks, "casperDeployOf": s.casperDeploy,
		"accountDeploysOf": s.accountDeploys, "transfersOf": s.transfers,

		"listMarkets": s.listMarkets, "getMarket": s.getMarket, "getDepth": s.getDepth, "listTrades": s.listTrades,
		"getTicker": s.getTicker, "getTop": s.getTop, "listCandles": s.listCandles, "getQuote": s.getQuote,
		"listAuctions": s.listAuctions, "getIndication": s.getIndication, "getQueue": s.getQueue, "listTickers": s.listTickers,

		"placeOrder": s.placeOrder, "batchOrders": s.batchOrders, "pairOrders": s.pairOrders, "listOrders": s.listOrders,
		"cancelAll": s.cancelAll, "replaceOrder": s.replaceOrder, "keepAlive": s.keepAlive, "listBalances": s.listBalances,
		"getOrder": s.getOrder, "getOrderByClientID": s.getOrder, "getOrderByClientRef": s.getOrder,
		"cancelOrder": s.cancelOrder, "cancelOrderByClientID": s.cancelOrder, "cancelOrderByClientRef": s.cancelOrder,
		"amendOrder": s.amendOrder, "amendOrderByClientID": s.amendOrder, "amendOrderByClientRef": s.amendOrder,

		"webSocket": s.webSocket,
	}
}

// register gives echo every operation of the description.
func (s *Server) register(handlers map[string]echo.HandlerFunc) error {
	for _, op := range s.Spec.Operations {
		handle, ok := handlers[op.ID]
		if !ok {
			return fmt.Errorf("operation %s of the description has no handler", op.ID)
		}
		rt := &route{op: op, class: classOf(op.Method, op.Route), handle: handle}
		for _, method := range op.Methods() {
			s.echo.Add(method, op.Route, func(c echo.Context) error { return s.enter(of(c), rt) })
		}
	}
	for id := range handlers {
		if s.Spec.Operation(id) == nil {
			return fmt.Errorf("handler %s belongs to no operation of the description", id)
		}
	}
	return nil
}

// rooms are the first parts of paths that belong to other interfaces; all
// other unknown paths are answered as the event store did.
var rooms = map[string]bool{
	"v1": true, "graphql": true, "casper": true, "rpc": true, "api": true, "sapi": true, "stream": true, "udf": true,
	"socket.io": true, "console": true, "openapi.json": true, "asyncapi.json": true, "docs": true,
}

func inRoom(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return rooms[first] || strings.HasPrefix(first, "ws")
}
