package rest

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/shape"
	"fondaco.dev/services/api/internal/store"
)

// view runs fn on the venue's projection.
func (s *Server) view(fn func(*market.State)) error {
	if s.Venue == nil {
		return problem.NotFound("the order book: the configuration names no venue; it")
	}
	return s.Venue.View(fn)
}

func (s *Server) listMarkets(c echo.Context) error {
	out := []shape.Market{}
	if _, err := s.look(c, func(st *market.State) {
		for _, m := range st.Directory().Markets() {
			out = append(out, shape.OfMarket(m))
		}
	}); err != nil {
		return err
	}
	return answer(c, http.StatusOK, all(out))
}

// market finds the market of the path. What it returns is as in look.
func (s *Server) market(c echo.Context, fn func(*market.State, *market.Market)) (store.Need, error) {
	symbol := c.Param("symbol")
	found := false
	below, err := s.look(c, func(st *market.State) {
		if m := st.Market(symbol); m != nil {
			found = true
			fn(st, m)
		}
	})
	if err == nil && !found {
		err = noMarket(symbol)
	}
	return below, err
}

func noMarket(symbol string) error { return problem.NotFound("market " + strconv.Quote(symbol)) }

func (s *Server) getMarket(c echo.Context) error {
	var out shape.Market
	if _, err := s.market(c, func(_ *market.State, m *market.Market) { out = shape.OfMarket(m) }); err != nil {
		return err
	}
	return answer(c, http.StatusOK, out)
}

func (s *Server) listTrades(c echo.Context) error {
	limit, err := limitOf(c, defaultRows, maxRows)
	if err != nil {
		return err
	}
	below, err := readIDCursor(c.QueryParam("cursor"))
	if err != nil {
		return err
	}
	var rows []market.Trade
	var units *market.Market
	enough := false
	older, err := s.market(c, func(st *market.State, m *market.Market) {
		units = m
		// One more than the limit says whether there is more.
		rows, enough = st.Tail(m.ID, below, limit+1)
	})
	if err != nil {
		return err
	}
	if !enough && len(rows) <= limit {
		if len(rows) > 0 {
			below = rows[len(rows)-1].ID
		}
		more, err := s.Store.Trades(c.Request().Context(), s.Venue.Name(), units.ID, below, limit+1-len(rows), older)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	out := list[shape.Trade]{Data: []shape.Trade{}}
	if out.More = len(rows) > limit; out.More {
		rows = rows[:limit]
		out.Next = idCursor(rows[limit-1].ID)
	}
	for i := range rows {
		out.Data = append(out.Data, shape.OfTrade(&rows[i], units))
	}
	return answer(c, http.StatusOK, out)
}

func (s *Server) listBalances(c echo.Context) error {
	who := caller(c)
	if s.Venue != nil {
		s.Venue.WaitOwn(c.Request().Context(), who.Account)
	}
	out := []shape.Balance{}
	if _, err := s.look(c, func(st *market.State) {
		for _, h := range st.Balances(who.Account) {
			out = append(out, shape.OfBalance(h))
		}
	}); err != nil {
		return err
	}
	return answer(c, http.StatusOK, all(out))
}
