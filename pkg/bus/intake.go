package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// intakeKey of the control bucket holds why nothing new may be taken in; no
// key, or an empty one, means that it may.
const intakeKey = "intake"

// SetIntake tells every service that nothing new may be taken in, and why; an
// empty reason opens the house again. Only the provisioner's user may.
func SetIntake(ctx context.Context, js jetstream.JetStream, reason string) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	kv, err := js.KeyValue(ctx, ControlBucket)
	if err != nil {
		return fmt.Errorf("opening bucket %s: %w", ControlBucket, err)
	}
	if _, err := kv.PutString(ctx, intakeKey, reason); err != nil {
		return fmt.Errorf("writing %s: %w", intakeKey, err)
	}
	return nil
}

// Intake says why nothing new may be taken in; "" when it may. Those that write
// to the streams ask every few seconds: a server whose disk is full does not
// heal by itself, so the house stops before.
func (b *Bus) Intake(ctx context.Context) (reason string, err error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	kv, err := b.js.KeyValue(ctx, ControlBucket)
	if err != nil {
		return "", fmt.Errorf("opening bucket %s: %w", ControlBucket, err)
	}
	entry, err := kv.Get(ctx, intakeKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", intakeKey, err)
	}
	return string(entry.Value()), nil
}
