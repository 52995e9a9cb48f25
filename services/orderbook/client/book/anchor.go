package book

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/services/orderbook/internal/recovery"
	"fondaco.dev/services/orderbook/internal/snapshot"
)

// Anchor is what the streams must keep of a venue; see [FindAnchor].
type Anchor = recovery.Anchor

// FindAnchor says from which messages of ORDERS and TRADES on the order book
// needs a venue's streams: its oldest confirmed snapshot, which is loaded and
// compared with TRADES, stands in for what is below. An error when there is none.
func FindAnchor(ctx context.Context, b *bus.Bus, venue string) (Anchor, error) {
	src := &recovery.Source{Bus: recovery.OnBus(b), Store: snapshot.New(b.JetStream(), venue, ""), Venue: venue, Log: zap.NewNop()}
	a, found, err := src.Anchor(ctx)
	if err != nil {
		return a, err
	}
	if !found {
		return a, fmt.Errorf("venue %s has no confirmed snapshot: nothing stands in for its packs yet; a standby confirms every snapshot, "+
			"an order book alone one every FONDACO_SNAPSHOT_CONFIRM_INTERVAL", venue)
	}
	return a, nil
}
