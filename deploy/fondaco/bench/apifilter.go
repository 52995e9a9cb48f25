package bench

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// What fill wrote: every event is a Transfer of one contract, from one of 1,000
// accounts to one of 777, each with a value of its own.
const (
	tokenAddress  = "5fbdb2315678afecb367f032d93f642f64180aa3"
	transferTopic = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
	someAccount   = 7
	scanned       = 50_000 // rows that the api looks at for one answer: FONDACO_READ_SCAN
)

// eventFilter is a query of the list of events and what the api asks Postgres
// for it: what an index finds, and what is looked for row by row.
type eventFilter struct {
	what, query    string
	index, look    string // conditions with a %s for each value, of args in their order
	args, lookArgs []any
	none           bool // there are no such events
}

func eventFilters(events int) []eventFilter {
	topic, account := "\\x"+fmt.Sprintf("%064x", someAccount), "0x"+fmt.Sprintf("%040x", someAccount)
	// A list by time is one by heights; a block is a second.
	since, until := events/100/2, events/100/2+10
	const byTime = `block_number >= (select number from %[1]s.blocks where network = $1 and time >= %%s order by time, number limit 1)
		and block_number <= (select number from %[1]s.blocks where network = $1 and time < %%s order by time desc, number desc limit 1)`
	const contract = "((topics[1] = %s and cardinality(topics) = %s) or contract = %s)"
	ofContract := []any{"\\x" + transferTopic, 3, "token"}
	return []eventFilter{
		{what: "no filter"},
		{what: "by event", query: "event=Transfer&", look: "event = %s", lookArgs: []any{"Transfer"}},
		{what: "by contract and event", query: "contract=token&event=Transfer&", index: "address = %s", args: []any{"\\x" + tokenAddress},
			look: contract + " and event = %s", lookArgs: append(ofContract, "Transfer")},
		{what: "by time", query: fmt.Sprintf("from_time=%d&to_time=%d&", since, until), index: byTime, args: []any{since, until}},
		{what: "by topic, one of 1,000", query: "topic1=0x" + topic[2:] + "&", look: "topics[2] = %s", lookArgs: []any{topic}},
		{what: "by account, one of 440", query: "account=" + account + "&", look: "%s = any(topics[2:])", lookArgs: []any{topic}},
		{what: "by argument, one of 1,000", query: "contract=token&event=Transfer&arg.from=" + account + "&", index: "address = %s", args: []any{"\\x" + tokenAddress},
			look: contract + " and event = %s and args ->> %s in (%s, %s)", lookArgs: append(ofContract, "Transfer", "from", account, account)},
		{what: "by argument, found nowhere", query: "arg.value=none&", look: "args ->> %s in (%s, %s)", lookArgs: []any{"value", "none", "none"}, none: true},
	}
}

// statement is what the api sends for the newest ten; one more tells whether
// there are others.
func (f *eventFilter) statement(schema string) (sql string, args []any) {
	args = []any{network}
	with := func(conditions string, values []any) string {
		marks := make([]any, len(values))
		for i, v := range values {
			args = append(args, v)
			marks[i] = fmt.Sprintf("$%d", len(args))
		}
		if strings.Contains(conditions, "%[1]s") {
			conditions = fmt.Sprintf(conditions, schema)
		}
		return fmt.Sprintf(conditions, marks...)
	}
	where := "network = $1"
	if f.index != "" {
		where += " and " + with(f.index, f.args)
	}
	const columns = `select block_number, log_index, block_hash, block_time, tx_hash, tx_index, address, contract, event, args::text, topics, data, decode_error, reads::text, pos, null::bigint as gone from `
	const order = ` order by block_number desc, log_index desc`
	source := schema + ".events where " + where
	if f.look == "" {
		return columns + source + order + " limit 11", args
	}
	look := with(f.look, f.lookArgs)
	rows := "select * from " + source + order
	found := columns + "(" + rows + fmt.Sprintf(" limit %d) scanned where ", scanned) + look + order + " limit 11"
	return "with found as materialized (" + found + "), last as (select block_number, log_index from (" + rows + fmt.Sprintf(" offset %d limit 1) looked", scanned-1) +
		" where (select count(*) from found) < 11) select * from found union all" +
		" select block_number, log_index, '', 0, '', 0, '', '', '', null, '{}', '', '', null, 0, -1 from last order by gone nulls first, block_number desc, log_index desc", args
}

