package topology

import (
	chainv1 "fondaco.dev/proto/chain/v1"
	identityv1 "fondaco.dev/proto/identity/v1"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// Users of the bus. Each service has its own; the provisioner alone may make,
// change and purge streams; the operator is the command line's.
const (
	UserEventHandler = "event-handler"
	UserWriter       = "writer"
	UserAPI          = "api"
	UserOrderbook    = "orderbook"
	UserOperator     = "operator"
	UserProvisioner  = "provisioner"
)

// Permission is what one user may publish and subscribe to.
type Permission struct {
	User      string
	Publish   []string
	Subscribe []string
}

const replies = "reply.v1.>"

// Permissions of every user. No service holds $JS.API.>.
func Permissions() []Permission {
	return []Permission{
		// How busy ORDERS is, so that a backfill yields to it.
		user(UserEventHandler, []string{chainv1.SubjectPrefix + ">", "$JS.API.STREAM.INFO." + ordersv1.Stream}, nil,
			streams{chainv1.Stream}, buckets{BucketControl, BucketLease, BucketStatus}, nil),
		user(UserWriter, []string{replies}, nil,
			streams{chainv1.Stream, tradesv1.Stream, identityv1.Stream}, buckets{BucketControl}, nil),
		user(UserAPI, []string{ordersv1.SubjectPrefix + "*." + ordersv1.FromAPI, ordersv1.GatherPrefix + "*", identityv1.Subject}, []string{replies},
			streams{tradesv1.Stream, chainv1.Stream, ordersv1.Stream}, buckets{BucketControl, BucketStatus}, nil),
		user(UserOrderbook, []string{tradesv1.SubjectPrefix + ">", ordersv1.SubjectPrefix + "*." + ordersv1.FromAdmin,
			ordersv1.SubjectPrefix + "*." + ordersv1.FromTick, ordersv1.SubjectPrefix + "*." + ordersv1.FromAPI, replies, inbox(UserOperator)},
			[]string{replies, ordersv1.CallPrefix + "*", ordersv1.GatherPrefix + "*"},
			streams{ordersv1.Stream, tradesv1.Stream}, buckets{BucketControl, BucketLease}, []string{ObjectSnapshots}),
		user(UserOperator, []string{identityv1.Subject, ordersv1.SubjectPrefix + ">", ordersv1.CallPrefix + "*"}, []string{replies},
			streams{chainv1.Stream, ordersv1.Stream, tradesv1.Stream, identityv1.Stream, "OBJ_" + ObjectSnapshots}, buckets{BucketControl, BucketStatus}, nil),
		{User: UserProvisioner, Publish: []string{">"}, Subscribe: []string{">"}},
	}
}

// inbox is where answers to a user's requests go.
func inbox(user string) string { return "_INBOX_" + user + ".>" }

type (
	streams []string
	buckets []string
)

// user allows the given subjects, reading of the streams, use of the buckets
// and object stores, and the user's own inbox.
func user(name string, publish, subscribe []string, read streams, kv buckets, objects []string) Permission {
	p := Permission{User: name, Publish: append([]string{"$JS.API.INFO"}, publish...), Subscribe: append([]string{inbox(name)}, subscribe...)}
	for _, s := range read {
		p.Publish = append(p.Publish, reading(s)...)
	}
	for _, b := range kv {
		p.Publish = append(p.Publish, reading("KV_"+b)...)
		if b != BucketControl {
			p.Publish = append(p.Publish, "$KV."+b+".>")
		}
	}
	for _, o := range objects {
		p.Publish = append(p.Publish, reading("OBJ_"+o)...)
		// Deleting an object purges its chunks.
		p.Publish = append(p.Publish, "$O."+o+".>", "$JS.API.STREAM.PURGE.OBJ_"+o)
	}
	return p
}

// reading is what an ordered consumer and a read of single messages ask of the
// server for one stream.
func reading(stream string) []string {
	return []string{
		"$JS.API.STREAM.INFO." + stream,
		"$JS.API.STREAM.MSG.GET." + stream,
		"$JS.API.DIRECT.GET." + stream, "$JS.API.DIRECT.GET." + stream + ".>",
		"$JS.API.CONSUMER.CREATE." + stream + ".>", "$JS.API.CONSUMER.CREATE." + stream,
		"$JS.API.CONSUMER.INFO." + stream + ".>",
		"$JS.API.CONSUMER.DELETE." + stream + ".>",
		"$JS.API.CONSUMER.MSG.NEXT." + stream + ".>",
		// Answers to flow control, which large objects need to be read at all.
		"$JS.FC." + stream + ".>",
	}
}
