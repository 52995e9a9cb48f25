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
	"fondaco.dev/pkg/trace"
	"fondaco.dev/services/api/internal/peer"
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
	// FONDACO_WS_UNSENT_BYTES, default 128 KiB: what the kernel takes for a socket
	// that does not take it, beside what is on its way; Linux only.
	UnsentBytes int
	Version     string // FONDACO_VERSION: shown at /, default the build's own
	MaxSockets  int    // FONDACO_WS_MAX: sockets of this process, default 20000
	// FONDACO_WS_STALL, default 10s: a socket that takes nothing for this long
	// is closed with 4001.
	SocketStall time.Duration
	// FONDACO_WS_BEHIND, default 60s: so is one that stays behind for this long.
	SocketBehind time.Duration
	// FONDACO_WS_TICK, default 4ms: frames that follow another of the same socket
	// within it leave together.
	SocketTick time.Duration
	// FONDACO_WS_SPREAD, default 10s: over how long clients are told to come back
	// when the process stops.
	SocketSpread time.Duration
	// FONDACO_WS_PER_ADDRESS, default 1000: open sockets of one client address
	// (of one /64 where it is IPv6). 0 = no limit.
	SocketsPerAddress int
	// FONDACO_WS_SUBSCRIPTIONS, default 64: of one socket.
	SocketSubscriptions int
	// FONDACO_WS_MESSAGE_BYTES, default 65536: of one message of a client.
	SocketMessageBytes int
	// FONDACO_WS_MESSAGES_PER_SECOND, default 50: messages of one socket, pings
	// too; four seconds' worth may come at once. Commands that the order book took
	// have a limit of their own.
	SocketMessages int
	// FONDACO_WS_ORIGINS, default none: web pages, such as https://example.org,
	// whose sockets may sign in, beside those of the api's own host; * = all.
	SocketOrigins []string
	// FONDACO_WS_ORDERS_PER_SECOND, default 2000: commands of one socket, with a
	// burst of twice as many, and as many cancels. 0 = no limit.
	SocketOrdersPerSecond int
	Limits                limits       // FONDACO_LIMIT_*, FONDACO_ORDERS_PER_SECOND
	Proxies               peer.Proxies // FONDACO_TRUSTED_PROXIES
	Trace                 trace.Config // OTEL_EXPORTER_OTLP_ENDPOINT, FONDACO_TRACE_*
	// FONDACO_READ_WAIT, default 250ms: how long a read waits for a replica to
	// reach the position that it asks for, before it goes to the primary.
	ReadWait time.Duration
	// FONDACO_READ_LAG, default 5s: a replica that has lacked what the primary
	// holds for longer is left out until it is level again.
	ReadLag time.Duration
	// FONDACO_READ_TIMEOUT, default 8s: what one statement may take in Postgres.
	ReadTimeout time.Duration
	// FONDACO_READ_SCAN, default 50000: how many events a filter that no index
	// serves looks at for one answer, which then says where the list goes on.
	ReadScan int
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
		UnsentBytes:           r.Int("FONDACO_WS_UNSENT_BYTES", 128<<10, 16<<10, 1<<30),
		MaxSockets:            r.Int("FONDACO_WS_MAX", 20000, 1, 1<<20),
		SocketStall:           r.Duration("FONDACO_WS_STALL", 10*time.Second),
		SocketBehind:          r.Duration("FONDACO_WS_BEHIND", time.Minute),
		SocketTick:            r.Duration("FONDACO_WS_TICK", 4*time.Millisecond),
		SocketSpread:          r.Duration("FONDACO_WS_SPREAD", 10*time.Second),
		SocketsPerAddress:     r.Int("FONDACO_WS_PER_ADDRESS", 1000, 0, 1<<20),
		SocketSubscriptions:   r.Int("FONDACO_WS_SUBSCRIPTIONS", 64, 1, 1<<16),
		SocketMessageBytes:    r.Int("FONDACO_WS_MESSAGE_BYTES", 64<<10, 1<<10, 1<<24),
		SocketMessages:        r.Int("FONDACO_WS_MESSAGES_PER_SECOND", 50, 1, 1<<20),
		SocketOrigins:         r.List("FONDACO_WS_ORIGINS"),
		SocketOrdersPerSecond: r.Int("FONDACO_WS_ORDERS_PER_SECOND", 2000, 0, 1<<30),
		Limits:                limitsFromEnv(r, lookup),
		Proxies:               proxiesFromEnv(r),
		Trace:                 trace.ConfigFromEnv(r),
		ReadWait:              r.Duration("FONDACO_READ_WAIT", 250*time.Millisecond),
		ReadLag:               r.Duration("FONDACO_READ_LAG", 5*time.Second),
		ReadScan:              r.Int("FONDACO_READ_SCAN", 50000, 1000, 1<<24),
		ReadTimeout:           r.Duration("FONDACO_READ_TIMEOUT", 8*time.Second),
		Version:               r.String("FONDACO_VERSION", buildVersion()),
	}
	if cfg.ReadWait <= 0 || cfg.ReadWait > 10*time.Second || cfg.ReadLag <= 0 || cfg.ReadTimeout < time.Millisecond || cfg.ReadTimeout > 15*time.Second {
		r.Fail("FONDACO_READ_WAIT, FONDACO_READ_LAG, FONDACO_READ_TIMEOUT", "must be positive, the first at most 10s, the last at most 15s")
	}
	if cfg.SocketStall <= 0 || cfg.SocketBehind <= 0 || cfg.SocketTick <= 0 || cfg.SocketSpread <= 0 {
		r.Fail("FONDACO_WS_STALL, FONDACO_WS_BEHIND, FONDACO_WS_TICK, FONDACO_WS_SPREAD", "must be positive")
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
