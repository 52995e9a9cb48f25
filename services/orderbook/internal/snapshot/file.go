package snapshot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// files is a folder of snapshots; an empty name is none.
type files struct{ dir string }

type file struct {
	name string
	size uint64
}

// partial ends the name of a file that is still being written.
const partial = ".partial"

func (f files) list() []file {
	if f.dir == "" {
		return nil
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil
	}
	var out []file
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			out = append(out, file{e.Name(), uint64(info.Size())})
		}
	}
	return out
}

func (f files) load(name string) ([]byte, error) { return os.ReadFile(filepath.Join(f.dir, name)) }

// save writes a file so that it is there whole, after a power cut too, or not
// at all: written under another name, synced, renamed, and the folder synced.
func (f files) save(name string, data []byte) error {
	if f.dir == "" {
		return nil
	}
	err := os.MkdirAll(f.dir, 0o700)
	if err == nil {
		err = f.write(name, data)
	}
	if err != nil {
		return fmt.Errorf("storing the file of snapshot %s: %w", name, err)
	}
	return nil
}

func (f files) write(name string, data []byte) error {
	tmp, err := os.CreateTemp(f.dir, name+".*"+partial)
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(f.dir, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	dir, err := os.Open(f.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (f files) remove(name string) error {
	if err := os.Remove(filepath.Join(f.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing the file of snapshot %s: %w", name, err)
	}
	return nil
}

// sweep removes what crashes in the middle of a write left behind. Younger ones
// may be another instance's.
func (f files) sweep(prefix string) error {
	for _, e := range f.list() {
		if !strings.HasPrefix(e.name, prefix) || !strings.HasSuffix(e.name, partial) {
			continue
		}
		info, err := os.Stat(filepath.Join(f.dir, e.name))
		if err == nil && time.Since(info.ModTime()) > time.Hour {
			if err := f.remove(e.name); err != nil {
				return err
			}
		}
	}
	return nil
}
