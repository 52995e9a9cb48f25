// Package api serves what the house knows: REST and WebSocket over the chain
// indexes and the order book. It is stateless: every replica is the same.
package api

import (
	"runtime/debug"
	"time"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pg"
	"fondaco.dev/pkg/rds"
)

// Config is all that the service can be told.
type Config struct {
	ConfigFile string     // FONDACO_CONFIG: networks, contracts, markets; required
	HTTPAddr   string     // FONDACO_HTTP_ADDR, default 127.0.0.1:8080; port 0 = any, told in the log
	AdminAddr  string     // FONDACO_ADMIN_ADDR, default 127.0.0.1:9103; "-" = no listener
	NATS       bus.Config // FONDACO_NATS_*
	PG         pg.Config  // FONDACO_PG_*: a role that can only read
	Redis      rds.Config // FONDACO_REDIS_URL: hints; without it the feeds poll
	QueueBytes int        // FONDACO_WS_QUEUE_BYTES: what may wait for one socket, default 1 MiB
	Version    string     // FONDACO_VERSION: shown at /, default the build's own
	MaxSockets int        // FONDACO_WS_MAX: sockets of this process, default 20000
	// FONDACO_WS_STALL, default 10s: a socket that takes nothing for this long
	// is closed with 4001.
	SocketStall time.Duration
	// FONDACO_WS_BEHIND, default 60s: so is one that stays behind for this long.
	SocketBehind time.Duration
	// FONDACO_ORDERS_PER_SECOND, default 2000: commands of one account, with a
	// burst of twice as many; more is refused with 429. Cancels may overdraw it
	// once. 0 = no limit.
	OrdersPerSecond int
	// FONDACO_WS_ORDERS_PER_SECOND, default 2000: the same of one socket.
	SocketOrdersPerSecond int
}

// ConfigFromEnv reads the settings; the error names every one that is missing
// or malformed.
func ConfigFromEnv(lookup env.Lookup) (Config, error) {
	r := env.New(lookup)
	cfg := Config{
		ConfigFile:            r.Required("FONDACO_CONFIG"),
		HTTPAddr:              r.String("FONDACO_HTTP_ADDR", "127.0.0.1:8080"),
		AdminAddr:             r.String("FONDACO_ADMIN_ADDR", "127.0.0.1:9103"),
		NATS:                  bus.ConfigFromEnv(r, "api"),
		PG:                    pg.ConfigFromEnv(r),
		Redis:                 rds.ConfigFromEnv(r),
		QueueBytes:            r.Int("FONDACO_WS_QUEUE_BYTES", 1<<20, 64<<10, 1<<30),
		MaxSockets:            r.Int("FONDACO_WS_MAX", 20000, 1, 1<<20),
		SocketStall:           r.Duration("FONDACO_WS_STALL", 10*time.Second),
		SocketBehind:          r.Duration("FONDACO_WS_BEHIND", time.Minute),
		OrdersPerSecond:       r.Int("FONDACO_ORDERS_PER_SECOND", 2000, 0, 1<<30),
		SocketOrdersPerSecond: r.Int("FONDACO_WS_ORDERS_PER_SECOND", 2000, 0, 1<<30),
		Version:               r.String("FONDACO_VERSION", buildVersion()),
	}
	if cfg.SocketStall <= 0 || cfg.SocketBehind <= 0 {
		r.Fail("FONDACO_WS_STALL, FONDACO_WS_BEHIND", "must be positive")
	}
	if cfg.AdminAddr == "-" {
		cfg.AdminAddr = ""
	}
	return cfg, r.Err()
}

// buildVersion is the commit that the binary was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return "dev"
}
