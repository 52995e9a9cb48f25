package topology

// EndpointsKey is the key of the status bucket under which an event-handler
// writes a network's EndpointsStatus, as JSON.
func EndpointsKey(network string) string { return "endpoints." + network }

// EndpointsStatus is what is known of the endpoints of one network.
type EndpointsStatus struct {
	At        int64            `json:"at"`                // unix milliseconds
	Endpoints []EndpointStatus `json:"endpoints"`         // JSON-RPC of an EVM network
	Streams   []StreamStatus   `json:"streams,omitempty"` // the others
	// SecondLook of an EVM network; nil while its subject is empty.
	SecondLook *SecondLook `json:"second_look,omitempty"`
}

// Kinds of a StreamStatus.
const (
	StreamWS  = "ws"  // hints of new heads of an EVM node
	StreamSSE = "sse" // events of a Casper node
	StreamRPC = "rpc" // JSON-RPC of a Casper node, for what no stream tells
)

// States of a stream. JSON-RPC is up or down by the last call, and unknown while
// nothing was missing.
const (
	StreamUp      = "up"
	StreamHinting = "hinting"     // ws: heads come
	StreamSilent  = "silent"      // ws: connected to, and no head for three block times
	StreamDown    = "down"        // not connected
	StreamWrong   = "wrong_chain" // tells blocks of another chain
	StreamUnknown = "unknown"
)

// StreamStatus is what is known of a WebSocket, or of a Casper node's stream or
// JSON-RPC. Its name is as that of an EndpointStatus.
type StreamStatus struct {
	Name       string  `json:"name"`
	Kind       string  `json:"kind"`
	State      string  `json:"state"`
	Since      int64   `json:"since,omitempty"`       // unix milliseconds, of the state
	LastID     *uint64 `json:"last_id,omitempty"`     // sse: id of the last event
	APIVersion string  `json:"api_version,omitempty"` // sse
	Head       *uint64 `json:"head,omitempty"`        // Casper: the newest block that it told
	Lag        *uint64 `json:"lag,omitempty"`         // Casper: blocks that its head is below the network's
	Error      string  `json:"error,omitempty"`       // its last one
	ErrorAt    int64   `json:"error_at,omitempty"`
}

// SecondLook is how far what is final was read a second time.
type SecondLook struct {
	CheckedTo uint64 `json:"checked_to"`
	Finalized uint64 `json:"finalized"` // published as final
	// Standing says why CheckedTo does not follow Finalized, and Since, in unix
	// milliseconds, for how long that is so; empty: it does.
	Standing string `json:"standing,omitempty"`
	Since    int64  `json:"since,omitempty"`
	// Unproven blocks without logs whose bloom leaves a doubt, since the event-handler
	// was started: no endpoint served receipts.
	Unproven uint64 `json:"unproven,omitempty"`
}

// States of an endpoint.
const (
	EndpointHealthy    = "healthy"
	EndpointResting    = "resting"     // left alone for a while after an error
	EndpointWrongChain = "wrong_chain" // another chain id or genesis
	EndpointDeviating  = "deviating"   // on a branch that most endpoints are not on, below what is final
	EndpointBehind     = "behind"      // its head is below the others'
	EndpointPruned     = "pruned"      // does not serve the heights that are needed now
	EndpointUnknown    = "unknown"     // not asked yet
)

// EndpointStates are all of them.
var EndpointStates = []string{
	EndpointHealthy, EndpointResting, EndpointWrongChain, EndpointDeviating, EndpointBehind, EndpointPruned, EndpointUnknown,
}

// EndpointStatus is what is known of one endpoint. Its name is scheme and host,
// and #2 and so on where several share them.
type EndpointStatus struct {
	Name      string  `json:"name"`
	State     string  `json:"state"`
	Current   bool    `json:"current,omitempty"` // the one that is followed
	Error     string  `json:"error,omitempty"`   // its last one
	ErrorAt   int64   `json:"error_at,omitempty"`
	Latency   float64 `json:"latency_ms"` // of asking for the head, smoothed; 0: not measured
	Head      uint64  `json:"head"`
	Finalized uint64  `json:"finalized"`
	Lowest    uint64  `json:"lowest,omitempty"` // the lowest height that it serves, where that is known to be above 0
	Window    uint64  `json:"window,omitempty"` // heights of one eth_getLogs
	Calls     uint64  `json:"calls"`
	Errors    uint64  `json:"errors"`
}
