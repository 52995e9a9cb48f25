package rds

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"fondaco.dev/pkg/embedded/child"
	"fondaco.dev/pkg/env"
)

// TestCluster: in a cluster hints go by sharded channels, one that is not would
// go to every node. The cluster is one real node that holds every slot.
func TestCluster(t *testing.T) {
	t.Parallel()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not on PATH")
	}
	port, err := child.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--save", "", "--cluster-enabled", "yes", "--cluster-config-file", t.TempDir()+"/nodes.conf")
	proc, err := child.Start(cmd, syscall.SIGTERM)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proc.Stop(child.Step{Signal: syscall.SIGTERM, Wait: 2 * time.Second}) })
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	node := redis.NewClient(&redis.Options{Addr: addr})
	defer node.Close()
	until(ctx, t, func() error { return node.Ping(ctx).Err() })
	if err := node.Do(ctx, "cluster", "addslotsrange", 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	found := Config{URL: env.Secret("redis://" + addr), Ask: true}
	if err := found.Watch(ctx); err != ErrCluster {
		t.Errorf("who took it for a single one: %v", err)
	}
	if found = found.Settle(ctx); !found.Cluster || found.Ask {
		t.Errorf("a cluster is taken for %+v", found)
	}
	c, err := Open(found)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	until(ctx, t, func() error { return c.Set(ctx, "x", 1, 0).Err() })
	for i := range 4 { // channels of different slots
		channel := fmt.Sprint("hints.", i)
		ps := Subscribe(ctx, c, channel)
		defer ps.Close()
		if _, err := ps.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		if n := node.PubSubShardNumSub(ctx, channel).Val()[channel]; n != 1 {
			t.Errorf("%d listen to the sharded channel %s", n, channel)
		}
		if err := Publish(ctx, c, channel, []byte("hint")); err != nil {
			t.Fatal(err)
		}
		m, err := ps.ReceiveMessage(ctx)
		if err != nil || m.Channel != channel || m.Payload != "hint" {
			t.Errorf("got %+v %v", m, err)
		}
	}
}

// TestSettle: a single Redis is found to be one; what was said is not asked; one
// that is away stays an open question until it comes.
func TestSettle(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	one := Config{URL: env.Secret("redis://" + m.Addr()), Ask: true}
	if got := one.Settle(t.Context()); got.Cluster || got.Ask {
		t.Errorf("a single one is taken for %+v", got)
	}
	said := Config{URL: "redis://127.0.0.1:1", Cluster: true}
	if got := said.Settle(t.Context()); got != said {
		t.Errorf("%+v was asked", got)
	}
	m.Close()
	away := one.Settle(t.Context())
	if away.Cluster || !away.Ask {
		t.Errorf("one that is away is taken for %+v", away)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- away.Watch(ctx) }()
	if err := m.Restart(); err != nil {
		t.Fatal(err)
	}
	until(t.Context(), t, func() error {
		if m.TotalConnectionCount() == 0 {
			return errors.New("nobody asks")
		}
		return nil
	})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func until(ctx context.Context, t *testing.T, ok func() error) {
	t.Helper()
	for err := ok(); err != nil; err = ok() {
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
