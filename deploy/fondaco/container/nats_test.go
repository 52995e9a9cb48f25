package container

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/zlog/zlogtest"
	"fondaco.dev/proto/topology"
)

// natsConf writes the server's configuration from the topology.
func natsConf() string {
	var b strings.Builder
	b.WriteString(`# The NATS server of docker-compose.yml. The users are those of proto/topology:
# this file is written by the test of deploy/fondaco/container with UPDATE=1.
server_name: fondaco
listen: "0.0.0.0:4222"
http: "0.0.0.0:8222"
max_payload: 8MB

jetstream {
  store_dir: "/data"
  # JetStream's default acks before fsync; services refuse to run on that.
  sync_interval: always
}

authorization {
  users: [
`)
	for _, p := range topology.Permissions() {
		fmt.Fprintf(&b, "    {\n      user: %q, password: $FONDACO_NATS_PASSWORD_%s\n      permissions: {\n        publish: [%s]\n        subscribe: [%s]\n      }\n    }\n",
			p.User, strings.ToUpper(strings.ReplaceAll(p.User, "-", "_")), quoted(p.Publish), quoted(p.Subscribe))
	}
	b.WriteString("  ]\n}\n")
	return b.String()
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(out, ", ")
}

func TestNATSConfIsTheTopology(t *testing.T) {
	path := filepath.Join(root, "deploy/docker/nats.conf")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(natsConf()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if read(t, "deploy/docker/nats.conf") != natsConf() {
		t.Error("deploy/docker/nats.conf is not what proto/topology says; run this test with UPDATE=1")
	}
	for _, p := range topology.Permissions() {
		name := "FONDACO_NATS_PASSWORD_" + strings.ToUpper(strings.ReplaceAll(p.User, "-", "_"))
		if !strings.Contains(read(t, "docker-compose.yml"), name) {
			t.Errorf("docker-compose.yml does not give %s", name)
		}
		t.Setenv(name, "p"+p.User)
	}
	opts, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatalf("the server does not take the file: %v", err)
	}
	if !opts.SyncAlways {
		t.Error("the server would ack before fsync")
	}
	opts.Host, opts.Port, opts.HTTPHost, opts.HTTPPort, opts.StoreDir, opts.NoSigs, opts.NoLog = "127.0.0.1", server.RANDOM_PORT, "127.0.0.1", server.RANDOM_PORT, t.TempDir(), true, true
	srv, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	defer func() { srv.Shutdown(); srv.WaitForShutdown() }()
	if !srv.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not start")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	b, err := bus.Connect(ctx, bus.Config{URL: srv.ClientURL(), User: "writer", Password: "pwriter"}, zlogtest.Test(t).Logger)
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
}
