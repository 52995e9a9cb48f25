package home

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const runFile = "run.json"

// Run is what a running system tells operator commands. It holds passwords:
// the file is readable by its owner only.
type Run struct {
	PID            int               `json:"pid"`
	Version        string            `json:"version"`
	StartedAt      time.Time         `json:"started_at"`
	Profile        string            `json:"profile"`
	Demo           bool              `json:"demo"`
	ManualDeposits bool              `json:"manual_deposits"`
	HTTP           string            `json:"http"`   // base URL of the api
	Config         string            `json:"config"` // path of fondaco.yaml
	Venue          string            `json:"venue"`
	Admin          map[string]string `json:"admin"` // service -> host:port
	NATS           NATS              `json:"nats"`
	Postgres       Postgres          `json:"postgres"`
	Redis          string            `json:"redis"` // URL
}

// NATS is how to reach the bus.
type NATS struct {
	URL        string            `json:"url"`
	MonitorURL string            `json:"monitor_url"`
	Users      map[string]string `json:"users"` // operator and provisioner: password
}

// Postgres is how to reach the database.
type Postgres struct {
	OwnerURL  string `json:"owner_url"`
	ReaderURL string `json:"reader_url"`
}

// WriteRun says how this process is reached.
func (d *Dir) WriteRun(r Run) error { return writeJSON(d.Path(runFile), r) }

// ReadRun reads how the process that holds the folder is reached.
func ReadRun(dir string) (Run, error) {
	var r Run
	path := filepath.Join(dir, runFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return r, fmt.Errorf("no system runs in the data folder %s: start it with `fondaco up`, or name its folder with --data-dir", dir)
	}
	if err != nil {
		return r, fmt.Errorf("reading how to reach the system: %w", err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("reading %s: %w", path, err)
	}
	if errors.Is(syscall.Kill(r.PID, 0), syscall.ESRCH) {
		return r, fmt.Errorf("the system of the data folder %s (process %d) has ended without cleaning up: start it again", dir, r.PID)
	}
	return r, nil
}
