package topology

// EndpointsKey is the key of the status bucket under which an event-handler
// writes a network's EndpointsStatus, as JSON.
func EndpointsKey(network string) string { return "endpoints." + network }

// EndpointsStatus is what is known of the endpoints of one network.
type EndpointsStatus struct {
	At        int64            `json:"at"` // unix milliseconds
	Endpoints []EndpointStatus `json:"endpoints"`
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
