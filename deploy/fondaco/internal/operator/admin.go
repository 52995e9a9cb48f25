package operator

import (
	"context"
	"fmt"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
)

// AddAsset makes an asset; the same again changes nothing.
func AddAsset(ctx context.Context, b *bus.Bus, venue, name string, scale uint32) error {
	return one(ctx, b, venue, ordersv1.FromAdmin, &ordersv1.Command{Op: &ordersv1.Command_AddAsset{AddAsset: &ordersv1.AddAsset{Name: name, Scale: scale}}})
}

// AddMarket makes a market; the same again changes nothing.
func AddMarket(ctx context.Context, b *bus.Bus, venue string, terms *ordersv1.AddMarket) error {
	return one(ctx, b, venue, ordersv1.FromAdmin, &ordersv1.Command{Op: &ordersv1.Command_AddMarket{AddMarket: terms}})
}

// SetPhase changes what a market takes. endsAtMs and then are an auction's: it
// uncrosses and another phase begins; 0 = at the next SetPhase.
func SetPhase(ctx context.Context, b *bus.Bus, venue string, market uint32, phase ordersv1.Phase, endsAtMs int64, then ordersv1.Phase) error {
	return one(ctx, b, venue, ordersv1.FromAdmin, &ordersv1.Command{Op: &ordersv1.Command_SetPhase{
		SetPhase: &ordersv1.SetPhase{Market: market, Phase: phase, EndsAtMs: endsAtMs, ThenPhase: then}}})
}

// SetLimits changes the limits that are named and keeps the others.
func SetLimits(ctx context.Context, b *bus.Bus, venue string, d *Directory, m *Market, l Limits) error {
	limits, err := l.apply(m, d)
	if err != nil {
		return err
	}
	return one(ctx, b, venue, ordersv1.FromAdmin, &ordersv1.Command{Op: &ordersv1.Command_SetLimits{SetLimits: &ordersv1.SetLimits{Market: m.Market, Limits: limits}}})
}

// Delist ends a market: its orders are canceled, and it takes none again.
func Delist(ctx context.Context, b *bus.Bus, venue string, market uint32) error {
	return one(ctx, b, venue, ordersv1.FromAdmin, &ordersv1.Command{Op: &ordersv1.Command_Delist{Delist: &ordersv1.Delist{Market: market}}})
}

// CancelAll cancels the orders of an account (0: of every one), in a market (0:
// in every one).
func CancelAll(ctx context.Context, b *bus.Bus, venue string, account uint64, market uint32) error {
	return one(ctx, b, venue, ordersv1.FromAdmin, &ordersv1.Command{Op: &ordersv1.Command_CancelAll{CancelAll: &ordersv1.CancelAll{Account: account, Market: market}}})
}

// Funds moves money by hand: amount, in the asset's smallest unit, is put on an
// account, or taken off it when withdraw is set. The id makes a repetition
// harmless.
func Funds(ctx context.Context, b *bus.Bus, venue string, account uint64, d Deposit, id string, withdraw bool) error {
	c := &ordersv1.Command{Op: &ordersv1.Command_Deposit{Deposit: &ordersv1.Deposit{Account: account, Asset: d.Asset, Amount: d.Amount, DepositId: id}}}
	if withdraw {
		c = &ordersv1.Command{Op: &ordersv1.Command_Withdraw{Withdraw: &ordersv1.Withdraw{Account: account, Asset: d.Asset, Amount: d.Amount, WithdrawalId: id}}}
	}
	return one(ctx, b, venue, ordersv1.FromFunds, c)
}

// one carries out a single command that may be repeated without harm.
func one(ctx context.Context, b *bus.Bus, venue, from string, c *ordersv1.Command) error {
	desk, err := openDesk(b)
	if err != nil {
		return err
	}
	defer desk.close()
	c.RequestId = desk.gateway
	return desk.send(ctx, ordersv1.Subject(venue, from), []*ordersv1.Command{c}, func(r *ordersv1.PackReply) (again bool, err error) {
		if len(r.Outcomes) == 0 {
			return true, nil // a repeated pack, or one that could not be read
		}
		switch reason := r.Outcomes[0].Reject; reason {
		case ordersv1.RejectReason_REJECT_REASON_UNSPECIFIED:
			return false, nil
		case ordersv1.RejectReason_REJECT_REASON_STALE:
			return true, nil
		default:
			return false, fmt.Errorf("the order book of %s refuses: %s", venue, Refusal(reason))
		}
	})
}

// refusals say what to do about a reject that an operator can get.
var refusals = map[ordersv1.RejectReason]string{
	ordersv1.RejectReason_REJECT_REASON_UNKNOWN_MARKET:       "there is no such market, or it is delisted",
	ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ASSET:        "there is no such asset: add it first",
	ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ACCOUNT:      "there is no such account",
	ordersv1.RejectReason_REJECT_REASON_CONFLICT:             "it exists with another content; what was made stays as it is: choose another name or id",
	ordersv1.RejectReason_REJECT_REASON_HALTED:               "the venue is halted: put the server's clock right, then run `fondaco venue accept-time`",
	ordersv1.RejectReason_REJECT_REASON_BAD_EXPIRY:           "the end is not in the future",
	ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND:          "a value is outside of its range (see docs/MATCHING.md)",
	ordersv1.RejectReason_REJECT_REASON_BAD_QUANTITY:         "the amount is not above zero",
	ordersv1.RejectReason_REJECT_REASON_INSUFFICIENT_BALANCE: "the account has not as much available; what open orders reserve cannot be withdrawn",
	ordersv1.RejectReason_REJECT_REASON_OVERFLOW:             "the sum would be above what a balance can hold, or there are too many markets",
	ordersv1.RejectReason_REJECT_REASON_BAD_TICK:             "tick x lot is not whole in the quote's smallest unit",
	ordersv1.RejectReason_REJECT_REASON_BAD_LOT:              "tick x lot is not whole in the quote's smallest unit",
}

// Refusal is a sentence for a reject of an operator's command.
func Refusal(r ordersv1.RejectReason) string {
	if s := refusals[r]; s != "" {
		return s
	}
	return r.String()
}
