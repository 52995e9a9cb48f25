package casper

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// store keeps every event that the node sent, oldest first, one JSON line each
// after a first line that names the chain. It is written before an event is
// sent, so that a killed node goes on with a chain that its clients know; a
// torn last line is cut off.
type store struct {
	dir  *os.File // locked folder, nil = memory only
	file *os.File
	mem  []byte // the lines when there is no file
	size int64
}

// place is where a line is.
type place struct {
	at   int64
	size int
}

// chainLine is the first line.
type chainLine struct {
	Chain    string `json:"chain"`
	Protocol string `json:"protocol"`
	Seed     string `json:"seed"`
}

// eventLine is every other line.
type eventLine struct {
	ID   uint32          `json:"id"`
	Type string          `json:"type"`
	Raw  json.RawMessage `json:"event"`
}

// openStore opens or creates the folder's chain and calls each for its events.
func openStore(cfg Config, each func(eventLine, place)) (*store, chainLine, error) {
	first := chainLine{Chain: cfg.ChainName, Protocol: cfg.Protocol, Seed: cfg.Seed}
	if first.Seed == "" {
		var b [16]byte
		if _, err := rand.Read(b[:]); err != nil {
			return nil, first, err
		}
		first.Seed = hex.EncodeToString(b[:])
	}
	s := &store{}
	if cfg.DataDir == "" {
		_, err := s.append(encode(first))
		return s, first, err
	}
	if err := s.open(cfg.DataDir); err != nil {
		return nil, first, errors.Join(err, s.close())
	}
	kept, err := s.load(each)
	if err == nil && kept == nil {
		_, err = s.append(encode(first))
		kept = &first
	}
	if err == nil && kept.Chain != cfg.ChainName {
		err = fmt.Errorf("%s holds chain %q, not %q: use another folder", cfg.DataDir, kept.Chain, cfg.ChainName)
	}
	if err != nil {
		return nil, first, errors.Join(err, s.close())
	}
	kept.Protocol = cfg.Protocol // a node may be upgraded
	return s, *kept, nil
}

func (s *store) open(dir string) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	if s.dir, err = os.OpenFile(filepath.Join(dir, "LOCK"), os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return fmt.Errorf("opening the lock: %w", err)
	}
	if err := syscall.Flock(int(s.dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("data folder %s is in use by another process: %w", dir, err)
	}
	if s.file, err = os.OpenFile(filepath.Join(dir, "events.ndjson"), os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return fmt.Errorf("opening the event file: %w", err)
	}
	return nil
}

// load reads the file; nil = it is new.
func (s *store) load(each func(eventLine, place)) (*chainLine, error) {
	var chain *chainLine
	r := bufio.NewReaderSize(s.file, 1<<20)
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break // a line without its end is torn
		}
		if err != nil {
			return nil, fmt.Errorf("reading the event file: %w", err)
		}
		if chain == nil {
			chain = new(chainLine)
			if err := json.Unmarshal(line, chain); err != nil {
				return nil, fmt.Errorf("reading the event file's first line: %w", err)
			}
		} else {
			var e eventLine
			if err := json.Unmarshal(line, &e); err != nil {
				return nil, fmt.Errorf("reading the event file at byte %d: %w", s.size, err)
			}
			each(e, place{s.size, len(line)})
		}
		s.size += int64(len(line))
	}
	if err := s.file.Truncate(s.size); err != nil {
		return nil, fmt.Errorf("cutting the torn end: %w", err)
	}
	_, err := s.file.Seek(s.size, io.SeekStart)
	return chain, err
}

// append writes lines with one write call and says where each is.
func (s *store) append(lines ...json.RawMessage) ([]place, error) {
	var b bytes.Buffer
	places := make([]place, len(lines))
	for i, line := range lines {
		places[i] = place{s.size + int64(b.Len()), len(line) + 1}
		b.Write(line)
		b.WriteByte('\n')
	}
	if s.file == nil {
		s.mem = append(s.mem, b.Bytes()...)
	} else if _, err := s.file.Write(b.Bytes()); err != nil {
		return nil, fmt.Errorf("writing the event file: %w", err)
	}
	s.size += int64(b.Len())
	return places, nil
}

// event reads a line back.
func (s *store) event(p place) (eventLine, error) {
	var e eventLine
	line := make([]byte, p.size)
	if s.file == nil {
		copy(line, s.mem[p.at:])
	} else if _, err := s.file.ReadAt(line, p.at); err != nil {
		return e, fmt.Errorf("reading the event file at byte %d: %w", p.at, err)
	}
	return e, json.Unmarshal(line, &e)
}

func (s *store) close() error {
	var errs []error
	for _, f := range []*os.File{s.file, s.dir} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
