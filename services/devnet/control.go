package devnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"fondaco.dev/services/devnet/casper"
	"fondaco.dev/services/devnet/fault"
)

// control is the switchboard of both chains: the endpoints that may be told to
// misbehave, and the API that tells them.
type control struct {
	faulty []*fault.Server
	server *http.Server
	addr   string
}

// startControl opens the faulty endpoints and the API, as far as the settings
// ask for them.
func (d *Devnet) startControl() (err error) {
	c := &d.control
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	chain := &fault.Geth{Node: d.EVM}
	boards := map[string]*fault.Board{}
	for i, addr := range d.cfg.Faulty {
		b, err := fault.New(chain, uint64(i+1))
		if err != nil {
			return err
		}
		s, err := fault.Listen(b, addr)
		if err != nil {
			return err
		}
		c.faulty = append(c.faulty, s)
		boards[fmt.Sprint(i+1)] = b
	}
	if d.cfg.ControlAddr == "" {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("/evm/", http.StripPrefix("/evm", fault.Control(chain, boards)))
	mux.Handle("/casper/", http.StripPrefix("/casper", casper.Control(d.Casper)))
	l, err := net.Listen("tcp", d.cfg.ControlAddr)
	if err != nil {
		return fmt.Errorf("listening for the control API: %w", err)
	}
	c.addr = l.Addr().String()
	c.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = c.server.Serve(l) }() // ends with close
	return nil
}

func (c *control) close() error {
	var errs []error
	if c.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		errs = append(errs, c.server.Shutdown(ctx))
	}
	for _, s := range c.faulty {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// ControlURL is where the control API is, "" without one.
func (d *Devnet) ControlURL() string {
	if d.control.addr == "" {
		return ""
	}
	return "http://" + d.control.addr
}

// Faulty are the endpoints that may be told to misbehave.
func (d *Devnet) Faulty() []*fault.Server { return d.control.faulty }
