package run

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// threadsAsked makes this test's program a child that sets its threads.
const threadsAsked = "FONDACO_TEST_THREADS"

func TestThreadsAreAllTreatedSo(t *testing.T) {
	var want Threads
	if _, err := fmt.Sscan(os.Getenv(threadsAsked), (*int64)(&want.Slack), (*int64)(&want.Slice)); err == nil {
		SetThreads(want)
		other := make(chan Threads)
		go func() { other <- threads() }()
		fmt.Printf("threads %v %v %d%s\n", threads(), <-other, os.Getpid(), os.Getenv(threadsSet))
		return
	}
	t.Parallel()
	runtime.LockOSThread()
	SetSlice(0)
	usual := threads().Slice // 0 where the kernel knows of none
	runtime.UnlockOSThread()
	for _, want := range []Threads{Steady, Prompt, {Slack: 70 * time.Microsecond, Slice: 5 * time.Millisecond}} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestThreadsAreAllTreatedSo$")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d", threadsAsked, want.Slack, want.Slice))
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if want.Slice == 0 || usual == 0 {
			want.Slice = usual
		}
		// The same process goes on: whoever started it watches its id.
		line := fmt.Sprintf("threads %v %v %d\n", want, want, cmd.Process.Pid)
		if got := string(out); strings.Count(got, line) != 1 {
			t.Errorf("the program said %q, wanted once %q", got, line)
		}
	}
}

// Where exec gives a program the kernel's slack again, it goes on with that.
func TestThreadsAreSetOnce(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestThreadsAreAllTreatedSo$")
	cmd.Env = append(os.Environ(), threadsAsked+"=70000 0", threadsSet+"=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(out); strings.Contains(got, "{70") || !strings.Contains(got, fmt.Sprintf(" %d\n", cmd.Process.Pid)) {
		t.Errorf("the program said %q, wanted another slack than 70 us and no mark left", got)
	}
}
