package hugepage

import (
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	pages "fondaco.dev/pkg/hugepage"
)

// smallUntil is how much of a reserved space is made of small pages: a large one
// takes milliseconds, and what needs no more of it should not wait so long.
const smallUntil = pages.Size

// Reserve gives address space of so many bytes, all zeros, that takes memory only
// where it is used, and a function that says how many bytes of it will be used
// soon: those are made ready beside the caller, since the first use of a page costs
// more than anything that is done with it. Who uses them before only waits for the
// page. The space lasts as long as that function is held; nil when the system has
// none to give.
func Reserve(bytes int) (memory []byte, need func(bytes int)) {
	mapped, err := syscall.Mmap(-1, 0, bytes+pages.Size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
	if err != nil {
		return nil, nil
	}
	from := -int(uintptr(unsafe.Pointer(unsafe.SliceData(mapped)))) & (pages.Size - 1)
	s := &space{mapped: mapped, memory: mapped[from : from+bytes : from+bytes]}
	pages.Advise(s.memory[min(smallUntil, bytes):])
	h := &held{s}
	runtime.AddCleanup(h, (*space).release, s)
	return s.memory, h.need
}

// held is what keeps a space: when nobody has it any more, the space is given back.
type held struct{ space *space }

func (h *held) need(bytes int) {
	h.space.need(bytes)
	runtime.KeepAlive(h)
}

type space struct {
	mapped, memory []byte

	mu         sync.Mutex
	want, done int
	busy       bool
	filler     sync.WaitGroup
}

// need has the memory up to so many bytes made ready, by one goroutine that ends
// when it is.
func (s *space) need(bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.want = max(s.want, min(bytes, len(s.memory)))
	if !s.busy && s.done < s.want {
		s.busy = true
		s.filler.Go(s.fill)
	}
}

func (s *space) fill() {
	for {
		s.mu.Lock()
		from := s.done
		to := max(from, min(s.want, from+pages.Size)) // a page at a time, so that release, which wants none, waits for no more
		s.done, s.busy = to, from < to
		s.mu.Unlock()
		if from == to {
			return
		}
		pages.Populate(s.memory[from:to])
	}
}

func (s *space) release() {
	s.mu.Lock()
	s.want = 0
	s.mu.Unlock()
	s.filler.Wait()
	_ = syscall.Munmap(s.mapped)
}
