package rest

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/labstack/echo/v4"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/decimal"
	"fondaco.dev/services/api/internal/gateway"
	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/shape"
)

var (
	clientIDs  = regexp.MustCompile(`^[ -~]{1,64}$`)
	symbols    = regexp.MustCompile(`^[A-Za-z0-9._/-]{1,32}$`)
	orderKeys  = []string{"symbol", "side", "type", "time_in_force", "price", "quantity", "client_order_id"}
	sides      = map[string]ordersv1.Side{"buy": ordersv1.Side_SIDE_BUY, "sell": ordersv1.Side_SIDE_SELL}
	orderTypes = map[string]ordersv1.OrderType{"limit": ordersv1.OrderType_ORDER_TYPE_LIMIT, "market": ordersv1.OrderType_ORDER_TYPE_MARKET}
	forces     = map[string]ordersv1.TimeInForce{"GTC": ordersv1.TimeInForce_TIME_IN_FORCE_GTC, "IOC": ordersv1.TimeInForce_TIME_IN_FORCE_IOC,
		"FOK": ordersv1.TimeInForce_TIME_IN_FORCE_FOK}
)

// readBody reads a flat JSON object of strings; numbers are taken by their
// text, so that none is ever a float. The content type does not matter: the
// caller is known by a token, never by a cookie that another page could use.
func readBody(c echo.Context, allowed []string) (map[string]string, error) {
	raw, err := io.ReadAll(c.Request().Body)
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return nil, problem.New(http.StatusRequestEntityTooLarge, "body_too_large", "a body may have 65536 bytes")
	}
	if err != nil {
		return nil, problem.New(http.StatusBadRequest, "bad_body", "the body ended early")
	}
	var m map[string]json.RawMessage
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&m); err != nil || m == nil || dec.More() {
		return nil, problem.New(http.StatusBadRequest, "bad_body", "the body is not one JSON object")
	}
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	out := map[string]string{}
	for _, name := range names {
		if !slices.Contains(allowed, name) {
			return nil, problem.UnknownParameter(name, allowed)
		}
		v := m[name]
		switch v[0] {
		case '"':
			var s string
			if json.Unmarshal(v, &s) != nil {
				return nil, problem.Parameter(name, "is not a string")
			}
			out[name] = s
		case 'n':
		case '{', '[', 't', 'f':
			return nil, problem.Parameter(name, "wants a string")
		default:
			out[name] = string(v)
		}
	}
	return out, nil
}

// readOrder makes the command of a request. What is no order at all is a
// problem; what the engine has to refuse, so that the refusal is in the
// stream, goes to the engine: a price that is no whole number of ticks, an
// unknown market.
func (s *Server) readOrder(body map[string]string, account uint64) (*ordersv1.NewOrder, error) {
	o := &ordersv1.NewOrder{Account: account, Symbol: body["symbol"], ClientOrderId: body["client_order_id"]}
	if !symbols.MatchString(o.GetSymbol()) {
		return nil, problem.Parameter("symbol", "is required, as listed at /v1/markets")
	}
	var ok bool
	if o.Side, ok = sides[strings.ToLower(body["side"])]; !ok {
		return nil, problem.Parameter("side", "is required", "buy", "sell")
	}
	kind := body["type"]
	if kind == "" {
		kind = "limit"
	}
	if o.Type, ok = orderTypes[strings.ToLower(kind)]; !ok {
		return nil, problem.Parameter("type", "no such type", "limit", "market")
	}
	isMarket := o.GetType() == ordersv1.OrderType_ORDER_TYPE_MARKET
	force := body["time_in_force"]
	if force == "" {
		if force = "GTC"; isMarket {
			force = "IOC"
		}
	}
	if o.TimeInForce, ok = forces[strings.ToUpper(force)]; !ok {
		return nil, problem.Parameter("time_in_force", "no such time in force", "GTC", "IOC", "FOK")
	}
	price, hasPrice := body["price"]
	switch {
	case isMarket && hasPrice:
		return nil, problem.Parameter("price", "a market order has none")
	case !isMarket && !decimal.Valid(price):
		return nil, problem.Parameter("price", `is required for a limit order, as a decimal such as "12.50"`)
	case !decimal.Valid(body["quantity"]):
		return nil, problem.Parameter("quantity", `is required, as a decimal such as "3"`)
	}
	if id, given := body["client_order_id"]; given && !clientIDs.MatchString(id) {
		return nil, problem.Parameter("client_order_id", "wants 1 to 64 printable ASCII characters")
	} else if !given {
		var b [12]byte
		_, _ = rand.Read(b[:]) // never fails, by its own documentation
		o.ClientOrderId = "auto-" + hex.EncodeToString(b[:])
	}
	return o, s.units(o, price, body["quantity"])
}

