// Package reject is the table of the engine's refusals: the stable code that
// programs branch on, the sentence for people, and the HTTP status.
package reject

import (
	"net/http"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/problem"
)

// Entry is one refusal.
type Entry struct {
	Code     string
	Sentence string
	Status   int // of an answer that has no order to show
}

var table = map[ordersv1.RejectReason]Entry{
	ordersv1.RejectReason_REJECT_REASON_UNSPECIFIED:          {"none", "the command was carried out", http.StatusOK},
	ordersv1.RejectReason_REJECT_REASON_UNKNOWN_MARKET:       {"unknown_market", "there is no such market, or it was delisted; /v1/markets lists them", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_BAD_TICK:             {"bad_tick", "a price is no whole multiple of the market's tick", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_BAD_LOT:              {"bad_lot", "a quantity is no whole multiple of the market's lot", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_BAD_PRICE:            {"bad_price", "limit orders want a price above 0, other orders none", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_BAD_QUANTITY:         {"bad_quantity", "the quantity must be above 0 (of an amend: above what is filled), and min_quantity at most as large", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_INSUFFICIENT_BALANCE: {"insufficient_balance", "the available balance does not cover the order's worst price and fee", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ORDER:        {"unknown_order", "this account has no such order", http.StatusNotFound},
	ordersv1.RejectReason_REJECT_REASON_CONFLICT:             {"conflict", "another order of this account has this client_order_id and another content", http.StatusConflict},
	ordersv1.RejectReason_REJECT_REASON_STALE:                {"stale", "the command was too old when it reached the order book; nothing was changed, send it again", http.StatusServiceUnavailable},
	ordersv1.RejectReason_REJECT_REASON_HALTED:               {"halted", "the venue is halted until an operator accepts its clock", http.StatusServiceUnavailable},
	ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ASSET:        {"unknown_asset", "there is no such asset", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND:          {"bad_command", "the order book could not make sense of the command: a field is missing, or given where its type does not take it", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_NOT_ALLOWED:          {"not_allowed", "the order book does not take this command from here", http.StatusForbidden},
	ordersv1.RejectReason_REJECT_REASON_OVERFLOW:             {"overflow", "price times quantity does not fit the book's numbers; make one of them smaller", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ACCOUNT:      {"unknown_account", "the order book does not know this account: it exists from its first deposit on", http.StatusForbidden},
	ordersv1.RejectReason_REJECT_REASON_ALREADY_DONE:         {"already_done", "the order is filled, canceled, rejected or expired", http.StatusConflict},
	ordersv1.RejectReason_REJECT_REASON_WOULD_TAKE:           {"would_take", "a post-only order would have traded at once", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_OUTSIDE_COLLAR:       {"outside_collar", "the price is further from the last one than this market allows", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_BELOW_MINIMUM:        {"below_minimum", "the quantity or its value is below the market's minimum", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_ABOVE_MAXIMUM:        {"above_maximum", "the quantity or its value is above the market's maximum", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_BAD_TRIGGER:          {"bad_trigger", "trigger_price or trail is missing, not above 0, or given where it does not belong; the legs of a pair must not both be due at once", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_BAD_DISPLAY:          {"bad_display", "display_quantity wants a resting limit order and at most its quantity", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_BAD_EXPIRY:           {"bad_expiry", "expires_at (or the keep-alive's timeout) is missing, too far, or not in the future", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_PHASE:                {"phase", "the market takes no such command in its present phase; /v1/markets shows it", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_ONE_SIDE:             {"one_side", "this market allows an account orders on one side at a time", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_DUPLICATE:            {"duplicate", "a live order of this account has this client_ref", http.StatusConflict},
	ordersv1.RejectReason_REJECT_REASON_UNPROTECTED:          {"unprotected", "a stop that buys wants a protection_price or a quote_quantity", http.StatusUnprocessableEntity},
	ordersv1.RejectReason_REJECT_REASON_BAD_VERSION:          {"bad_version", "the engine does not know this version of its rules", http.StatusUnprocessableEntity},
}

// Of is the entry of a reason; one that this build does not know yet gets an
// entry that says so.
func Of(r ordersv1.RejectReason) Entry {
	if e, ok := table[r]; ok {
		return e
	}
	return Entry{"refused", "the order book refused the command for a reason that this server does not know yet", http.StatusUnprocessableEntity}
}

// Problem answers a command that changed nothing and has no order to show.
func Problem(r ordersv1.RejectReason) *problem.Problem {
	e := Of(r)
	if e.Status == http.StatusServiceUnavailable {
		return problem.Unavailable(e.Code, e.Sentence)
	}
	p := problem.New(e.Status, e.Code, e.Sentence)
	if r == ordersv1.RejectReason_REJECT_REASON_CONFLICT {
		p.Parameter = "client_order_id"
	}
	return p
}
