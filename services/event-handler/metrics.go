package eventhandler

import "github.com/prometheus/client_golang/prometheus"

// metrics of all networks. Every name begins with fondaco_eventhandler_.
type metrics struct {
	nodeHead      *prometheus.GaugeVec
	nodeFinalized *prometheus.GaugeVec
	indexed       *prometheus.GaugeVec
	window        *prometheus.GaugeVec
	gap           *prometheus.GaugeVec
	connected     *prometheus.GaugeVec
	leader        *prometheus.GaugeVec
	streamBytes   prometheus.Gauge
	deepReorg     *prometheus.GaugeVec
	rescanned     *prometheus.GaugeVec
	unsettled     *prometheus.GaugeVec
	standing      *prometheus.GaugeVec
	hinting       *prometheus.GaugeVec

	endpointState   *prometheus.GaugeVec
	endpointLatency *prometheus.GaugeVec
	endpointHead    *prometheus.GaugeVec
	endpointCalls   *prometheus.GaugeVec
	endpointErrors  *prometheus.GaugeVec

	messages   *prometheus.CounterVec
	bytes      *prometheus.CounterVec
	publish    *prometheus.HistogramVec
	units      *prometheus.CounterVec
	logs       *prometheus.CounterVec
	facts      *prometheus.CounterVec
	duplicates *prometheus.CounterVec
	truncated  *prometheus.CounterVec
	filled     *prometheus.CounterVec
	owed       *prometheus.GaugeVec
	paid       *prometheus.CounterVec
	nodeErrors *prometheus.CounterVec
	reconnects *prometheus.CounterVec
	sessions   *prometheus.CounterVec

	proof       *prometheus.CounterVec
	differences *prometheus.CounterVec
	repairs     *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	const ns, sub = "fondaco", "eventhandler"
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: ns, Subsystem: sub, Name: name, Help: help}, append([]string{"network"}, labels...))
		reg.MustRegister(v)
		return v
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: ns, Subsystem: sub, Name: name, Help: help}, append([]string{"network"}, labels...))
		reg.MustRegister(v)
		return v
	}
	m := &metrics{
		nodeHead:      gauge("node_head", "Newest block height that a node told."),
		nodeFinalized: gauge("node_finalized", "Finalized height that a node told, or that follows from the configured depth."),
		indexed:       gauge("published_head", "Newest block height handed to the publisher."),
		window:        gauge("logs_window", "Heights of one eth_getLogs window."),
		gap:           gauge("missing_heights", "Casper block heights that are missing below the head."),
		connected:     gauge("stream_connected", "1 while the event stream of a Casper endpoint is open.", "endpoint"),
		deepReorg:     gauge("deep_reorg", "1 while endpoints disagree on a block that was final, and nothing is published."),
		leader:        gauge("leader", "1 while this instance holds the network's lease."),

		endpointState:   gauge("endpoint_state", "1 at the state that an EVM endpoint is in.", "endpoint", "state"),
		endpointLatency: gauge("endpoint_latency_seconds", "Time that an EVM endpoint takes to tell its head, smoothed.", "endpoint"),
		endpointHead:    gauge("endpoint_head", "Newest block height that an EVM endpoint told.", "endpoint"),
		endpointCalls:   gauge("endpoint_calls", "Calls sent to an EVM endpoint since the session began, each of a batch counted.", "endpoint"),
		endpointErrors:  gauge("endpoint_errors", "Exchanges and calls that failed at an EVM endpoint since the session began.", "endpoint"),

		messages:   counter("messages_total", "Messages stored in the stream."),
		bytes:      counter("message_bytes_total", "Bytes of the stored messages."),
		units:      counter("units_total", "Units handed to the publisher.", "kind"),
		logs:       counter("logs_total", "EVM logs handed to the publisher."),
		facts:      counter("facts_total", "Casper events that were new.", "kind"),
		duplicates: counter("duplicates_total", "Casper events that were seen already.", "kind"),
		truncated:  counter("truncated_total", "Casper events cut off by the end of their connection; the node sends them again.", "endpoint"),
		filled:     counter("gap_fills_total", "Missing Casper blocks fetched over JSON-RPC.", "outcome"),
		owed:       gauge("deploys_owed", "Casper deploys that a block names and whose outcome has not come."),
		paid:       counter("deploy_fills_total", "Outcomes of Casper deploys fetched over JSON-RPC because no stream told them.", "outcome"),
		nodeErrors: counter("node_errors_total", "Steps that failed because of a node.", "endpoint", "class"),
		reconnects: counter("stream_ends_total", "Event streams of Casper endpoints that ended.", "endpoint"),
		sessions:   counter("sessions_total", "Why a network's session ended.", "reason"),

		rescanned:   gauge("rescan_checked_height", "Height up to which final blocks were read a second time and agree."),
		unsettled:   gauge("rescan_unsettled", "1 while endpoints disagree about a final block and nothing proves who is right."),
		standing:    gauge("rescan_standing", "1 while final blocks wait to be read a second time, and none was for a while."),
		hinting:     gauge("hinting", "1 while heads come over a WebSocket endpoint.", "endpoint"),
		proof:       counter("proof_blocks_total", "Blocks without logs whose bloom leaves a doubt, and how it was settled.", "outcome"),
		differences: counter("rescan_differences_total", "Final blocks of which two readings differed."),
		repairs:     counter("repairs_total", "Final blocks that were published again with their complete logs."),

		streamBytes: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: ns, Subsystem: sub, Name: "stream_bytes", Help: "Bytes that the CHAIN stream holds."}),
		publish: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: ns, Subsystem: sub, Name: "publish_seconds", Help: "Time from sending a message to its durable ack.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}, []string{"network"}),
	}
	reg.MustRegister(m.streamBytes, m.publish)
	return m
}