// units turns decimals into ticks and lots.
func (s *Server) units(o *ordersv1.NewOrder, price, quantity string) error {
	var m *market.Market
	if err := s.view(func(st *market.State) { m = st.Market(o.GetSymbol()) }); err != nil {
		return err
	}
	if m == nil {
		o.Malformed = ordersv1.RejectReason_REJECT_REASON_UNKNOWN_MARKET
		return nil
	}
	lots, why, err := m.Lots(quantity)
	if err != nil {
		return problem.Parameter("quantity", "is no decimal number")
	}
	o.QuantityLots, o.Malformed = lots, why
	if price == "" {
		return nil
	}
	ticks, why, err := m.Ticks(price)
	if err != nil {
		return problem.Parameter("price", "is no decimal number")
	}
	if o.PriceTicks = ticks; why != 0 {
		o.Malformed = why
	}
	return nil
}

func (s *Server) placeOrder(c echo.Context) error {
	if s.Gateway == nil {
		return s.view(nil)
	}
	body, err := readBody(c, orderKeys)
	if err != nil {
		return err
	}
	who := caller(c)
	o, err := s.readOrder(body, who.Account)
	if err != nil {
		return err
	}
	cmd := &ordersv1.Command{RequestId: requestID(c), Op: &ordersv1.Command_NewOrder{NewOrder: o}}
	a, err := s.Gateway.Do(c.Request().Context(), cmd, who.Account)
	switch {
	case errors.Is(err, gateway.ErrUnknown):
		c.Response().Header().Set("Location", "/v1/orders/by-client-id/"+escape(o.GetClientOrderId()))
		return answer(c, http.StatusAccepted, map[string]string{"client_order_id": o.GetClientOrderId(), "status": "unknown",
			"detail": "the outcome is not known yet; ask at /v1/orders/by-client-id/" + escape(o.GetClientOrderId())})
	case err != nil:
		return notSent(err)
	}
	return s.outcome(c, a)
}

func notSent(err error) error {
	if errors.Is(err, gateway.ErrClosed) {
		return problem.Unavailable("intake_stopped", "no new orders are taken in for now; cancels are; nothing was sent")
	}
	if errors.Is(err, gateway.ErrNotSent) {
		return problem.Unavailable("not_sent", "the order book cannot be reached now; nothing was sent")
	}
	return err
}

// outcome answers with the order as the engine left it.
func (s *Server) outcome(c echo.Context, a gateway.Answer) error {
	o, why := a.Outcome.GetOrder(), a.Outcome.GetReject()
	switch why {
	case ordersv1.RejectReason_REJECT_REASON_CONFLICT:
		p := problem.New(http.StatusConflict, "conflict", "another order of this account has this client_order_id and another content")
		p.Parameter = "client_order_id"
		return p
	case ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ORDER:
		return problem.NotFound("this order")
	case ordersv1.RejectReason_REJECT_REASON_ALREADY_DONE:
		return problem.New(http.StatusConflict, "already_done", "the order is filled, canceled, rejected or expired")
	}
	if o == nil {
		return refused(why)
	}
	view := shape.OrderOf(o)
	var units *market.Market
	if err := s.view(func(st *market.State) { units = st.Market(view.Symbol) }); err != nil {
		return err
	}
	return answer(c, http.StatusOK, shape.OfOrder(&view, units))
}

// refused answers a command that the engine did not carry out and that has no
// order to show.
func refused(why ordersv1.RejectReason) error {
	code := shape.Reason(why)
	switch why {
	case ordersv1.RejectReason_REJECT_REASON_HALTED:
		return problem.Unavailable(code, "the venue is halted until an operator accepts its clock")
	case ordersv1.RejectReason_REJECT_REASON_STALE:
		return problem.Unavailable(code, "the command was too old when it reached the order book; nothing was changed")
	case ordersv1.RejectReason_REJECT_REASON_NOT_ALLOWED, ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ACCOUNT:
		return problem.New(http.StatusForbidden, code, "the order book refuses this account")
	case ordersv1.RejectReason_REJECT_REASON_UNSPECIFIED:
		return errors.New("the engine answered neither an order nor a reason")
	}
	return problem.New(http.StatusUnprocessableEntity, code, "the order book refused the command")
}

func (s *Server) cancelOrder(c echo.Context) error {
	if s.Gateway == nil {
		return s.view(nil)
	}
	id, ok := shape.ID(c.Param("id"))
	if !ok {
		return problem.Parameter("id", "wants an order's id")
	}
	who := caller(c)
	cmd := &ordersv1.Command{RequestId: requestID(c), Op: &ordersv1.Command_Cancel{Cancel: &ordersv1.CancelOrder{Account: who.Account, OrderId: id}}}
	a, err := s.Gateway.Do(c.Request().Context(), cmd, who.Account)
	switch {
	case errors.Is(err, gateway.ErrUnknown):
		c.Response().Header().Set("Location", "/v1/orders/"+c.Param("id"))
		return answer(c, http.StatusAccepted, map[string]any{"id": id, "status": "unknown", "detail": "the outcome is not known yet; ask for the order"})
	case err != nil:
		return notSent(err)
	}
	return s.outcome(c, a)
}
