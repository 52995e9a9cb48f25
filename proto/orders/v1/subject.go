package ordersv1

import "fmt"

// Stream is the name of the JetStream stream that holds every venue's commands.
const Stream = "ORDERS"

// SubjectPrefix begins every subject of the stream.
const SubjectPrefix = "orders.v1."

// Who publishes a pack. Deposits are taken from FromFunds only, assets,
// markets and the end of a halt from FromAdmin only, ticks from FromTick only.
const (
	FromAPI   = "api"
	FromFunds = "funds"
	FromAdmin = "admin"
	FromTick  = "tick"
)

// Bounds of a pack.
const (
	MaxCommands = 1000
	MaxPack     = 256 << 10 // bytes, serialized; a gathered message, too
)

// Answers carry HeaderGather while packs are better sent to GatherSubject than
// to ORDERS.
const HeaderGather = "Fondaco-Gather"

// GatherSubject is where a gateway's pack goes that the venue's leader shall put
// into ORDERS together with those of other gateways (core NATS, at most once).
func GatherSubject(venue string) string { return GatherPrefix + venue }

// GatherPrefix begins every GatherSubject.
const GatherPrefix = "gather.v1."

// Subject is where a gateway of the kind from publishes a venue's packs.
func Subject(venue, from string) string { return SubjectPrefix + venue + "." + from }

// VenueSubjects matches every pack of a venue.
func VenueSubjects(venue string) string { return SubjectPrefix + venue + ".*" }

// ReplySubject is where answers to a gateway's packs go (core NATS, at most once).
func ReplySubject(gateway string) string { return "reply.v1." + gateway }

// CallSubject is where a running venue is asked about itself (core NATS); its
// leader answers, in JSON.
func CallSubject(venue string) string { return CallPrefix + venue }

// CallPrefix begins every CallSubject.
const CallPrefix = "call.v1.orderbook."

// MsgID is the message id of a pack: a re-sent pack is the same message.
func MsgID(gateway string, packNo uint64) string { return fmt.Sprintf("%s:%d", gateway, packNo) }
