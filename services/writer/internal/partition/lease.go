package partition

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The lease is a session's advisory lock, so that it ends with the process. It
// saves work; what keeps two writers from doing harm is the cursor's fence.
const (
	leasePoll = 500 * time.Millisecond // a second writer takes over within this
	leasePing = 3 * time.Second
)

var errLeaseLost = errors.New("the lease's connection broke")

// lease waits for the partition's lock. The returned context ends when the
// lease is lost; release gives it back.
func (p *Partition) lease(ctx context.Context) (held context.Context, release func(), err error) {
	cfg := p.Pool.Config().ConnConfig.Copy()
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the lease's connection: %w", err)
	}
	closeConn := func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(end)
	}
	key := p.leaseKey()
	for standby := false; ; standby = true {
		// Polled: a waiting pg_advisory_lock would hold a snapshot open and keep
		// vacuum from its work.
		var got bool
		if err := conn.QueryRow(ctx, `select pg_try_advisory_lock($1)`, key).Scan(&got); err != nil {
			closeConn()
			return nil, nil, fmt.Errorf("asking for the lease: %w", err)
		}
		if got {
			break
		}
		if !standby {
			p.Status.Set(nil) // another writer works: standing by is ready
		}
		if !sleep(ctx, leasePoll/2+rand.N(leasePoll/2)) {
			closeConn()
			return nil, nil, ctx.Err()
		}
	}
	held, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer closeConn()
		for sleep(held, leasePing) {
			ping, stop := context.WithTimeout(held, leasePing)
			err := conn.Ping(ping)
			stop()
			if err != nil {
				cancel(errLeaseLost)
				return
			}
		}
	}()
	return held, func() { cancel(nil); <-done }, nil
}

func (p *Partition) leaseKey() int64 { return leaseKey(p.Build, p.Name) }

func leaseKey(build, name string) int64 {
	sum := sha256.Sum256([]byte("fondaco.writer\x00" + build + "\x00" + name))
	return int64(binary.BigEndian.Uint64(sum[:]))
}

// Written reports whether a writer holds one of the partitions of a build.
func Written(ctx context.Context, pool *pgxpool.Pool, build string, names []string) (bool, error) {
	keys := make([]int64, len(names))
	for i, name := range names {
		keys[i] = leaseKey(build, name)
	}
	// Half of a 64-bit key stands in each of two columns.
	const q = `
select exists (select from pg_locks where locktype = 'advisory' and objsubid = 1 and granted
	and database = (select oid from pg_database where datname = current_database())
	and (classid::bigint << 32 | objid::bigint) = any($1::bigint[]))`
	var held bool
	if err := pool.QueryRow(ctx, q, keys).Scan(&held); err != nil {
		return false, fmt.Errorf("asking who writes build %s: %w", build, err)
	}
	return held, nil
}
