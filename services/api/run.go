package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/rds"
	"fondaco.dev/pkg/run"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/proto/config"
	"fondaco.dev/services/api/internal/auth"
	"fondaco.dev/services/api/internal/gateway"
	"fondaco.dev/services/api/internal/hub"
	"fondaco.dev/services/api/internal/limit"
	"fondaco.dev/services/api/internal/rest"
	"fondaco.dev/services/api/internal/socket"
	"fondaco.dev/services/api/internal/status"
	"fondaco.dev/services/api/internal/store"
	"fondaco.dev/services/api/internal/venue"
)

// Run serves until ctx ends and returns nil after a clean stop. It answers from
// the first moment and says on /readyz what it waits for; it fails only where
// waiting cannot help: a bad configuration, a taken port, a Postgres role that
// can write, servers that ack before fsync.
func Run(ctx context.Context, cfg Config, log *zlog.Logger) error {
	file, err := config.Load(cfg.ConfigFile)
	if err != nil {
		return err
	}
	redis, err := rds.Open(cfg.Redis)
	if err != nil {
		return err
	}
	defer func() { _ = redis.Close() }()

	adm := admin.New(cfg.AdminAddr, log)
	names := make([]string, len(file.Networks))
	for i, n := range file.Networks {
		names[i] = n.Name
	}
	db := store.New(store.Config{PG: cfg.PG, Networks: names}, adm, log.Named("store"))
	feeds := hub.New(names, db, redis, adm.Registry(), log.Named("hub"))
	board := status.New(cfg.Version, file.Networks, log.Named("status"))
	db.Watch(feeds.OnPoll)
	db.Watch(board.OnPoll)

	var book *venue.Venue
	var gate *gateway.Gateway
	if file.Venue != "" {
		book = venue.New(file.Venue, db, adm, log.Named("venue"))
		gate = gateway.New(file.Venue, book.Remember, adm, log.Named("gateway"))
	}
	tokens, limits := auth.New(db), limit.New(rate(cfg.OrdersPerSecond))
	var entrance *socket.Book
	if gate != nil {
		entrance = &socket.Book{Gateway: gate, Limits: limits}
	}
	sockets := socket.New(socket.Config{QueueBytes: cfg.QueueBytes, Stall: cfg.SocketStall, Behind: cfg.SocketBehind, MaxConns: cfg.MaxSockets, Orders: rate(cfg.SocketOrdersPerSecond)},
		file.Networks, feeds, book, entrance, tokens, adm.Registry(), log.Named("socket"))
	server := rest.New(rest.Parts{Config: file, Store: db, Venue: book, Gateway: gate, Limits: limits, Auth: tokens, Sockets: sockets, Status: board, Admin: adm}, log.Named("http"))

	onBus := func(ctx context.Context, b *bus.Bus) error {
		parts := []run.Part{{Name: "status", Run: func(ctx context.Context) error { return board.Run(ctx, b) }}}
		if book != nil {
			parts = append(parts, run.Part{Name: "venue", Run: func(ctx context.Context) error { return book.Run(ctx, b) }},
				run.Part{Name: "gateway", Run: func(ctx context.Context) error { return gate.Run(ctx, b) }})
		}
		return run.All(ctx, log.Logger, parts...)
	}
	nats := adm.Status("nats")
	// What requests need ends after the last request did.
	behind, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	return run.All(ctx, log.Logger,
		run.Part{Name: "http", Run: func(ctx context.Context) error {
			defer stop()
			return server.Run(ctx, cfg.HTTPAddr)
		}},
		run.Part{Name: "behind", Run: func(context.Context) error {
			return run.All(behind, log.Logger,
				run.Part{Name: "admin", Run: adm.Run},
				run.Part{Name: "postgres", Run: db.Run},
				run.Part{Name: "hub", Run: feeds.Run},
				run.Part{Name: "nats", Run: func(ctx context.Context) error { return withBus(ctx, cfg.NATS, nats, log.Logger, onBus) }},
			)
		}},
	)
}

// rate lets a client that was quiet send two seconds' worth at once.
func rate(perSecond int) limit.Rate { return limit.Rate{PerSecond: perSecond, Burst: 2 * perSecond} }

// withBus waits for NATS and the provisioner's verdict, then runs what needs
// them.
func withBus(ctx context.Context, cfg bus.Config, st *admin.Status, log *zap.Logger, fn func(context.Context, *bus.Bus) error) error {
	b, err := bus.Connect(ctx, cfg, log.Named("nats"))
	if err != nil {
		return err
	}
	defer b.Close()
	st.Set(errors.New("waiting for the streams to be provisioned"))
	if err := b.CheckDurable(ctx); err != nil {
		return fmt.Errorf("checking the streams: %w", err)
	}
	return run.All(ctx, log, run.Part{Name: "work", Run: func(ctx context.Context) error { return fn(ctx, b) }},
		run.Part{Name: "watch", Run: func(ctx context.Context) error {
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for {
				st.Set(b.Ready())
				select {
				case <-ctx.Done():
					return nil
				case <-tick.C:
				}
			}
		}})
}
