package rest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"fondaco.dev/proto/config"
	"fondaco.dev/services/api/internal/operation"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/shape"
	"fondaco.dev/services/api/internal/store"
)

// evmOnly is the network in the path, if it is an EVM network.
func (s *Server) evmOnly(name, what string) (*network, error) {
	n, err := s.network(name)
	if err == nil && n.Kind != config.KindEVM {
		err = problem.NotFound(what + " of a network that is not an evm network")
	}
	return n, err
}

// GetTx tells what is stored of a transaction: its events of all contracts, and
// those of blocks that it was in before.
func (s *Server) GetTx(c echo.Context, p operation.GetTx) error {
	n, err := s.evmOnly(p.Network, "a transaction with events (a deploy is at /deploy/{deployHash})")
	if err != nil {
		return err
	}
	hash, err := txOf("hash", p.Hash)
	if err != nil {
		return err
	}
	need, err := s.need(c, n.Name, &p.Fresh)
	if err != nil {
		return err
	}
	if s.unchanged(c, n.Name, need) {
		return nil
	}
	held, gone, at, err := s.Store.TxEvents(c.Request().Context(), n.Name, hash, need)
	if err != nil {
		return err
	}
	if len(held)+len(gone) == 0 {
		return problem.NotFound("a transaction with events of the configuration under this hash")
	}
	out := shape.Tx{Network: n.Name, Hash: shape.Hex(hash), Status: shape.TxOrphaned, Truncated: max(len(held), len(gone)) == store.MaxTxEvents,
		Events: []shape.Event{}, Orphaned: []shape.ListedEvent{}}
	top := never
	if len(held) > 0 {
		e := held[0]
		number, index, hash, at1 := e.GetBlockNumber(), e.GetTxIndex(), shape.Hex(e.GetBlockHash()), e.GetBlockTime()
		out.Status, out.Block, out.BlockHash, out.BlockTime, out.Index = shape.TxIncluded, &number, &hash, &at1, &index
		if out.Finalized = int64(number) <= at.Finalized; out.Finalized {
			top = int64(number)
		}
		if at.Number >= int64(number) {
			depth := uint64(at.Number) - number + 1
			out.Confirmations = &depth
		}
	}
	for _, e := range held {
		out.Events = append(out.Events, shape.OfEvent(e.Event, at.Finalized))
	}
	for _, e := range gone {
		out.Orphaned = append(out.Orphaned, listed(&at)(e))
	}
	if out.Finalized {
		out.Confirmations = nil // a number that grows is no part of what is final
	}
	return s.sealed(c, n.Name, &at, top, out)
}

// ListReorgs lists reorganisations, the newest first.
func (s *Server) ListReorgs(c echo.Context, p operation.ListReorgs) error {
	n, err := s.evmOnly(p.Network, "a list of reorganisations")
	if err != nil {
		return err
	}
	limit, desc := int(p.Limit), p.Order == "desc"
	after, err := readReorgCursor(p.Cursor, desc)
	if err != nil {
		return err
	}
	need, err := s.need(c, n.Name, &p.Fresh)
	if err != nil {
		return err
	}
	rows, at, err := s.Store.Reorgs(c.Request().Context(), n.Name, after, desc, limit+1, need)
	if err != nil {
		return err
	}
	out := list[shape.Reorg]{Data: []shape.Reorg{}}
	if out.More = len(rows) > limit; out.More {
		rows = rows[:limit]
	}
	for _, r := range rows {
		out.Data = append(out.Data, shape.Reorg{Seq: uint64(r.Pos), Reverted: shape.OfReverted(r.Reverted), Depth: r.GetFromNumber() - r.GetToNumber(),
			Blocks: r.Blocks, Events: r.Events})
	}
	switch {
	case len(rows) > 0 && (out.More || !desc):
		out.Next = reorgCursor(rows[len(rows)-1].Pos, desc)
	case !desc && after != nil:
		out.Next = reorgCursor(*after, desc)
	case !desc:
		out.Next = reorgCursor(-1, desc)
	}
	told(c, n.Name, &at)
	c.Response().Header().Set("Cache-Control", cacheFresh)
	return answer(c, http.StatusOK, out)
}

func reorgCursor(pos int64, desc bool) *string {
	s := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "r1 %s %d", direction(desc), pos))
	return &s
}

func readReorgCursor(text string, desc bool) (*int64, error) {
	if text == "" {
		return nil, nil
	}
	bad := problem.Parameter("cursor", "is not one that an answer here carried as next")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	parts := strings.Split(string(raw), " ")
	if err != nil || len(parts) != 3 || parts[0] != "r1" || (parts[1] != "asc" && parts[1] != "desc") {
		return nil, bad
	}
	pos, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || pos < -1 {
		return nil, bad
	}
	if parts[1] != direction(desc) {
		return nil, problem.Parameter("cursor", "it was made with order="+parts[1])
	}
	return &pos, nil
}
