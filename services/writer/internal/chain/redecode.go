package chain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/jackc/pgx/v5"

	"fondaco.dev/services/writer/internal/decode"
	"fondaco.dev/services/writer/internal/evm"
	"fondaco.dev/services/writer/internal/schema"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
)

// redecodeRows is how many rows are in memory at once.
const redecodeRows = 20_000

// Redecode fills the events and children of build to with those of build from,
// every log decoded anew in chain order. It is an error when other logs would
// be stored: the build has to be made from the stream then.
func Redecode(ctx context.Context, tx pgx.Tx, n *config.Network, from, to string) error {
	was, err := ReadChildren(ctx, tx, schema.Schema(from)+".children", n.Name)
	if err != nil {
		return err
	}
	r := redecoder{tx: tx, decoder: decode.New(n.Contracts), from: index{network: *n, build: from, prefix: schema.Schema(from) + "."},
		to: index{network: *n, build: to, prefix: schema.Schema(to) + "."}}
	if err := r.events(ctx); err != nil {
		return err
	}
	if err := r.writeChildren(ctx, was); err != nil {
		return err
	}
	return r.orphaned(ctx)
}

type redecoder struct {
	tx       pgx.Tx
	decoder  *decode.Decoder
	from, to index
	born     []decode.Child
}

func (r *redecoder) events(ctx context.Context) error {
	q := `select ` + readRow + ` from ix.events where network = $1 order by block_number, log_index`
	return r.each(ctx, "redecode_events", q, func(rows []evm.Event, _ []int64) error {
		for i := range rows {
			v := &rows[i]
			l, res := r.decode(v)
			if res.Stranger {
				return fmt.Errorf("the log %d of block %d would not be stored by this configuration: an index of it has to be made from the stream", v.LogIndex, v.BlockNumber)
			}
			r.born = append(r.born, r.decoder.Births(l, v.BlockNumber)...)
			r.decoder.Children.Mark() // nothing is undone here
			r.apply(v, res)
		}
		return copyEvents(r.to.network.Name, rows).send(ctx, r.tx, &r.to)
	})
}

// decode gives a stored row the form in which it came.
func (r *redecoder) decode(v *evm.Event) (*chainv1.Log, decode.Result) {
	l := &chainv1.Log{Address: v.Address, Topics: v.Topics, Data: v.Data, Index: v.LogIndex}
	return l, r.decoder.Log(l, v.BlockNumber)
}

func (r *redecoder) apply(v *evm.Event, res decode.Result) {
	v.Contract, v.Event, v.Args, v.DecodeError = res.Contract, res.Event, res.Args, res.Error
	v.Reads = r.decoder.Reread(res.Contract, v.Reads)
}

// writeChildren holds what the rows say of children to what the other build
// has: a factory that is configured differently has other children, whose logs
// were never stored.
func (r *redecoder) writeChildren(ctx context.Context, was []decode.Child) error {
	place := func(list []decode.Child) []string {
		var out []string
		for _, k := range list {
			out = append(out, fmt.Sprint(k.Block, " ", k.Log, " ", k.Address.Hex()))
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	if !slices.Equal(place(was), place(r.born)) {
		return errors.New("its factories have other children by this configuration, whose logs are not stored: an index of it has to be made from the stream")
	}
	const q = `insert into ix.children (network, contract, address, block_number, log_index) values ($1, $2, $3, $4, $5)`
	batch := &pgx.Batch{}
	for _, k := range r.born {
		batch.Queue(r.to.sql(q), r.to.network.Name, k.Contract, k.Address.Bytes(), k.Block, k.Log)
	}
	if err := r.tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("writing the children of factories: %w", err)
	}
	return nil
}

// orphaned decodes what reorgs removed, so that frames of the past are named
// as those of today. Which children a factory had then is not known any more:
// their rows stay as they are.
func (r *redecoder) orphaned(ctx context.Context) error {
	r.decoder.Children = decode.Children{}
	q := `select ` + readRow + `, revert_pos from ix.orphaned_events where network = $1 order by revert_pos, block_number, log_index`
	return r.each(ctx, "redecode_orphaned", q, func(rows []evm.Event, reverts []int64) error {
		for i := range rows {
			if _, res := r.decode(&rows[i]); !res.Stranger {
				r.apply(&rows[i], res)
			}
		}
		c := newCopy("orphaned_events", append([]string{"revert_pos"}, eventColumns...), 0)
		for i := range rows {
			c.Row()
			c.Int8(uint64(reverts[i]))
			c.event(r.to.network.Name, &rows[i])
		}
		return c.send(ctx, r.tx, &r.to)
	})
}

var readRow = strings.Replace(strings.Replace(eventRow, "args", "args::text", 1), "reads", "reads::text", 1)

// each reads rows in pieces by a cursor of the database, whose name stands for
// its columns where statements are remembered; a query on ix.orphaned_events gives the position of its revert besides.
func (r *redecoder) each(ctx context.Context, cursor, q string, take func(rows []evm.Event, reverts []int64) error) error {
	if _, err := r.tx.Exec(ctx, `declare `+cursor+` no scroll cursor for `+r.from.sql(q), r.from.network.Name); err != nil {
		return fmt.Errorf("reading events: %w", err)
	}
	for {
		rows, err := r.tx.Query(ctx, fmt.Sprintf(`fetch %d from %s`, redecodeRows, cursor))
		if err != nil {
			return fmt.Errorf("reading events: %w", err)
		}
		list, reverts, err := scanEvents(rows)
		if err != nil {
			return fmt.Errorf("reading events: %w", err)
		}
		if len(list) == 0 {
			break
		}
		if err := take(list, reverts); err != nil {
			return err
		}
	}
	_, err := r.tx.Exec(ctx, `close `+cursor)
	return err
}

func scanEvents(rows pgx.Rows) (list []evm.Event, reverts []int64, err error) {
	defer rows.Close()
	with := len(rows.FieldDescriptions()) > len(eventColumns)
	for rows.Next() {
		var v evm.Event
		var network string
		var args, reads *string
		var pos, revert int64
		into := []any{&network, &v.BlockNumber, &v.LogIndex, &v.BlockHash, &v.BlockTime, &v.TxHash, &v.TxIndex,
			&v.Address, &v.Contract, &v.Event, &args, &v.Topics, &v.Data, &v.DecodeError, &pos, &reads}
		if with {
			into = append(into, &revert)
		}
		if err := rows.Scan(into...); err != nil {
			return nil, nil, err
		}
		// Positions of former lives are below zero; COPY writes the same 64 bits.
		v.Pos = uint64(pos)
		if args != nil {
			v.Args = []byte(*args)
		}
		if reads != nil {
			v.Reads = []byte(*reads)
		}
		if len(v.Address) != common.AddressLength {
			return nil, nil, fmt.Errorf("log %d of block %d: address of %d bytes", v.LogIndex, v.BlockNumber, len(v.Address))
		}
		list, reverts = append(list, v), append(reverts, revert)
	}
	return list, reverts, rows.Err()
}
