package chain

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/services/writer/internal/bulk"
	"fondaco.dev/services/writer/internal/evm"
)

// copyRows are rows of a table of an index.
type copyRows struct {
	*bulk.Rows
	table string
}

func newCopy(table string, columns []string, size int) *copyRows {
	return &copyRows{Rows: bulk.New(columns, size), table: table}
}

// release gives the buffer to a later copy; the rows are gone then.
func (c *copyRows) release() {
	if c != nil {
		c.Release()
	}
}

// send copies the rows; a copy without rows sends nothing.
func (c *copyRows) send(ctx context.Context, tx pgx.Tx, ix *index) error {
	if c == nil {
		return nil
	}
	return c.Send(ctx, tx, ix.table(c.table).Sanitize())
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
		c.Row()
		c.Text(network)
		c.Int8(b.Number)
		c.Bytes(b.Hash)
		c.Bytes(b.Parent)
		c.Int8(b.Time)
		c.Int4(b.TxCount)
		c.Int4(b.LogCount)
		c.Bytes(b.Header)
		c.Int8(b.Pos)
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
		c.Row()
		c.event(network, &list[i])
	}
	return c
}

// event writes the values of eventRow.
func (c *copyRows) event(network string, v *evm.Event) {
	c.Text(network)
	c.Int8(v.BlockNumber)
	c.Int4(v.LogIndex)
	c.Bytes(v.BlockHash)
	c.Int8(v.BlockTime)
	c.Bytes(v.TxHash)
	c.Int4(v.TxIndex)
	c.Bytes(v.Address)
	c.Text(v.Contract)
	c.Text(v.Event)
	c.JSONB(v.Args)
	c.ByteaArray(v.Topics)
	c.Bytes(v.Data)
	c.Text(v.DecodeError)
	c.Int8(v.Pos)
	c.JSONB(v.Reads)
}
