package run

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// slackAsked makes this test's program a child that sets its slack.
const slackAsked = "FONDACO_TEST_SLACK"

func TestSlackIsThatOfEveryThread(t *testing.T) {
	if want, err := time.ParseDuration(os.Getenv(slackAsked)); err == nil {
		SetSlack(want)
		other := make(chan time.Duration)
		go func() { other <- slack() }()
		fmt.Printf("slack %s %s %d%s\n", slack(), <-other, os.Getpid(), os.Getenv(slackSet))
		return
	}
	t.Parallel()
	for _, want := range []time.Duration{Slack, 70 * time.Microsecond} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestSlackIsThatOfEveryThread$")
		cmd.Env = append(os.Environ(), slackAsked+"="+want.String())
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		// The same process goes on: whoever started it watches its id.
		line := fmt.Sprintf("slack %s %s %d\n", want, want, cmd.Process.Pid)
		if got := string(out); strings.Count(got, line) != 1 {
			t.Errorf("the program said %q, wanted once %q", got, line)
		}
	}
}

// Where exec gives a program the kernel's slack again, it goes on with that.
func TestSlackIsSetOnce(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestSlackIsThatOfEveryThread$")
	cmd.Env = append(os.Environ(), slackAsked+"=70us", slackSet+"=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(out); strings.Contains(got, "slack 70") || !strings.Contains(got, fmt.Sprintf(" %d\n", cmd.Process.Pid)) {
		t.Errorf("the program said %q, wanted another slack than 70 us and no mark left", got)
	}
}
