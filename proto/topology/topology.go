// Package topology describes the house on the bus: its streams and buckets,
// and which service may use which subject.
package topology

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"

	chainv1 "fondaco.dev/proto/chain/v1"
	identityv1 "fondaco.dev/proto/identity/v1"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// Buckets and object stores.
const (
	BucketControl   = "ctl"       // the provisioner's verdict
	BucketLease     = "lease"     // who does which piece of work
	BucketStatus    = "status"    // chain.<network>: the node's head as the event-handler saw it
	ObjectSnapshots = "snapshots" // the order book's snapshots
)

// duplicates is how long the server remembers message ids. 2m: JetStream's
// default; ids are sequences, so that a longer window gains nothing.
const duplicates = 2 * time.Minute

// Streams keep their messages: limits retention, discard new, deny delete. A
// purge belongs to the provisioner's user alone.
func Streams() []jetstream.StreamConfig {
	stream := func(name, subjects string) jetstream.StreamConfig {
		return jetstream.StreamConfig{
			Name: name, Subjects: []string{subjects}, Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage,
			Discard: jetstream.DiscardNew, DenyDelete: true, Duplicates: duplicates, Replicas: 1,
		}
	}
	return []jetstream.StreamConfig{
		stream(chainv1.Stream, chainv1.SubjectPrefix+">"),
		stream(ordersv1.Stream, ordersv1.SubjectPrefix+">"),
		stream(tradesv1.Stream, tradesv1.SubjectPrefix+">"),
		stream(identityv1.Stream, identityv1.Subject),
	}
}

// Buckets hold small state that may be lost without harm.
func Buckets() []jetstream.KeyValueConfig {
	return []jetstream.KeyValueConfig{
		{Bucket: BucketControl, History: 1},
		{Bucket: BucketLease, History: 1, TTL: 10 * time.Second},
		{Bucket: BucketStatus, History: 1},
	}
}

// Objects hold snapshots.
func Objects() []jetstream.ObjectStoreConfig {
	return []jetstream.ObjectStoreConfig{{Bucket: ObjectSnapshots}}
}
