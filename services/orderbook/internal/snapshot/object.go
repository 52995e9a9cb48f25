package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"fondaco.dev/proto/topology"
)

// chunkSize: small chunks cost a publish each, large ones hold up the bus.
const chunkSize = 4 << 20

// metaTrades is the metadata of a verified snapshot: the TRADES sequence at
// which its events end.
const metaTrades = "fondaco-trades-seq"

// objects is the bucket of snapshots on the bus.
type objects struct{ js jetstream.JetStream }

func (o objects) bucket(ctx context.Context) (jetstream.ObjectStore, error) {
	b, err := o.js.ObjectStore(ctx, topology.ObjectSnapshots)
	if err != nil {
		return nil, fmt.Errorf("opening object store %s: %w", topology.ObjectSnapshots, err)
	}
	return b, nil
}

func (o objects) List(ctx context.Context) ([]Object, error) {
	b, err := o.bucket(ctx)
	if err != nil {
		return nil, err
	}
	infos, err := b.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, fmt.Errorf("listing snapshots: %w", err)
	}
	list := make([]Object, len(infos))
	for i, info := range infos {
		list[i] = Object{Name: info.Name, Size: info.Size}
		if seq, err := strconv.ParseUint(info.Metadata[metaTrades], 10, 64); err == nil {
			list[i].TradesSeq = seq
		}
	}
	return list, nil
}

func (o objects) Load(ctx context.Context, name string, size uint64) ([]byte, error) {
	b, err := o.bucket(ctx)
	if err != nil {
		return nil, err
	}
	res, err := b.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	defer res.Close()
	var buf bytes.Buffer
	buf.Grow(int(min(size, maxSize)) + bytes.MinRead)
	if _, err := io.Copy(&buf, io.LimitReader(res, maxSize)); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func (o objects) Save(ctx context.Context, name string, data []byte) error {
	b, err := o.bucket(ctx)
	if err != nil {
		return err
	}
	meta := jetstream.ObjectMeta{Name: name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: chunkSize}}
	if _, err := b.Put(ctx, meta, bytes.NewReader(data)); err != nil {
		return fmt.Errorf("storing snapshot %s: %w", name, err)
	}
	return nil
}

func (o objects) Verify(ctx context.Context, name string, tradesSeq uint64) error {
	b, err := o.bucket(ctx)
	if err != nil {
		return err
	}
	info, err := b.GetInfo(ctx, name)
	if err == nil {
		meta := info.ObjectMeta
		meta.Metadata = map[string]string{metaTrades: strconv.FormatUint(tradesSeq, 10)}
		err = b.UpdateMeta(ctx, name, meta)
	}
	if err != nil {
		return fmt.Errorf("noting that snapshot %s is verified: %w", name, err)
	}
	return nil
}

func (o objects) Remove(ctx context.Context, name string) error {
	b, err := o.bucket(ctx)
	if err != nil {
		return err
	}
	// Another instance may have been faster.
	if err := b.Delete(ctx, name); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return fmt.Errorf("removing snapshot %s: %w", name, err)
	}
	return nil
}
