package run

import (
	"os"
	"runtime"
	"syscall"
	"time"
)

// Slack is how late the kernel may end a sleep of a service's threads, so that
// wake-ups fall together. Go's own timers are exact to a millisecond at best.
//
// It is for the runtime's monitor thread, which sleeps for 20 us at a time
// while anything runs: with the kernel's default of 50 us a process that gets
// an order every 4 ms spends a quarter of its processor time on those sleeps,
// where a wake-up is dear (a virtual machine), and a tenth of it with 1 ms.
const Slack = time.Millisecond

// Of prctl(2).
const (
	prSetTimerSlack = 29
	prGetTimerSlack = 30
)

// slackSet in the environment marks a program that was started again: where exec
// does not keep the slack it must not be started for ever.
const slackSet = "FONDACO_SLACK_SET"

// SetSlack gives all threads of this process a timer slack; call it before
// anything else. A thread takes the slack of the one that made it, and the
// monitor thread is there before main: so the program is started again, once,
// in the same process. Where that does not work everything stays as it is: the
// slack saves work and is not relied upon.
func SetSlack(want time.Duration) {
	if os.Getenv(slackSet) != "" {
		_ = os.Unsetenv(slackSet) // not for the children
		return
	}
	runtime.LockOSThread() // slack belongs to a thread, and exec keeps the caller's
	defer runtime.UnlockOSThread()
	if slack() == want {
		return
	}
	self, err := os.Executable()
	if err != nil {
		return
	}
	if _, _, no := syscall.Syscall(syscall.SYS_PRCTL, prSetTimerSlack, uintptr(want), 0); no != 0 || slack() != want {
		return
	}
	_ = syscall.Exec(self, os.Args, append(os.Environ(), slackSet+"=1"))
}

// slack is that of the calling thread. PR_GET_TIMERSLACK returns it as the
// result of the call.
func slack() time.Duration {
	n, _, _ := syscall.Syscall(syscall.SYS_PRCTL, prGetTimerSlack, 0, 0)
	return time.Duration(n)
}
