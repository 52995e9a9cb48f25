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
	"fondaco.dev/pkg/trace"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/proto/config"
	"fondaco.dev/services/api/internal/auth"
	"fondaco.dev/services/api/internal/await"
	"fondaco.dev/services/api/internal/gateway"
	"fondaco.dev/services/api/internal/hub"
	"fondaco.dev/services/api/internal/limit"
	"fondaco.dev/services/api/internal/maintenance"
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
	described, channels, err := descriptions()
	if err != nil {
		return err
	}
	cfg.Redis = cfg.Redis.Settle(ctx)
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
	db := store.New(store.Config{PG: cfg.PG, Networks: names, MaxLag: cfg.ReadLag, Wait: cfg.ReadWait, Timeout: cfg.ReadTimeout, Scan: cfg.ReadScan}, adm, log.Named("store"))
	feeds := hub.New(names, db, redis, adm.Registry(), log.Named("hub"))
	board := status.New(cfg.Version, file.Networks, log.Named("status"))
	waits := await.New()
	feeds.OnHint(waits.OnHint)
	db.Watch(waits.OnPoll)
	db.Watch(feeds.OnPoll)
	db.Watch(board.OnPoll)

	var book *venue.Venue
	var gate *gateway.Gateway
	if file.Venue != "" {
		book = venue.New(file.Venue, db, adm, log.Named("venue"))
		gate = gateway.New(file.Venue, book.Remember, adm, log.Named("gateway"))
	}
	tokens, closed := auth.New(db), maintenance.New(adm.Registry(), log.Named("maintenance"))
	limits, err := newLimiter(cfg, adm.Registry(), log.Named("limit"))
	if err != nil {
		return err
	}
	defer limits.Close()
	tracer, err := trace.Open(ctx, cfg.Trace, "api", cfg.Version, log.Named("trace"))
	if err != nil {
		return err
	}
	defer tracer.Close()
	var entrance *socket.Book
	if gate != nil {
		entrance = &socket.Book{Gateway: gate, Limits: limits, Maintenance: closed, Trace: tracer}
	}
	live := status.NewLive(board, adm.Ready, closed.Now, adm.Registry())
	db.Watch(live.OnPoll)
	feeds.OnReorg(live.OnReorg)
	closed.OnChange(func(*bus.Maintenance) { live.Changed() })
	sockets := socket.New(cfg.sockets(), file.Networks, socket.Feeds{Hub: feeds, Venue: book, Status: live}, entrance, tokens, adm.Registry(), log.Named("socket"))
	server, err := rest.New(rest.Parts{Config: file, Spec: described, Async: channels, Store: db, Venue: book, Gateway: gate, Limits: limits, Maintenance: closed, Proxies: cfg.Proxies, Version: cfg.Version, Trace: tracer, Access: log.Lines("http", "access"), Auth: tokens, Sockets: sockets, Status: board, Await: waits, Admin: adm}, log.Named("http"))
	if err != nil {
		return err
	}

	onBus := func(ctx context.Context, b *bus.Bus) error {
		parts := []run.Part{{Name: "status", Run: func(ctx context.Context) error { return board.Run(ctx, b) }},
			{Name: "maintenance", Run: func(ctx context.Context) error { return closed.Run(ctx, b) }}}
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
				run.Part{Name: "log", Run: log.Flushing},
				run.Part{Name: "postgres", Run: db.Run},
				run.Part{Name: "redis", Run: cfg.Redis.Watch},
				run.Part{Name: "hub", Run: feeds.Run},
				run.Part{Name: "live", Run: live.Run},
				run.Part{Name: "limits", Run: limits.Run},
				run.Part{Name: "nats", Run: func(ctx context.Context) error { return withBus(ctx, cfg.NATS, nats, log.Logger, onBus) }},
			)
		}},
	)
}

// sockets is what the package of that name is told of the configuration.
func (c *Config) sockets() socket.Config {
	return socket.Config{QueueBytes: c.QueueBytes, UnsentBytes: c.UnsentBytes, Stall: c.SocketStall, Behind: c.SocketBehind, Tick: c.SocketTick, Spread: c.SocketSpread,
		MaxConns: c.MaxSockets, PerAddress: c.SocketsPerAddress, Proxies: c.Proxies, Subscriptions: c.SocketSubscriptions,
		MessageBytes: c.SocketMessageBytes, MessagesPerSecond: c.SocketMessages, Origins: c.SocketOrigins, Orders: limit.PerSecond(c.SocketOrdersPerSecond)}
}

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
