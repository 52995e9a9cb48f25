// Package home is a system's data folder: one process at a time, its generated
// passwords, and what operator commands need to reach it.
//
//	<data-dir>/
//	  lock           held by the running process; holds its pid
//	  run.json       addresses and credentials while it runs (0600)
//	  secrets.json   passwords, made on the first start (0600)
//	  nats/ postgres-*/ devnet/ fondaco.yaml (demo)
package home

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Dir is a data folder that this process holds.
type Dir struct {
	path string
	lock *os.File
	temp bool
}

// Open makes the folder if needed and takes it for this process. A folder that
// another process holds is refused with that process's id.
func Open(path string) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("finding the data folder: %w", err)
	}
	if err := os.MkdirAll(path, 0o711); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the data folder's lock: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		pid := holder(lock)
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("the data folder %s is in use by process %s: stop that one, or choose another folder with --data-dir", path, pid)
		}
		return nil, fmt.Errorf("locking the data folder %s: %w", path, err)
	}
	d := &Dir{path: path, lock: lock}
	if err := lock.Truncate(0); err != nil {
		return nil, errors.Join(fmt.Errorf("writing the data folder's lock: %w", err), d.Close())
	}
	if _, err := lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return nil, errors.Join(fmt.Errorf("writing the data folder's lock: %w", err), d.Close())
	}
	return d, nil
}

func holder(lock *os.File) string {
	buf := make([]byte, 32)
	n, _ := lock.ReadAt(buf, 0)
	if pid := strings.TrimSpace(string(buf[:n])); pid != "" {
		return pid
	}
	return "(unknown)"
}

const tempPrefix = "fondaco-ephemeral-"

// Temp makes a data folder that Close removes. Folders of processes that ended
// without cleaning up are removed first.
func Temp() (*Dir, error) {
	old, _ := filepath.Glob(filepath.Join(os.TempDir(), tempPrefix+"*"))
	for _, dir := range old {
		pid, err := strconv.Atoi(strings.Split(strings.TrimPrefix(filepath.Base(dir), tempPrefix), "-")[0])
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.RemoveAll(dir)
		}
	}
	path, err := os.MkdirTemp("", fmt.Sprintf("%s%d-*", tempPrefix, os.Getpid()))
	if err != nil {
		return nil, fmt.Errorf("making a temporary data folder: %w", err)
	}
	// Postgres runs as another user when this process is root, and must get in.
	if err := os.Chmod(path, 0o711); err != nil {
		return nil, fmt.Errorf("opening the temporary data folder: %w", err)
	}
	d, err := Open(path)
	if err != nil {
		return nil, err
	}
	d.temp = true
	return d, nil
}

// Path of a file or folder in it.
func (d *Dir) Path(parts ...string) string {
	return filepath.Join(append([]string{d.path}, parts...)...)
}

// Reset removes everything in it but the lock.
func (d *Dir) Reset() error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return fmt.Errorf("emptying the data folder: %w", err)
	}
	for _, e := range entries {
		if e.Name() == "lock" {
			continue
		}
		if err := os.RemoveAll(d.Path(e.Name())); err != nil {
			return fmt.Errorf("emptying the data folder: %w", err)
		}
	}
	return nil
}

// Temporary says that Close removes the folder.
func (d *Dir) Temporary() bool { return d.temp }

// Close gives the folder back: run.json goes, and a temporary folder with it.
func (d *Dir) Close() error {
	err := os.Remove(d.Path(runFile))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if d.temp {
		err = os.RemoveAll(d.path)
	}
	return errors.Join(err, d.lock.Close())
}

// writeJSON replaces a file in one step; only its owner may read it.
func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding %s: %w", filepath.Base(path), err)
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	return nil
}
