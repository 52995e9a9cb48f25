//go:build !linux

package socket

import "errors"

// poller needs epoll; elsewhere a goroutine waits for each connection's bytes.
type poller struct{}

func newPoller() (*poller, error) { return nil, errors.ErrUnsupported }

func (p *poller) arm(*conn) error { return errors.ErrUnsupported }
func (p *poller) forget(*conn)    {}
func (p *poller) run()            {}
func (p *poller) stop()           {}
