//go:build !linux

package run

import "time"

// Slack: see slack_linux.go.
const Slack = time.Millisecond

// SetSlack does nothing: timer slack is Linux's.
func SetSlack(time.Duration) {}
