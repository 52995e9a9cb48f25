package hugepage

import (
	"syscall"
	"unsafe"
)

// Advise asks for huge pages wherever memory covers a whole one: a book of a
// million orders spends more on looking up the addresses of small ones than on
// matching. It is an advice: where the system has none to give
// (/sys/kernel/mm/transparent_hugepage/enabled is never), nothing changes.
func Advise(memory []byte) {
	if part := whole(memory); len(part) > 0 {
		_ = syscall.Madvise(part, syscall.MADV_HUGEPAGE)
	}
}

// populateWrite is MADV_POPULATE_WRITE, Linux 5.14.
const populateWrite = 23

// Populate has the system give all pages of the memory, which begins where a page
// does, now and not as they are used. Where it does not know how, they come as they
// are used.
func Populate(memory []byte) {
	_ = syscall.Madvise(memory, populateWrite)
}

// whole is the part of memory that is made of whole huge pages.
func whole(memory []byte) []byte {
	if len(memory) == 0 {
		return nil
	}
	from := -int(uintptr(unsafe.Pointer(unsafe.SliceData(memory)))) & (Size - 1)
	n := (len(memory) - from) &^ (Size - 1)
	if n <= 0 {
		return nil
	}
	return memory[from : from+n]
}
