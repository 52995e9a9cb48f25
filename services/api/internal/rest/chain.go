package rest

import (
	"encoding/hex"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"fondaco.dev/proto/config"
	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/filter"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/shape"
	"fondaco.dev/services/api/internal/status"
	"fondaco.dev/services/api/internal/store"
)

// Limits of the native lists.
const (
	defaultRows = 100
	maxRows     = 1000
)

func (s *Server) listNetworks(c echo.Context) error {
	return answer(c, http.StatusOK, all(s.Status.Report().Networks))
}

func (s *Server) network(c echo.Context) (*network, error) {
	n := s.networks[c.Param("network")]
	if n == nil {
		return nil, problem.NotFound("network " + strconv.Quote(c.Param("network")))
	}
	return n, nil
}

func (s *Server) getNetwork(c echo.Context) error {
	n, err := s.network(c)
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

func (s *Server) listBlocks(c echo.Context) error {
	n, err := s.network(c)
	if err != nil {
		return err
	}
	limit, err := limitOf(c, defaultRows, maxRows)
	if err != nil {
		return err
	}
	l, err := listOf(c.QueryParam, limit, true)
	if err != nil {
		return err
	}
	if n.Kind == config.KindCasper {
		rows, err := s.Store.CasperBlocksByHeight(c.Request().Context(), n.Name, l)
		if err != nil {
			return err
		}
		return answer(c, http.StatusOK, page(rows, &l, func(b store.SignedBlock) store.Key { return blockKey(int64(b.GetHeight()), l.Desc) }, signed))
	}
	rows, finalized, err := s.Store.Blocks(c.Request().Context(), n.Name, l)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, page(rows, &l, func(b *feedv1.EvmBlock) store.Key { return blockKey(int64(b.GetNumber()), l.Desc) },
		func(b *feedv1.EvmBlock) shape.Block { return shape.OfBlock(b, finalized) }))
}

// blockKey is the key behind a whole block in a list's direction.
func blockKey(number int64, desc bool) store.Key {
	if desc {
		return store.Key{Block: number}
	}
	return store.Key{Block: number, Log: math.MaxInt32}
}

func (s *Server) getBlock(c echo.Context) error {
	n, err := s.network(c)
	if err != nil {
		return err
	}
	ctx, text := c.Request().Context(), strings.ToLower(c.Param("block"))
	number, hash := int64(-1), []byte(nil)
	if len(text) < 20 && !strings.HasPrefix(text, "0x") {
		if number, err = heightOf("block", text, -1); err != nil {
			return err
		}
	} else if hash, err = hex.DecodeString(strings.TrimPrefix(text, "0x")); err != nil || len(hash) != 32 {
		return problem.Parameter("block", "wants a block number, or a hash of 64 hex digits")
	}
	if n.Kind != config.KindCasper {
		b, finalized, err := s.Store.Block(ctx, n.Name, number, hash)
		if err != nil {
			return err
		}
		return answer(c, http.StatusOK, shape.OfBlock(b, finalized))
	}
	b, err := s.Store.CasperBlockAt(ctx, n.Name, number, hex.EncodeToString(hash))
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, signed(b))
}

func (s *Server) listEvents(c echo.Context) error {
	n, err := s.network(c)
	if err != nil {
		return err
	}
	if n.Kind == config.KindCasper {
		return problem.NotFound("a list of events of a casper network (its deploys are at /accountDeploys/{publicKey}, its messages at /v1/networks/{network}/messages)")
	}
	params := map[string]string{}
	for name, values := range c.QueryParams() {
		if len(values) != 1 {
			return problem.Parameter(name, "is given more than once")
		}
		params[name] = values[0]
	}
	f, err := filter.ParseEvent(params, n.contracts, []string{"from_block", "to_block", "order", "limit", "cursor"})
	if err != nil {
		return err
	}
	limit, err := limitOf(c, defaultRows, maxRows)
	if err != nil {
		return err
	}
	l, err := listOf(c.QueryParam, limit, true)
	if err != nil {
		return err
	}
	rows, finalized, err := s.Store.Events(c.Request().Context(), n.Name, f, l)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, page(rows, &l,
		func(e *feedv1.Event) store.Key {
			return store.Key{Block: int64(e.GetBlockNumber()), Log: int64(e.GetLogIndex())}
		},
		func(e *feedv1.Event) shape.Event { return shape.OfEvent(e, finalized) }))
}
