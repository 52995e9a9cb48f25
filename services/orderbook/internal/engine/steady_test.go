package engine

import (
	"runtime"
	"testing"
)

// TestNoAllocations: in steady state a command of the mix costs no memory.
func TestNoAllocations(t *testing.T) {
	s := newMill(100, 500)
	s.fill(20_000)
	for k := range 200_000 {
		s.step(k)
	}
	s.close()
	k := 0
	got := testing.AllocsPerRun(20, func() {
		for range 1000 {
			s.step(k)
			k++
		}
		s.close()
	})
	if got != 0 {
		t.Errorf("%v allocations in 1,000 commands, none are expected", got)
	}
	if err := s.e.Audit(); err != nil {
		t.Error(err)
	}
}

// TestMemoryPerOrder: a resting order takes at most 200 bytes, the index of
// client_refs apart.
func TestMemoryPerOrder(t *testing.T) {
	const n = 1_000_000
	s := newMill(1000, 2_000)
	s.live = make([]uint64, 0, n+1000)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	s.fill(n)
	s.out = Batch{}
	after := heap()
	refs := uint64(cap(s.e.byRef.buckets)) * 64
	if got := (after - before - refs) / n; got > 200 {
		t.Errorf("%d bytes for a resting order, at most 200 are expected", got)
	} else {
		t.Logf("%d bytes for a resting order, %d for its client_ref", got, refs/n)
	}
	runtime.KeepAlive(s)
}
