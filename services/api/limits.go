package api

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/rds"
	"fondaco.dev/services/api/internal/limit"
	"fondaco.dev/services/api/internal/peer"
)

// Limits of clients. Each is a number a second, with a burst of twice as many;
// 0 = no limit. Who sends more is told when to go on (429, Retry-After).
type limits struct {
	Rules limit.Rules
	// Shared: replicas share the limits through Redis. FONDACO_LIMIT_SHARED,
	// default whether FONDACO_REDIS_URL is set; without it each process counts
	// for itself.
	Shared bool
	// Grace is for how long new orders go on when Redis is gone.
	// FONDACO_LIMIT_GRACE, default 2s.
	Grace time.Duration
}

// limitsFromEnv reads
//
//	FONDACO_ORDERS_PER_SECOND          2000  commands of an account that place or change orders
//	FONDACO_LIMIT_CANCELS                    of an account that cancel or keep alive; default as the orders
//	FONDACO_LIMIT_READS                2000  requests of an account that read
//	FONDACO_LIMIT_SOCKETS               200  sockets that an account opens
//	FONDACO_LIMIT_TOKEN_ORDERS            0  the same of one of its tokens
//	FONDACO_LIMIT_TOKEN_CANCELS           0
//	FONDACO_LIMIT_TOKEN_READS             0
//	FONDACO_LIMIT_TOKEN_SOCKETS           0
//	FONDACO_LIMIT_ADDRESS_READS        2000  requests of an address (IPv6: a /64) without a valid token
//	FONDACO_LIMIT_ADDRESS_SOCKETS       200  sockets that it opens
func limitsFromEnv(r *env.Reader, lookup env.Lookup) limits {
	rate := func(name string, def int) limit.Rate { return limit.PerSecond(r.Int(name, def, 0, 1<<30)) }
	orders := rate("FONDACO_ORDERS_PER_SECOND", 2000)
	url, _ := lookup("FONDACO_REDIS_URL")
	return limits{
		Rules: limit.Rules{
			Order: orders, Cancel: rate("FONDACO_LIMIT_CANCELS", orders.PerSecond),
			Read: rate("FONDACO_LIMIT_READS", 2000), Socket: rate("FONDACO_LIMIT_SOCKETS", 200),
			TokenOrder: rate("FONDACO_LIMIT_TOKEN_ORDERS", 0), TokenCancel: rate("FONDACO_LIMIT_TOKEN_CANCELS", 0),
			TokenRead: rate("FONDACO_LIMIT_TOKEN_READS", 0), TokenSocket: rate("FONDACO_LIMIT_TOKEN_SOCKETS", 0),
			AddressRead: rate("FONDACO_LIMIT_ADDRESS_READS", 2000), AddressSocket: rate("FONDACO_LIMIT_ADDRESS_SOCKETS", 200),
		},
		Shared: r.Bool("FONDACO_LIMIT_SHARED", url != ""),
		Grace:  r.Duration("FONDACO_LIMIT_GRACE", 2*time.Second),
	}
}

// proxiesFromEnv reads FONDACO_TRUSTED_PROXIES: addresses and ranges, comma
// separated, whose X-Forwarded-For is believed. Empty = nobody's.
func proxiesFromEnv(r *env.Reader) peer.Proxies {
	p, err := peer.Parse(r.List("FONDACO_TRUSTED_PROXIES"))
	if err != nil {
		r.Fail("FONDACO_TRUSTED_PROXIES", err.Error())
	}
	return p
}

// newLimiter makes the limits and, where they are shared, a Redis client of
// their own: requests wait for it, so that it gives up soon.
func newLimiter(cfg Config, reg prometheus.Registerer, log *zap.Logger) (*limit.Limiter, error) {
	c := limit.Config{Rules: cfg.Limits.Rules, Grace: cfg.Limits.Grace}
	if cfg.Limits.Shared {
		quick := cfg.Redis
		quick.Timeout = limit.Patience
		client, err := rds.Open(quick)
		if err != nil {
			return nil, err
		}
		c.Redis = client
	}
	return limit.New(c, reg, log), nil
}
