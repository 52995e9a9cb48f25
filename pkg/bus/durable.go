package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"fondaco.dev/pkg/run"
)

// The provisioner's verdict about the servers' disks.
const (
	ControlBucket = "ctl"
	verdictKey    = "durability"
)

// Verdict says whether every server acks only after fsync.
type Verdict struct {
	SyncAlways bool      `json:"sync_always"`
	Servers    []string  `json:"servers"` // server ids that were asked
	At         time.Time `json:"at"`
}

// ErrLazySync says that the servers ack before fsync.
var ErrLazySync = errors.New("nats acks before fsync: set jetstream { sync_interval: always } on every server and run `fondaco streams apply`, or set FONDACO_ALLOW_LAZY_SYNC=true to accept the loss of acknowledged messages")

// CheckDurable waits for the provisioner's verdict and refuses a server that
// acks before fsync, unless that is allowed by name.
func (b *Bus) CheckDurable(ctx context.Context) error {
	backoff := run.Backoff{Max: time.Second}
	for said := false; ; said = true {
		v, err := b.verdict(ctx)
		switch {
		case err == nil && v.SyncAlways:
			return nil
		case err == nil && b.cfg.AllowLazySync:
			b.log.Warn("running on servers that ack before fsync, as FONDACO_ALLOW_LAZY_SYNC allows")
			return nil
		case err == nil:
			return ErrLazySync
		}
		if !said {
			b.log.Info("waiting for the streams to be provisioned", zap.Error(err))
		}
		if backoff.Wait(ctx) != nil {
			return fmt.Errorf("waiting for the provisioner's verdict: %w", err)
		}
	}
}

func (b *Bus) verdict(ctx context.Context) (Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	var v Verdict
	kv, err := b.js.KeyValue(ctx, ControlBucket)
	if err != nil {
		return v, fmt.Errorf("opening bucket %s: %w", ControlBucket, err)
	}
	entry, err := kv.Get(ctx, verdictKey)
	if err != nil {
		return v, fmt.Errorf("reading %s: %w", verdictKey, err)
	}
	if err := json.Unmarshal(entry.Value(), &v); err != nil {
		return v, fmt.Errorf("reading %s: %w", verdictKey, err)
	}
	return v, nil
}

// Provision creates or updates the streams, buckets and object stores and
// writes the verdict. Only the provisioner's user may.
func Provision(ctx context.Context, js jetstream.JetStream, streams []jetstream.StreamConfig, buckets []jetstream.KeyValueConfig,
	objects []jetstream.ObjectStoreConfig, v Verdict) error {
	for _, c := range streams {
		if _, err := js.CreateOrUpdateStream(ctx, c); err != nil {
			return fmt.Errorf("provisioning stream %s: %w", c.Name, err)
		}
	}
	for _, c := range buckets {
		if _, err := js.CreateOrUpdateKeyValue(ctx, c); err != nil {
			return fmt.Errorf("provisioning bucket %s: %w", c.Bucket, err)
		}
	}
	for _, c := range objects {
		if _, err := js.CreateOrUpdateObjectStore(ctx, c); err != nil {
			return fmt.Errorf("provisioning object store %s: %w", c.Bucket, err)
		}
	}
	kv, err := js.KeyValue(ctx, ControlBucket)
	if err != nil {
		return fmt.Errorf("opening bucket %s: %w", ControlBucket, err)
	}
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding the verdict: %w", err)
	}
	if _, err := kv.Put(ctx, verdictKey, body); err != nil {
		return fmt.Errorf("writing the verdict: %w", err)
	}
	return nil
}
