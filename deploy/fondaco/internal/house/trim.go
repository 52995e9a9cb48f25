package house

import (
	"context"

	"fondaco.dev/deploy/fondaco/internal/trim"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/pg"
	"fondaco.dev/proto/topology"
)

// trimStreams keeps ORDERS and TRADES from growing for ever, as an operator
// does elsewhere with `fondaco streams trim`.
func (h *house) trimStreams(ctx context.Context) error {
	b, err := bus.Connect(ctx, bus.Config{URL: h.infra.NATSURL(), User: topology.UserProvisioner,
		Password: h.infra.NATSPassword(topology.UserProvisioner), Name: "fondaco trim"}, h.log.Logger)
	if err != nil {
		return err
	}
	defer b.Close()
	pool, err := pg.Open(ctx, h.infra.ReaderURL(), 1, "fondaco trim", h.log.Logger)
	if err != nil {
		return err
	}
	defer pool.Close()
	rounds := &trim.Rounds{Bus: b, DB: pool, Venue: h.file.Venue, Log: h.log.Logger}
	return rounds.Run(ctx)
}
