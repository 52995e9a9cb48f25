// Package metric is what the order book counts.
package metric

import "github.com/prometheus/client_golang/prometheus"

// Metrics of one venue.
type Metrics struct {
	Packs        prometheus.Counter
	Skipped      prometheus.Counter
	Undecodable  prometheus.Counter
	Commands     prometheus.Counter
	Rejected     prometheus.Counter
	Events       prometheus.Counter
	Outputs      prometheus.Counter
	Parts        prometheus.Counter
	OutputBytes  prometheus.Counter
	PublishTime  prometheus.Histogram // seconds
	OutputPacks  prometheus.Histogram
	Snapshots    prometheus.Counter
	SnapshotErrs prometheus.Counter
	SnapshotSize prometheus.Gauge // bytes
	RecoverTime  prometheus.Gauge // seconds
	Replayed     prometheus.Counter
	Reigns       prometheus.Counter
	Fenced       prometheus.Counter
	Leader       prometheus.Gauge
	Halted       prometheus.Gauge
	Behind       prometheus.Gauge
	Orders       prometheus.Gauge
	Remembered   prometheus.Gauge
	Accounts     prometheus.Gauge
	InSeq        prometheus.Gauge
	EventSeq     prometheus.Gauge
}

// New registers the metrics; each carries the venue.
func New(reg prometheus.Registerer, venue string) *Metrics {
	reg = prometheus.WrapRegistererWith(prometheus.Labels{"venue": venue}, reg)
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "fondaco_orderbook_" + name, Help: help})
		reg.MustRegister(c)
		return c
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "fondaco_orderbook_" + name, Help: help})
		reg.MustRegister(g)
		return g
	}
	histogram := func(name, help string, start, factor float64, n int) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "fondaco_orderbook_" + name, Help: help,
			Buckets: prometheus.ExponentialBuckets(start, factor, n)})
		reg.MustRegister(h)
		return h
	}
	return &Metrics{
		Packs:        counter("packs_total", "Input packs applied, skipped ones included."),
		Skipped:      counter("packs_skipped_total", "Input packs whose number was applied before, or that were undecodable."),
		Undecodable:  counter("packs_undecodable_total", "Input packs that could not be read or had no gateway."),
		Commands:     counter("commands_total", "Commands looked at."),
		Rejected:     counter("commands_rejected_total", "Commands refused."),
		Events:       counter("events_total", "Events made."),
		Outputs:      counter("outputs_total", "Outputs published to TRADES."),
		Parts:        counter("output_parts_total", "Messages published to TRADES."),
		OutputBytes:  counter("output_bytes_total", "Bytes published to TRADES."),
		PublishTime:  histogram("publish_seconds", "Time until an output was durable in TRADES.", 0.0005, 2, 14),
		OutputPacks:  histogram("output_packs", "Input packs in one output.", 1, 2, 11),
		Snapshots:    counter("snapshots_total", "Snapshots stored."),
		SnapshotErrs: counter("snapshot_errors_total", "Snapshots that could not be stored."),
		SnapshotSize: gauge("snapshot_bytes", "Size of the last snapshot."),
		RecoverTime:  gauge("recovery_seconds", "Time that the last recovery took."),
		Replayed:     counter("packs_replayed_total", "Input packs replayed by recoveries."),
		Reigns:       counter("reigns_total", "Times that this process became leader."),
		Fenced:       counter("fenced_total", "Times that another leader's output stood in the way."),
		Leader:       gauge("leader", "1 while this process leads the venue."),
		Halted:       gauge("halted", "1 while the venue is halted."),
		Behind:       gauge("packs_behind", "Messages in ORDERS behind the last one received."),
		Orders:       gauge("open_orders", "Orders in the books."),
		Remembered:   gauge("dead_orders", "Dead orders whose client ids are remembered."),
		Accounts:     gauge("accounts", "Accounts that ever held a balance."),
		InSeq:        gauge("input_sequence", "ORDERS sequence of the last pack applied."),
		EventSeq:     gauge("event_sequence", "Sequence of the last event made."),
	}
}
