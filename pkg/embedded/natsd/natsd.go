// Package natsd runs a NATS server with JetStream inside this process, on a
// real loopback socket.
package natsd

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"

	"fondaco.dev/pkg/env"
)

// User may publish and subscribe to these subjects only.
type User struct {
	Name      string
	Password  env.Secret
	Publish   []string
	Subscribe []string
}

// Config says where the server keeps its streams and who may use it.
type Config struct {
	Dir        string // store folder
	Host       string // default 127.0.0.1
	Port       int    // 0 = a free one
	LazySync   bool   // ack before fsync; only to show that services refuse it
	MaxPayload int32  // default 8 MiB
	MaxStore   int64  // bytes that all streams together may take; 0 = what the disk has
	Users      []User // empty = no authentication
}

// maxPayload carries a block's part or an output with its headers.
const maxPayload = 8 << 20

// Server is a running server.
type Server struct {
	srv *server.Server
	cfg Config
}

// Start starts the server and returns when it takes connections.
func Start(cfg Config, log *zap.Logger) (*Server, error) {
	opts := &server.Options{
		ServerName: "fondaco",
		Host:       cfg.Host,
		Port:       cfg.Port,
		JetStream:  true,
		StoreDir:   cfg.Dir,
		// JetStream's default acks before fsync (every 2 minutes).
		SyncAlways:            !cfg.LazySync,
		MaxPayload:            maxPayload,
		HTTPHost:              "127.0.0.1",
		HTTPPort:              server.RANDOM_PORT,
		NoSigs:                true,
		JetStreamMaxMemory:    -1,
		JetStreamMaxStore:     -1,
		DisableShortFirstPing: true,
	}
	if cfg.Host == "" {
		opts.Host = "127.0.0.1"
	}
	if cfg.Port == 0 {
		opts.Port = server.RANDOM_PORT
	}
	if cfg.MaxPayload != 0 {
		opts.MaxPayload = cfg.MaxPayload
	}
	if cfg.MaxStore != 0 {
		opts.JetStreamMaxStore = cfg.MaxStore
	}
	for _, u := range cfg.Users {
		opts.Users = append(opts.Users, &server.User{Username: u.Name, Password: u.Password.Reveal(), Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: u.Publish},
			Subscribe: &server.SubjectPermission{Allow: u.Subscribe},
		}})
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("preparing nats: %w", err)
	}
	srv.SetLoggerV2(logger{log.Sugar()}, false, false, false)
	srv.Start()
	if !srv.ReadyForConnections(20 * time.Second) {
		srv.Shutdown()
		return nil, errors.New("nats did not start within 20 s; its log lines above say why (is the port taken, or the disk full?)")
	}
	return &Server{srv: srv, cfg: cfg}, nil
}

// URL is where clients connect.
func (s *Server) URL() string { return s.srv.ClientURL() }

// MonitorURL is the base of the server's monitoring pages.
func (s *Server) MonitorURL() string { return "http://" + s.srv.MonitorAddr().String() }

// Stop shuts the server down and waits for it.
func (s *Server) Stop() {
	s.srv.Shutdown()
	s.srv.WaitForShutdown()
}

// Durability asks servers by their monitoring pages whether they ack only
// after fsync, and returns their ids.
func Durability(monitorURLs ...string) (syncAlways bool, ids []string, err error) {
	client := &http.Client{Timeout: 5 * time.Second}
	syncAlways = len(monitorURLs) > 0
	for _, base := range monitorURLs {
		var page struct {
			ID     string `json:"server_id"`
			Config struct {
				SyncAlways bool `json:"sync_always"`
			} `json:"config"`
		}
		resp, err := client.Get(base + "/jsz?config=true")
		if err != nil {
			return false, nil, fmt.Errorf("asking %s: %w", base, err)
		}
		err = json.NewDecoder(resp.Body).Decode(&page)
		resp.Body.Close()
		if err != nil {
			return false, nil, fmt.Errorf("reading %s/jsz: %w", base, err)
		}
		ids = append(ids, page.ID)
		syncAlways = syncAlways && page.Config.SyncAlways
	}
	return syncAlways, ids, nil
}

// logger passes the server's own lines on.
type logger struct{ log *zap.SugaredLogger }

func (l logger) Noticef(format string, v ...any) { l.log.Debugf("nats: "+format, v...) }
func (l logger) Warnf(format string, v ...any) {
	if strings.HasPrefix(format, "Plaintext passwords") {
		// They are made at random for this process and never leave the machine.
		l.log.Debugf("nats: "+format, v...)
		return
	}
	l.log.Warnf("nats: "+format, v...)
}
func (l logger) Fatalf(format string, v ...any) { l.log.Errorf("nats: "+format, v...) }
func (l logger) Errorf(format string, v ...any) { l.log.Errorf("nats: "+format, v...) }
func (l logger) Debugf(format string, v ...any) { l.log.Debugf("nats: "+format, v...) }
func (l logger) Tracef(string, ...any)          {}
