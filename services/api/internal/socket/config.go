package socket

import (
	"time"

	"fondaco.dev/services/api/internal/limit"
	"fondaco.dev/services/api/internal/peer"
)

// Config bounds the sockets. Zero values are the defaults.
type Config struct {
	QueueBytes int // that may wait for one client, default 1 MiB
	// UnsentBytes is what the kernel takes for a client that does not take it;
	// default 128 KiB, Linux only.
	UnsentBytes int
	Stall       time.Duration // a client that takes nothing for this long is closed, default 10 s
	Behind      time.Duration // and one that stays behind for this long, default 60 s
	Tick        time.Duration // frames that follow another within it leave together, default 4 ms
	Spread      time.Duration // over how long clients come back after a shutdown, default 10 s
	MaxConns    int           // open sockets; 0 = no limit
	PerAddress  int           // open sockets of one address; 0 = no limit
	Proxies     peer.Proxies  // whose word about a client's address is taken

	Subscriptions     int        // of one connection, default 64
	MessageBytes      int        // of one message, default 64 KiB
	MessagesPerSecond int        // of one connection, default 50; four seconds' worth at once
	Orders            limit.Rate // commands of one connection
	// Origins are the web pages, such as https://example.org, whose sockets may
	// have credentials, beside those of the api's own host; "*" = all. Anybody's
	// page may follow what is public.
	Origins []string
}

func (c Config) withDefaults() Config {
	def := func(v *int, to int) {
		if *v <= 0 {
			*v = to
		}
	}
	span := func(v *time.Duration, to time.Duration) {
		if *v <= 0 {
			*v = to
		}
	}
	def(&c.QueueBytes, 1<<20)
	def(&c.UnsentBytes, 128<<10)
	def(&c.Subscriptions, 64)
	def(&c.MessageBytes, 64<<10)
	def(&c.MessagesPerSecond, 50)
	span(&c.Stall, 10*time.Second)
	span(&c.Behind, time.Minute)
	span(&c.Tick, 4*time.Millisecond)
	span(&c.Spread, 10*time.Second)
	return c
}
