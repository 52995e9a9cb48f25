package eventhandler

import "fondaco.dev/services/event-handler/internal/evm"

// proof counts how doubts about what nodes answered were settled.
type proof struct{ n *network }

func (p proof) count(outcome string, n int) {
	p.n.svc.metrics.proof.WithLabelValues(p.n.cfg.Name, outcome).Add(float64(n))
}

func (p proof) Suspected(blocks int) { p.count("suspected", blocks) }
func (p proof) Proven(blocks int)    { p.count("proven", blocks) }
func (p proof) Unproven(blocks int) {
	p.count("unproven", blocks)
	p.n.standing.unproven.Add(uint64(blocks))
}
func (p proof) Mended(blocks int) { p.count("mended", blocks) }

// rescanned tells of final heights that were read a second time.
func (s *evmSource) rescanned(r evm.Rescanned) {
	m, name := s.n.svc.metrics, s.n.cfg.Name
	m.rescanned.WithLabelValues(name).Set(float64(r.Checked))
	m.unsettled.WithLabelValues(name).Set(one(r.Unsettled))
	s.n.standing.unsettled.Store(r.Unsettled)
	m.differences.WithLabelValues(name).Add(float64(r.Differences))
	m.repairs.WithLabelValues(name).Add(float64(r.Repairs))
}
