package rds

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

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
	c, err := Open(Config{URL: env.Secret("redis://" + addr), Cluster: true})
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
