package run

import (
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// threadsSet in the environment marks a program that was started again: where
// exec does not keep what was set it must not be started for ever.
const threadsSet = "FONDACO_THREADS_SET"

// SetThreads treats all threads of this process so; call it before anything
// else. A thread takes this from the one that made it, and the monitor thread is
// there before main: so the program is started again, once, in the same process.
// Where that does not work everything stays as it is: it saves work and time and
// is not relied upon.
func SetThreads(want Threads) {
	if os.Getenv(threadsSet) != "" {
		_ = os.Unsetenv(threadsSet) // not for the children
		return
	}
	runtime.LockOSThread() // both belong to a thread, and exec keeps the caller's
	defer runtime.UnlockOSThread()
	if !want.set() {
		return
	}
	self, err := os.Executable()
	if err != nil {
		return
	}
	_ = syscall.Exec(self, os.Args, append(os.Environ(), threadsSet+"=1"))
}

// set treats the calling thread so; false when that changed nothing.
func (t Threads) set() (changed bool) {
	before := threads()
	if before.Slack != t.Slack {
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(t.Slack), 0, 0, 0)
	}
	SetSlice(t.Slice)
	return threads() != before
}

// SetSlice gives the calling thread a slice, 0 = the kernel's own: of it alone,
// and of those that it starts.
func SetSlice(d time.Duration) {
	a, err := unix.SchedGetAttr(0, 0)
	if err != nil || a.Policy != unix.SCHED_NORMAL && a.Policy != unix.SCHED_BATCH {
		return // the field is another thing there
	}
	a.Runtime = uint64(d)
	_ = unix.SchedSetAttr(0, a, 0)
}

// threads is how the calling thread is treated. Source: PR_GET_TIMERSLACK(2const),
// which returns it as the result of the call; sched_setattr(2), and
// kernel/sched/syscalls.c for what sched_runtime means without a deadline.
func threads() (t Threads) {
	n, _, _ := syscall.Syscall(syscall.SYS_PRCTL, unix.PR_GET_TIMERSLACK, 0, 0)
	t.Slack = time.Duration(n)
	if a, err := unix.SchedGetAttr(0, 0); err == nil {
		t.Slice = time.Duration(a.Runtime)
	}
	return t
}
