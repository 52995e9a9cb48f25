package run

import "time"

// Threads is how the kernel treats all threads of a program.
type Threads struct {
	// Slack is how late the kernel may end a sleep, so that wake-ups fall together.
	// Go's own timers are exact to a millisecond at best.
	//
	// It is for the runtime's monitor thread, which sleeps for 20 us at a time
	// while anything runs: with the kernel's default of 50 us a process that gets
	// an order every 4 ms spends a quarter of its processor time on those sleeps,
	// where a wake-up is dear (a virtual machine), and a tenth of it with 1 ms.
	Slack time.Duration
	// Slice is what a thread runs for at a stretch while others wait, 0 = the
	// kernel's own, 1.4 ms on two processors. It gives no larger share. A thread
	// with a short slice that wakes up runs before one with a long slice has used
	// up its own, which otherwise ends with a tick of the kernel, of up to 10 ms.
	// Linux 6.12 and later, 100 us to 100 ms; before, nothing happens.
	Slice time.Duration
}

var (
	// Prompt is for programs whose answers clients wait for: they do little at a
	// time, for many.
	Prompt = Threads{Slack: time.Millisecond, Slice: 200 * time.Microsecond}
	// Steady is for programs that work in bulk.
	Steady = Threads{Slack: time.Millisecond}
)
