// Package bulk collects rows in the binary form of COPY, in one buffer: pgx boxes
// every value of every row, which cost as much as making the row, and asks for
// the columns' types before each COPY.
//
//	"PGCOPY\n\xff\r\n\0" flags(4) extension(4)
//	per row:   columns(2) then per column length(4, -1 = null) bytes
//	at the end: -1(2)
//
// Source: PostgreSQL documentation, COPY, "Binary Format".
package bulk

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Rows are rows of one table on their way. A method writes one value of the
// column's type in Postgres; as many follow a Row as there are columns.
type Rows struct {
	columns []string
	buf     []byte
	rows    int
}

const header = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// New begins; size is how many bytes are awaited.
func New(columns []string, size int) *Rows {
	var buf []byte
	if size >= minSpareBytes {
		buf = spareBuffers.take()
	}
	if cap(buf) < size+64 {
		buf = make([]byte, 0, size+64)
	}
	return &Rows{columns: columns, buf: append(buf, header...)}
}

// Release gives the buffer to later rows; these are gone then.
func (r *Rows) Release() {
	if r != nil {
		spareBuffers.put(r.buf)
		r.buf = nil
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

// Row begins a row.
func (r *Rows) Row() {
	r.rows++
	r.buf = binary.BigEndian.AppendUint16(r.buf, uint16(len(r.columns)))
}

// Int8 is a bigint.
func (r *Rows) Int8(v uint64) {
	r.buf = binary.BigEndian.AppendUint64(append(r.buf, 0, 0, 0, 8), v)
}

// Int4 is an integer.
func (r *Rows) Int4(v uint32) {
	r.buf = binary.BigEndian.AppendUint32(append(r.buf, 0, 0, 0, 4), v)
}

// Bytes is a bytea.
func (r *Rows) Bytes(v []byte) {
	r.buf = append(binary.BigEndian.AppendUint32(r.buf, uint32(len(v))), v...)
}

// Text is a text.
func (r *Rows) Text(v string) {
	r.buf = append(binary.BigEndian.AppendUint32(r.buf, uint32(len(v))), v...)
}

// JSONB writes nil as null. The first byte is the version of jsonb's own
// binary form.
func (r *Rows) JSONB(v []byte) {
	if v == nil {
		r.buf = append(r.buf, 0xff, 0xff, 0xff, 0xff)
		return
	}
	r.buf = append(binary.BigEndian.AppendUint32(r.buf, uint32(1+len(v))), 1)
	r.buf = append(r.buf, v...)
}

const byteaOID = 17

// ByteaArray is a bytea[].
func (r *Rows) ByteaArray(v [][]byte) {
	size := 12
	if len(v) > 0 {
		size += 8
	}
	for _, e := range v {
		size += 4 + len(e)
	}
	b := binary.BigEndian.AppendUint32(r.buf, uint32(size))
	if len(v) == 0 {
		r.buf = append(b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, byteaOID) // no dimensions
		return
	}
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, byteaOID)
	b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
	b = append(b, 0, 0, 0, 1) // the first index
	for _, e := range v {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(e))), e...)
	}
	r.buf = b
}

const int8OID = 20

// Int8Array is a bigint[] with at least one element.
func (r *Rows) Int8Array(v []uint64) {
	b := binary.BigEndian.AppendUint32(r.buf, uint32(20+12*len(v)))
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, int8OID)
	b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
	b = append(b, 0, 0, 0, 1) // the first index
	for _, e := range v {
		b = binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), e)
	}
	r.buf = b
}

// Int2 is a smallint.
func (r *Rows) Int2(v int16) {
	r.buf = binary.BigEndian.AppendUint16(append(r.buf, 0, 0, 0, 2), uint16(v))
}

// Bool is a boolean.
func (r *Rows) Bool(v bool) {
	b := byte(0)
	if v {
		b = 1
	}
	r.buf = append(r.buf, 0, 0, 0, 1, b)
}

// Numeric is a whole number as a numeric: digits of base 10,000, the highest
// first, with the weight of the highest, a sign and no decimals.
func (r *Rows) Numeric(v uint64) {
	var digits [5]uint16
	n := len(digits)
	for ; v > 0; v /= 10_000 {
		n--
		digits[n] = uint16(v % 10_000)
	}
	all := digits[n:]
	b := binary.BigEndian.AppendUint32(r.buf, uint32(8+2*len(all)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(all)))
	b = binary.BigEndian.AppendUint16(b, uint16(max(0, len(all)-1)))
	b = append(b, 0, 0, 0, 0)
	for _, d := range all {
		b = binary.BigEndian.AppendUint16(b, d)
	}
	r.buf = b
}

// Send copies the rows into a table, whose name is quoted where it must be; none
// sends nothing. It may be called again.
func (r *Rows) Send(ctx context.Context, tx pgx.Tx, table string) error {
	if r == nil || r.rows == 0 {
		return nil
	}
	q := `copy ` + table + ` (` + strings.Join(r.columns, ", ") + `) from stdin binary`
	whole := append(r.buf, 0xff, 0xff) // lies behind the rows
	if _, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(whole), q); err != nil {
		return fmt.Errorf("copying %s: %w", table, err)
	}
	return nil
}
