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
	"fondaco.dev/services/event-handler/internal/once"
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
	// HungAfter: FONDACO_HUNG_AFTER, default 10m. A network whose head does not
	// move for so long, and of which nothing is published, is not ready; after
	// twice that Run returns an error that names it. It has to be longer than
	// the longest time between two blocks of any network.
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
	// RestMin, RestMax: FONDACO_RPC_REST_MIN, default 250ms, and
	// FONDACO_RPC_REST_MAX, default 1m. An EVM endpoint's rest after its first
	// error, and the longest one: each further error in a row doubles it.
	RestMin, RestMax time.Duration
	// Scout: FONDACO_RPC_SCOUT, default 10s. How often all EVM endpoints are
	// asked for their heads.
	Scout time.Duration
	// Recheck: FONDACO_RPC_RECHECK, default 1m. How often chain id and genesis
	// are checked, beside at the start and after each error.
	Recheck time.Duration
	// DeepConfirm: FONDACO_DEEP_CONFIRM, default 3s, between two rounds of
	// asking while EVM endpoints disagree on what was final.
	DeepConfirm time.Duration
	// SSEIdle: FONDACO_SSE_IDLE, default 60s. A Casper node that sends nothing
	// for so long, not even a comment, is connected to anew.
	SSEIdle time.Duration
	// CasperPatience: FONDACO_CASPER_PATIENCE, default 3s. For how long a block,
	// or the outcome of a deploy, must be missing from the streams before
	// JSON-RPC is asked for it.
	CasperPatience time.Duration
	// CasperQuiet: FONDACO_CASPER_QUIET, default 90s. The time without a block
	// after which JSON-RPC is asked for the newest one.
	CasperQuiet time.Duration
	// RescanEvery: FONDACO_RESCAN_EVERY, default 2s. The least pause between two
	// windows of at most 1,000 final heights that are read a second time; what is
	// left at the end and shorter waits 15 of them.
	RescanEvery time.Duration
	// Once, if not nil, is one range to publish; then Run returns. It comes from
	// the command line.
	Once *once.Options
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

		CasperPatience: r.Duration("FONDACO_CASPER_PATIENCE", 3*time.Second),
		CasperQuiet:    r.Duration("FONDACO_CASPER_QUIET", 90*time.Second),

		RescanEvery: r.Duration("FONDACO_RESCAN_EVERY", 2*time.Second),

		RestMin:     r.Duration("FONDACO_RPC_REST_MIN", 250*time.Millisecond),
		RestMax:     r.Duration("FONDACO_RPC_REST_MAX", time.Minute),
		Scout:       r.Duration("FONDACO_RPC_SCOUT", 10*time.Second),
		Recheck:     r.Duration("FONDACO_RPC_RECHECK", time.Minute),
		DeepConfirm: r.Duration("FONDACO_DEEP_CONFIRM", 3*time.Second),
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
	set(&c.RescanEvery, 2*time.Second)
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