// filters measures lists of events beside a bare handler with the same
// statements.
func (b *API) filters(ctx context.Context, w *apiWorld, api *program, schema string) error {
	b.table.section(fmt.Sprintf("the newest 10 of %d events, %d connections; Postgres, server and clients on this machine", b.Rows/10, b.Conns))
	for _, f := range eventFilters(b.Rows / 10) {
		sql, args := f.statement(schema)
		path := "/v1/networks/" + network + "/events?" + f.query + "limit=10"
		same := bareSpec{URL: w.infra.ReaderURL().Reveal(), SQL: sql, Args: args, Events: true}
		if err := w.agree(ctx, api, path, same, f.none); err != nil {
			return fmt.Errorf("%s: %w", f.what, err)
		}
		if _, err := b.beside("events, "+f.what, path, host(api), same, 0.8); err != nil {
			return fmt.Errorf("%s: %w", f.what, err)
		}
	}
	return nil
}

// agree says whether the api and the bare handler answer with the same events,
// and with any unless there are none.
func (w *apiWorld) agree(ctx context.Context, api *program, path string, same bareSpec, none bool) error {
	h, addr, err := bare(same)
	if err != nil {
		return err
	}
	defer h.stop()
	type event struct {
		Number int64  `json:"block_number"`
		Log    int64  `json:"log_index"`
		Hash   string `json:"block_hash"`
	}
	var ours, theirs struct{ Data []event }
	if err := w.get(ctx, api.http+path, &ours); err != nil {
		return err
	}
	if err := w.get(ctx, "http://"+addr+path, &theirs); err != nil {
		return err
	}
	// The last may be where the look ended, and the eleventh is not shown.
	theirs.Data = slices.DeleteFunc(theirs.Data, func(e event) bool { return e.Hash == "0x" })
	if !slices.Equal(ours.Data, theirs.Data[:min(10, len(theirs.Data))]) || none != (len(ours.Data) == 0) {
		return fmt.Errorf("%s answers %v, the bare handler %v", path, ours.Data, theirs.Data)
	}
	return nil
}

// bareEvent is a row as the route writes it.
type bareEvent struct {
	Network     string          `json:"network"`
	BlockNumber int64           `json:"block_number"`
	BlockHash   string          `json:"block_hash"`
	BlockTime   int64           `json:"block_time"`
	TxHash      string          `json:"tx_hash"`
	TxIndex     int32           `json:"tx_index"`
	LogIndex    int32           `json:"log_index"`
	Address     string          `json:"address"`
	Contract    string          `json:"contract"`
	Event       string          `json:"event"`
	Args        json.RawMessage `json:"args"`
	Topics      []string        `json:"topics"`
	Data        string          `json:"data"`
	DecodeError string          `json:"decode_error,omitempty"`
	Reads       json.RawMessage `json:"reads,omitempty"`
	Finalized   bool            `json:"finalized"`
}

func bareEventOf(row pgx.CollectableRow) (e bareEvent, err error) {
	var hash, tx, address, data []byte
	var args, reads *string
	var topics [][]byte
	var pos int64
	var gone *int64
	err = row.Scan(&e.BlockNumber, &e.LogIndex, &hash, &e.BlockTime, &tx, &e.TxIndex, &address, &e.Contract, &e.Event, &args, &topics, &data, &e.DecodeError, &reads, &pos, &gone)
	hex0x := func(b []byte) string { return "0x" + hex.EncodeToString(b) }
	e.Network, e.BlockHash, e.TxHash, e.Address, e.Data = network, hex0x(hash), hex0x(tx), hex0x(address), hex0x(data)
	for _, t := range topics {
		e.Topics = append(e.Topics, hex0x(t))
	}
	if args != nil {
		e.Args = json.RawMessage(*args)
	}
	if reads != nil {
		e.Reads = json.RawMessage(*reads)
	}
	return e, err
}
