package infra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/embedded/natsd"
	"fondaco.dev/proto/topology"
)

// systemKey of the control bucket says what the system allows.
const systemKey = "system"

// System is what a whole system allows, wherever its parts run.
type System struct {
	Profile string `json:"profile"`
	// ManualDeposits: `fondaco account create --deposit` makes money.
	ManualDeposits bool `json:"manual_deposits"`
}

// Provision makes the streams, asks every server by its monitoring pages
// whether it acks only after fsync, and writes the verdict and the system's
// profile to the control bucket. Only the provisioner's user may.
func Provision(ctx context.Context, js jetstream.JetStream, system System, monitorURLs ...string) error {
	synced, servers, err := natsd.Durability(monitorURLs...)
	if err != nil {
		return fmt.Errorf("asking the servers whether they fsync: %w", err)
	}
	verdict := bus.Verdict{SyncAlways: synced, Servers: servers, At: time.Now().UTC()}
	if err := bus.Provision(ctx, js, topology.Streams(), topology.Buckets(), topology.Objects(), verdict); err != nil {
		return err
	}
	kv, err := js.KeyValue(ctx, bus.ControlBucket)
	if err != nil {
		return fmt.Errorf("opening bucket %s: %w", bus.ControlBucket, err)
	}
	body, err := json.Marshal(system)
	if err != nil {
		return fmt.Errorf("encoding the system's profile: %w", err)
	}
	if _, err := kv.Put(ctx, systemKey, body); err != nil {
		return fmt.Errorf("writing the system's profile: %w", err)
	}
	return nil
}

// ReadSystem reads what Provision wrote; the zero System, which allows nothing,
// when nothing is there.
func ReadSystem(ctx context.Context, js jetstream.JetStream) (System, error) {
	var s System
	kv, err := js.KeyValue(ctx, bus.ControlBucket)
	if err != nil {
		return s, fmt.Errorf("opening bucket %s (were the streams applied?): %w", bus.ControlBucket, err)
	}
	entry, err := kv.Get(ctx, systemKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("reading the system's profile: %w", err)
	}
	if err := json.Unmarshal(entry.Value(), &s); err != nil {
		return s, fmt.Errorf("reading the system's profile: %w", err)
	}
	return s, nil
}
