package chain

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/services/writer/internal/evm"
)

// copyRows collects rows in the binary form of COPY, in one buffer: pgx boxes
// every value of every row, which cost as much as decoding the log.
//
//	"PGCOPY\n\xff\r\n\0" flags(4) extension(4)
//	per row:   columns(2) then per column length(4, -1 = null) bytes
//	at the end: -1(2)
//
// Source: PostgreSQL documentation, COPY, "Binary Format".
type copyRows struct {
	table   string
	columns []string
	buf     []byte
	rows    int
}

const copyHeader = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func newCopy(table string, columns []string, size int) *copyRows {
	var buf []byte
	if size >= minSpareBytes {
		buf = spareBuffers.take()
	}
	if cap(buf) < size+64 {
		buf = make([]byte, 0, size+64)
	}
	return &copyRows{table: table, columns: columns, buf: append(buf, copyHeader...)}
}

// release gives the buffer to a later copy; the rows are gone then.
func (c *copyRows) release() {
	if c != nil {
		spareBuffers.put(c.buf)
		c.buf = nil
	}
}

// spare keeps a few large buffers: making one of 14 MB for each 20,000 rows
// cost more than filling it.
type spare chan []byte

// Bounds of what is kept: two transactions under way in one partition.
const (
	maxSpare      = 4
	minSpareBytes = 1 << 20
	maxSpareBytes = 32 << 20
)

var spareBuffers = make(spare, maxSpare)

func (s spare) take() []byte {
	select {
	case b := <-s:
		return b[:0]
	default:
		return nil
	}
}

func (s spare) put(b []byte) {
	if cap(b) < minSpareBytes || cap(b) > maxSpareBytes {
		return
	}
	select {
	case s <- b:
	default:
	}
}

// row begins a row; as many values as there are columns follow.
func (c *copyRows) row() {
	c.rows++
	c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(len(c.columns)))
}

func (c *copyRows) int8(v uint64) {
	c.buf = binary.BigEndian.AppendUint64(append(c.buf, 0, 0, 0, 8), v)
}

func (c *copyRows) int4(v uint32) {
	c.buf = binary.BigEndian.AppendUint32(append(c.buf, 0, 0, 0, 4), v)
}

func (c *copyRows) bytes(v []byte) {
	c.buf = append(binary.BigEndian.AppendUint32(c.buf, uint32(len(v))), v...)
}

func (c *copyRows) text(v string) {
	c.buf = append(binary.BigEndian.AppendUint32(c.buf, uint32(len(v))), v...)
}

// jsonb writes nil as null. The first byte is the version of jsonb's own
// binary form.
func (c *copyRows) jsonb(v []byte) {
	if v == nil {
		c.buf = append(c.buf, 0xff, 0xff, 0xff, 0xff)
		return
	}
	c.buf = append(binary.BigEndian.AppendUint32(c.buf, uint32(1+len(v))), 1)
	c.buf = append(c.buf, v...)
}

const byteaOID = 17

func (c *copyRows) byteaArray(v [][]byte) {
	size := 12
	if len(v) > 0 {
		size += 8
	}
	for _, e := range v {
		size += 4 + len(e)
	}
	b := binary.BigEndian.AppendUint32(c.buf, uint32(size))
	if len(v) == 0 {
		c.buf = append(b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, byteaOID) // no dimensions
		return
	}
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, byteaOID)
	b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
	b = append(b, 0, 0, 0, 1) // the first index
	for _, e := range v {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(e))), e...)
	}
	c.buf = b
}

// send copies the rows; a copy without rows sends nothing.
func (c *copyRows) send(ctx context.Context, tx pgx.Tx, ix *index) error {
	if c == nil || c.rows == 0 {
		return nil
	}
	q := `copy ` + ix.table(c.table).Sanitize() + ` (` + strings.Join(c.columns, ", ") + `) from stdin binary`
	whole := append(c.buf, 0xff, 0xff) // lies behind the rows, so that send may be called again
	if _, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(whole), q); err != nil {
		return fmt.Errorf("copying %s: %w", c.table, err)
	}
	return nil
}

var blockColumns = []string{"network", "number", "hash", "parent_hash", "time", "tx_count", "log_count", "header", "pos"}

func copyBlocks(network string, list []evm.Block) *copyRows {
	size := 0
	for i := range list {
		size += 170 + len(list[i].Header) + len(network)
	}
	c := newCopy("blocks", blockColumns, size)
	for i := range list {
		b := &list[i]
		c.row()
		c.text(network)
		c.int8(b.Number)
		c.bytes(b.Hash)
		c.bytes(b.Parent)
		c.int8(b.Time)
		c.int4(b.TxCount)
		c.int4(b.LogCount)
		c.bytes(b.Header)
		c.int8(b.Pos)
	}
	return c
}

// eventRow are the columns of an event, as COPY, reverts and repairs move them.
const eventRow = `network, block_number, log_index, block_hash, block_time, tx_hash, tx_index, ` +
	`address, contract, event, args, topics, data, decode_error, pos, reads`

var eventColumns = strings.Split(eventRow, ", ")

func copyEvents(network string, list []evm.Event) *copyRows {
	size := 0
	for i := range list {
		v := &list[i]
		size += 270 + len(network) + len(v.Contract) + len(v.Event) + len(v.Args) + len(v.Reads) + 36*len(v.Topics) + len(v.Data) + len(v.DecodeError)
	}
	c := newCopy("events", eventColumns, size)
	for i := range list {
		c.row()
		c.event(network, &list[i])
	}
	return c
}

// event writes the values of eventRow.
func (c *copyRows) event(network string, v *evm.Event) {
	c.text(network)
	c.int8(v.BlockNumber)
	c.int4(v.LogIndex)
	c.bytes(v.BlockHash)
	c.int8(v.BlockTime)
	c.bytes(v.TxHash)
	c.int4(v.TxIndex)
	c.bytes(v.Address)
	c.text(v.Contract)
	c.text(v.Event)
	c.jsonb(v.Args)
	c.byteaArray(v.Topics)
	c.bytes(v.Data)
	c.text(v.DecodeError)
	c.int8(v.Pos)
	c.jsonb(v.Reads)
}
