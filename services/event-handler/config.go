// Package eventhandler listens to chain nodes and publishes what happened to
// the CHAIN stream, one subject per network and filter. Its only memory is the
// subject: every message says where to go on after it.
package eventhandler

import (
	"fmt"
	"time"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/env"
	"fondaco.dev/proto/config"
)

// Config is the service's settings.
type Config struct {
	// File is the configuration of all services, read from FONDACO_CONFIG
	// (required).
	File *config.File
	// Bus: FONDACO_NATS_URL, FONDACO_NATS_USER, FONDACO_NATS_PASSWORD,
	// FONDACO_ALLOW_LAZY_SYNC.
	Bus bus.Config
	// AdminAddr: FONDACO_ADMIN_ADDR, where /livez, /readyz and /metrics are
	// served; default "127.0.0.1:9101", empty: nowhere.
	AdminAddr string
	// HungAfter: FONDACO_HUNG_AFTER, default 10m. A network without any
	// progress for so long is not ready.
	HungAfter time.Duration
	// Poll: FONDACO_POLL_INTERVAL, default 1s. How often an EVM node is asked
	// for its head; WebSocket hints come on top.
	Poll time.Duration
	// RPCTimeout: FONDACO_RPC_TIMEOUT, default 30s, of one request to a node.
	RPCTimeout time.Duration
	// RPCMaxBody: FONDACO_RPC_MAX_BODY_MIB, default 64. A larger answer of a
	// node makes the window smaller. In MiB.
	RPCMaxBody int
	// RPCBatch: FONDACO_RPC_BATCH, default 100. The most calls of one request.
	RPCBatch int
	// LogsWindow: FONDACO_LOGS_WINDOW, default 10000. The most heights of one
	// eth_getLogs.
	LogsWindow int
	// SSEIdle: FONDACO_SSE_IDLE, default 60s. A Casper node that sends nothing
	// for so long, not even a comment, is connected to anew.
	SSEIdle time.Duration
}

// ConfigFromEnv reads the settings and the configuration file; the error names
// every problem.
func ConfigFromEnv(lookup env.Lookup) (Config, error) {
	r := env.New(lookup)
	cfg := Config{
		Bus:        bus.ConfigFromEnv(r, "event-handler"),
		AdminAddr:  r.String("FONDACO_ADMIN_ADDR", "127.0.0.1:9101"),
		HungAfter:  r.Duration("FONDACO_HUNG_AFTER", 10*time.Minute),
		Poll:       r.Duration("FONDACO_POLL_INTERVAL", time.Second),
		RPCTimeout: r.Duration("FONDACO_RPC_TIMEOUT", 30*time.Second),
		RPCMaxBody: r.Int("FONDACO_RPC_MAX_BODY_MIB", 64, 1, 1024),
		RPCBatch:   r.Int("FONDACO_RPC_BATCH", 100, 1, 1000),
		LogsWindow: r.Int("FONDACO_LOGS_WINDOW", 10_000, 1, 1_000_000),
		SSEIdle:    r.Duration("FONDACO_SSE_IDLE", 60*time.Second),
	}
	if path := r.Required("FONDACO_CONFIG"); path != "" {
		file, err := config.Load(path)
		if err != nil {
			r.Fail("FONDACO_CONFIG", err.Error())
		}
		cfg.File = file
	}
	if err := r.Err(); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// withDefaults fills what a caller left zero, so that tests and the all-in-one
// may set only what they care for.
func (c Config) withDefaults() (Config, error) {
	if c.File == nil {
		return c, fmt.Errorf("no configuration file")
	}
	set := func(d *time.Duration, def time.Duration) {
		if *d <= 0 {
			*d = def
		}
	}
	set(&c.HungAfter, 10*time.Minute)
	set(&c.Poll, time.Second)
	set(&c.RPCTimeout, 30*time.Second)
	set(&c.SSEIdle, 60*time.Second)
	if c.RPCMaxBody <= 0 {
		c.RPCMaxBody = 64
	}
	if c.RPCBatch <= 0 {
		c.RPCBatch = 100
	}
	if c.LogsWindow <= 0 {
		c.LogsWindow = 10_000
	}
	return c, nil
}
