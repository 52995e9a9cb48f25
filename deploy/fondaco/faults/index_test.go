package faults

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/services/devnet/memchain"
)

// A line is one canonical row, with everything that follows from the chain:
// no positions, no times of writing.
func blockLine(number uint64, hash, parent []byte, at uint64, txs int) string {
	return fmt.Sprintf("block %d %x %x %d %d", number, hash, parent, at, txs)
}

func eventLine(number uint64, index uint, block, tx []byte, txIndex uint, address []byte, topics [][]byte, data []byte, event, value, problem string) string {
	return fmt.Sprintf("event %d/%d %x %x %d %x %x %x %s %s %s", number, index, block, tx, txIndex, address, topics, sha256.Sum256(data), event, value, problem)
}

// expected are the rows that a clean index of these blocks has.
func (w *world) expected(blocks []*memchain.Block) (lines []string) {
	for _, b := range blocks {
		lines = append(lines, blockLine(b.Number(), b.Hash[:], b.Header.ParentHash[:], b.Header.Time, len(b.Txs)))
		for _, l := range b.Logs() {
			if l.Address == w.token && len(l.Topics) > 0 && l.Topics[0] == transfer {
				topics := make([][]byte, len(l.Topics))
				for i, t := range l.Topics {
					topics[i] = t.Bytes()
				}
				event, value := "Transfer", new(big.Int).SetBytes(l.Data[:min(32, len(l.Data))]).String()
				if len(l.Topics) != 3 {
					event, value = "", ""
				}
				lines = append(lines, eventLine(b.Number(), l.Index, b.Hash[:], l.TxHash[:], l.TxIndex, l.Address[:], topics, l.Data, event, value, ""))
			}
		}
	}
	return lines
}

var errNoBuild = errors.New("no build is live")

// indexed are the rows that the index has, in one snapshot.
func (w *world) indexed(ctx context.Context) (lines []string, err error) {
	tx, err := w.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	var build string
	if err := tx.QueryRow(ctx, "select build from ctl.deployments").Scan(&build); err != nil {
		return nil, errNoBuild
	}
	ix, network := "ix_"+build, w.file.Networks[0].Name
	events := map[uint64][]string{}
	var last uint64
	rows, err := tx.Query(ctx, `select block_number, log_index, block_hash, tx_hash, tx_index, address, topics, data, event, args, decode_error
from `+ix+`.events where network = $1 order by block_number, log_index`, network)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var number uint64
		var index, txIndex uint
		var block, hash, address, data []byte
		var topics [][]byte
		var event, problem string
		var args []byte
		if err := rows.Scan(&number, &index, &block, &hash, &txIndex, &address, &topics, &data, &event, &args, &problem); err != nil {
			return nil, err
		}
		var decoded struct{ Value string }
		if len(args) > 0 {
			if err := json.Unmarshal(args, &decoded); err != nil {
				return nil, fmt.Errorf("arguments of log %d/%d: %w", number, index, err)
			}
		}
		if len(topics) != 3 {
			problem = ""
		}
		events[number] = append(events[number], eventLine(number, index, block, hash, txIndex, address, topics, data, event, decoded.Value, problem))
		last = max(last, number)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	rows, err = tx.Query(ctx, `select number, hash, parent_hash, time, tx_count from `+ix+`.blocks where network = $1 order by number`, network)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var number, at uint64
		var hash, parent []byte
		var txs int
		if err := rows.Scan(&number, &hash, &parent, &at, &txs); err != nil {
			return nil, err
		}
		lines = append(lines, blockLine(number, hash, parent, at, txs))
		lines = append(lines, events[number]...)
		delete(events, number)
	}
	for number, list := range events {
		lines = append(lines, fmt.Sprintf("events of block %d, which is not there: %d", number, len(list)))
	}
	return lines, rows.Err()
}

// upTo leaves the rows of the blocks up to a height.
func upTo(lines []string, height uint64) []string {
	for i, l := range lines {
		var number uint64
		if n, _ := fmt.Sscanf(l, "block %d", &number); n == 1 && number > height {
			return lines[:i]
		}
	}
	return lines
}

// unlisted drops the blocks without logs, of which an index with headers:
// events has some only.
func unlisted(lines []string) (out []string) {
	for i, l := range lines {
		if strings.HasPrefix(l, "event") || i+1 < len(lines) && strings.HasPrefix(lines[i+1], "event") {
			out = append(out, l)
		}
	}
	return out
}

// problems are what the writer put aside; there must be none.
func (w *world) problems(ctx context.Context) error {
	for what, q := range map[string]string{
		"dead letters": "select count(*) from ctl.dead_letters", "quarantined units": "select count(*) from ctl.quarantine",
		"stopped partitions": "select count(*) from ctl.cursors where problem is not null",
	} {
		var n int
		if err := w.pool.QueryRow(ctx, q).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("%d %s", n, what)
		}
	}
	return nil
}

// settle waits until the index is the chain's, row for row, and says in what it
// differs when it never is.
func (w *world) settle(r row, limit time.Duration) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), limit)
	defer cancel()
	var have, want []string
	var err error
	for {
		began := time.Now()
		got, failed := w.indexed(ctx)
		if err = failed; err == nil {
			have = got
		}
		want = w.expected(w.chain.Canonical()[r.from:])
		if r.final {
			to := w.chain.Finalized()
			have, want = upTo(have, to), upTo(want, to)
		}
		if strings.Contains(r.yaml, "headers: events") {
			have, want = unlisted(have), unlisted(want)
		}
		if err == nil && digest(have) == digest(want) {
			if err = w.problems(ctx); err != nil {
				w.t.Errorf("the rows are right, but there are %v", err)
			}
			return
		}
		select {
		case <-time.After(max(40*time.Millisecond, 4*time.Since(began))): // looking is not to be the work
			continue
		case <-ctx.Done():
		}
		var acted []string
		for _, b := range w.boards {
			acted = append(acted, b.acts()...)
		}
		w.t.Fatalf("after %v the index is not the chain (%v), head %d, finalized %d, %s:\n%s\n/readyz: %s\n%s\nlog:\n%s", limit, err, w.chain.Head().Number(),
			w.chain.Finalized(), strings.Join(acted, ", "), differ(have, want), w.ask("/readyz"), strings.Join(w.counted(), " "), w.log.last(25))
	}
}

func digest(lines []string) [32]byte { return sha256.Sum256([]byte(strings.Join(lines, "\n"))) }

// differ names the first rows that only one side has.
func differ(have, want []string) string {
	in := func(list []string) map[string]bool {
		m := make(map[string]bool, len(list))
		for _, l := range list {
			m[l] = true
		}
		return m
	}
	h, wa := in(have), in(want)
	var out []string
	more := 0
	say := func(what string, list []string, other map[string]bool) {
		n := 0
		for _, l := range list {
			if !other[l] {
				if n++; n <= 5 {
					out = append(out, fmt.Sprintf("%s: %.120s", what, l))
				} else {
					more++
				}
			}
		}
	}
	say("missing", want, h)
	say("wrong", have, wa)
	return fmt.Sprintf("%s\n(%d more; %d rows, want %d)", strings.Join(out, "\n"), more, len(have), len(want))
}
