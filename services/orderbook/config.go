// Package orderbook matches the orders of one venue: it reads packs of commands
// from the ORDERS stream, applies them to a deterministic state machine (package
// engine), answers the gateways, and publishes every change of state to the
// TRADES stream. Its checkpoint is the last message that it published there;
// snapshots only make a restart faster.
package orderbook

import (
	"time"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/trace"
	"fondaco.dev/proto/config"
)

// Config is the service's settings.
type Config struct {
	// File is the configuration of all services, read from FONDACO_CONFIG
	// (required). Without a venue in it the service is ready and does nothing.
	File *config.File
	// Bus: FONDACO_NATS_URL, FONDACO_NATS_USER, FONDACO_NATS_PASSWORD,
	// FONDACO_ALLOW_LAZY_SYNC.
	Bus bus.Config
	// AdminAddr: FONDACO_ADMIN_ADDR, where /livez, /readyz and /metrics are
	// served; default "127.0.0.1:9104", empty: nowhere.
	AdminAddr string
	// SnapshotPacks: FONDACO_SNAPSHOT_PACKS, default 20000. The input packs after
	// which a busy venue takes a snapshot; fewer make a restart faster and cost
	// a pause each for a copy of the state.
	SnapshotPacks int
	// SnapshotEvery: FONDACO_SNAPSHOT_INTERVAL, default 30s. How long after the
	// last one an idle venue whose state changed takes a snapshot.
	SnapshotEvery time.Duration
	// SnapshotDir: FONDACO_SNAPSHOT_DIR, a folder for copies of the snapshots,
	// from which a restart on this machine reads faster than from the object
	// store; default empty: none. Instances on one machine have one each.
	SnapshotDir string
	// ConfirmEvery: FONDACO_SNAPSHOT_CONFIRM_INTERVAL, default 10m. How often a
	// venue without a standby has a snapshot confirmed by a second engine, which
	// replays the packs since the last one; streams are trimmed below confirmed
	// snapshots only. A standby confirms all of its own.
	ConfirmEvery time.Duration
	// ReadyOrders: FONDACO_READY_ORDERS, default 0. The orders whose memory is made
	// ready when the venue is recovered, 128 bytes each; those beyond it get theirs
	// as they come.
	ReadyOrders int
	// Trace: OTEL_EXPORTER_OTLP_ENDPOINT, FONDACO_TRACE_*.
	Trace trace.Config
}

// outputEvery spaces small outputs: 250 fsyncs a second at most, and what
// follows TRADES is 4 ms behind the answers at most because of it.
const outputEvery = 4 * time.Millisecond

// grace bounds the draining of a stopped service: publish what is applied,
// leave a snapshot.
const grace = 3 * time.Second

// ConfigFromEnv reads the settings and the configuration file; the error names
// every problem.
func ConfigFromEnv(lookup env.Lookup) (Config, error) {
	r := env.New(lookup)
	cfg := Config{
		Bus:           bus.ConfigFromEnv(r, "orderbook"),
		AdminAddr:     r.String("FONDACO_ADMIN_ADDR", "127.0.0.1:9104"),
		SnapshotPacks: r.Int("FONDACO_SNAPSHOT_PACKS", 20_000, 1, 100_000_000),
		SnapshotEvery: r.Duration("FONDACO_SNAPSHOT_INTERVAL", 30*time.Second),
		SnapshotDir:   r.String("FONDACO_SNAPSHOT_DIR", ""),
		ConfirmEvery:  r.Duration("FONDACO_SNAPSHOT_CONFIRM_INTERVAL", 10*time.Minute),
		ReadyOrders:   r.Int("FONDACO_READY_ORDERS", 0, 0, 1<<30),
		Trace:         trace.ConfigFromEnv(r),
	}
	if cfg.SnapshotEvery < time.Second {
		r.Fail("FONDACO_SNAPSHOT_INTERVAL", "is below 1s")
	}
	if path := r.Required("FONDACO_CONFIG"); path != "" {
		file, err := config.Load(path)
		if err != nil {
			r.Fail("FONDACO_CONFIG", err.Error())
		}
		cfg.File = file
	}
	return cfg, r.Err()
}
