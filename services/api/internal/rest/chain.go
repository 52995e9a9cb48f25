package rest

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"fondaco.dev/proto/config"
	"fondaco.dev/services/api/internal/filter"
	"fondaco.dev/services/api/internal/operation"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/shape"
	"fondaco.dev/services/api/internal/status"
	"fondaco.dev/services/api/internal/store"
)

func (s *Server) ListNetworks(c echo.Context, _ operation.ListNetworks) error {
	return answer(c, http.StatusOK, all(s.Status.Report().Networks))
}

func (s *Server) network(name string) (*network, error) {
	n := s.networks[name]
	if n == nil {
		return nil, problem.NotFound("network " + strconv.Quote(name))
	}
	return n, nil
}

func (s *Server) GetNetwork(c echo.Context, p operation.GetNetwork) error {
	n, err := s.network(p.Network)
	if err != nil {
		return err
	}
	var found status.Network
	for _, r := range s.Status.Report().Networks {
		if r.Name == n.Name {
			found = r
		}
	}
	return answer(c, http.StatusOK, found)
}

func (s *Server) ListBlocks(c echo.Context, p operation.ListBlocks) error {
	n, err := s.network(p.Network)
	if err != nil {
		return err
	}
	l, err := s.listOf(c, n, &p.Heights, &p.Fresh)
	if err != nil {
		return err
	}
	if n.Kind == config.KindCasper {
		if l.Finalized || l.Orphaned {
			return problem.Parameter(map[bool]string{true: "finality", false: "include"}[l.Finalized], "a casper network has final blocks only: leave it out")
		}
		rows, at, err := s.Store.CasperBlocksByHeight(c.Request().Context(), n.Name, l)
		if err != nil {
			return err
		}
		told(c, n.Name, &at)
		return answer(c, http.StatusOK, page(rows, &l, func(b store.SignedBlock) store.Key { return b.Key(l.Desc) }, signed))
	}
	if s.unchanged(c, n.Name, l.Need) {
		return nil
	}
	rows, at, err := s.Store.Blocks(c.Request().Context(), n.Name, l)
	if err != nil {
		return err
	}
	top := topOf(&l, len(rows), func() int64 { return int64(rows[len(rows)-1].GetNumber()) })
	return s.sealed(c, n.Name, &at, top, page(rows, &l, func(b store.BlockRow) store.Key { return b.Key(l.Desc) },
		func(b store.BlockRow) shape.ListedBlock {
			return shape.ListedBlock{Block: shape.OfBlock(b.EvmBlock, finalOf(&at, b.Gone)), Gone: shape.OfGone(b.Gone)}
		}))
}

func (s *Server) GetBlock(c echo.Context, p operation.GetBlock) error {
	n, err := s.network(p.Network)
	if err != nil {
		return err
	}
	ctx, text := c.Request().Context(), strings.ToLower(p.Block)
	number, hash := int64(-1), []byte(nil)
	if len(text) < 20 && !strings.HasPrefix(text, "0x") {
		if number, err = strconv.ParseInt(text, 10, 64); err != nil {
			return problem.Parameter("block", "wants a block number")
		}
	} else if hash, err = hex.DecodeString(strings.TrimPrefix(text, "0x")); err != nil || len(hash) != 32 {
		return problem.Parameter("block", "wants a block number, or a hash of 64 hex digits")
	}
	need, err := s.need(c, n.Name, &p.Fresh)
	if err != nil {
		return err
	}
	if n.Kind == config.KindCasper {
		b, at, err := s.Store.CasperBlockAt(ctx, n.Name, number, hex.EncodeToString(hash), need)
		if err != nil {
			return err
		}
		told(c, n.Name, &at)
		return answer(c, http.StatusOK, signed(b))
	}
	if s.unchanged(c, n.Name, need) {
		return nil
	}
	b, at, err := s.Store.Block(ctx, n.Name, number, hash, need)
	if err != nil {
		return err
	}
	return s.sealed(c, n.Name, &at, int64(b.GetNumber()), shape.OfBlock(b, at.Finalized))
}

func (s *Server) ListEvents(c echo.Context, p operation.ListEvents) error {
	n, err := s.network(p.Network)
	if err != nil {
		return err
	}
	if n.Kind == config.KindCasper {
		return problem.NotFound("a list of events of a casper network (its deploys are at /accountDeploys/{publicKey}, its messages at /v1/networks/{network}/messages)")
	}
	f, err := filter.ParseEvent(eventParams(c, p.Args), n.contracts)
	if err != nil {
		return err
	}
	l, err := s.listOf(c, n, &p.Heights, &p.Fresh)
	if err != nil {
		return err
	}
	if s.unchanged(c, n.Name, l.Need) {
		return nil
	}
	rows, more, at, err := s.Store.Events(c.Request().Context(), n.Name, f, l)
	if err != nil {
		return err
	}
	top := topOf(&l, len(rows), func() int64 { return int64(rows[len(rows)-1].GetBlockNumber()) })
	out := page(rows, &l, func(e store.EventRow) store.Key { return e.Key() }, listed(&at))
	if more != nil {
		out.More, out.Next = true, cursorOf(*more, l.Desc)
	}
	return s.sealed(c, n.Name, &at, top, out)
}

// eventParams are the parameters of a filter of events, as a socket's client
// gives them too. One that is empty is refused there and not passed over: an
// answer with everything would be read as the answer to what was meant.
func eventParams(c echo.Context, args map[string]string) map[string]string {
	params := map[string]string{}
	for name, values := range c.QueryParams() {
		if len(values) > 0 && slices.Contains(filter.EventKeys(), name) {
			params[name] = values[0]
		}
	}
	for name, value := range args {
		params[filter.ArgPrefix+name] = value
	}
	return params
}

// finalOf is the finalized height; what was taken away is below none.
func finalOf(at *store.At, gone int64) int64 {
	if gone != 0 {
		return -1
	}
	return at.Finalized
}

// listed makes the shape of an event in a list.
func listed(at *store.At) func(store.EventRow) shape.ListedEvent {
	return func(e store.EventRow) shape.ListedEvent {
		return shape.ListedEvent{Event: shape.OfEvent(e.Event, finalOf(at, e.Gone)), Gone: shape.OfGone(e.Gone)}
	}
}
