package tradesv1

// Stream is the name of the JetStream stream that holds every venue's events.
const Stream = "TRADES"

// SubjectPrefix begins every subject of the stream.
const SubjectPrefix = "trades.v1."

// MaxMessage is the size in bytes above which an output is cut into parts.
const MaxMessage = 4 << 20

// Subject is where the engine of a venue publishes.
func Subject(venue string) string { return SubjectPrefix + venue }
