package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// maintenanceKey of the control bucket holds a Maintenance while there is one.
const maintenanceKey = "maintenance"

// Scopes of a Maintenance.
const (
	ScopeWrites = "writes" // nothing new is taken in; reads go on, cancels pass
	ScopeAll    = "all"    // nothing is answered but probes
)

var (
	// ErrMaintenance: there is one already.
	ErrMaintenance = errors.New("maintenance is on already")
	// ErrNoMaintenance: there is none.
	ErrNoMaintenance = errors.New("maintenance is not on")
)

// Maintenance is why and how far the whole house is closed to clients.
type Maintenance struct {
	Scope   string    `json:"scope"`
	Message string    `json:"message"` // for clients and people
	Since   time.Time `json:"since"`
}

// StartMaintenance closes the house, or fails with ErrMaintenance. Only the
// provisioner's user may.
func StartMaintenance(ctx context.Context, js jetstream.JetStream, m Maintenance) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	kv, err := js.KeyValue(ctx, ControlBucket)
	if err != nil {
		return fmt.Errorf("opening bucket %s: %w", ControlBucket, err)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encoding the maintenance: %w", err)
	}
	_, err = kv.Create(ctx, maintenanceKey, body)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return ErrMaintenance
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", maintenanceKey, err)
	}
	return nil
}

// EndMaintenance opens the house and gives what had closed it, or fails with
// ErrNoMaintenance. Only the provisioner's user may.
func EndMaintenance(ctx context.Context, js jetstream.JetStream) (Maintenance, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	m, revision, err := readMaintenance(ctx, js)
	if err != nil {
		return Maintenance{}, err
	}
	if m == nil {
		return Maintenance{}, ErrNoMaintenance
	}
	kv, err := js.KeyValue(ctx, ControlBucket)
	if err != nil {
		return Maintenance{}, fmt.Errorf("opening bucket %s: %w", ControlBucket, err)
	}
	if err := kv.Delete(ctx, maintenanceKey, jetstream.LastRevision(revision)); err != nil {
		return Maintenance{}, fmt.Errorf("deleting %s: %w", maintenanceKey, err)
	}
	return *m, nil
}

// Maintenance is why the house is closed to clients; nil when it is open.
func (b *Bus) Maintenance(ctx context.Context) (*Maintenance, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	m, _, err := readMaintenance(ctx, b.js)
	return m, err
}

func readMaintenance(ctx context.Context, js jetstream.JetStream) (*Maintenance, uint64, error) {
	kv, err := js.KeyValue(ctx, ControlBucket)
	if err != nil {
		return nil, 0, fmt.Errorf("opening bucket %s: %w", ControlBucket, err)
	}
	entry, err := kv.Get(ctx, maintenanceKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading %s: %w", maintenanceKey, err)
	}
	var m Maintenance
	if err := json.Unmarshal(entry.Value(), &m); err != nil {
		return nil, 0, fmt.Errorf("reading %s: %w", maintenanceKey, err)
	}
	return &m, entry.Revision(), nil
}
