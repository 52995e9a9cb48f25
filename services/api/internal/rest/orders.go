package rest

import (
	"errors"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/command"
	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/operation"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/shape"
	"fondaco.dev/services/api/internal/store"
)

// statuses are what ?status= takes. "open" is every order that can still be
// filled: the partially filled ones and those that wait for a trigger are among
// them.
var statuses = map[string][]ordersv1.OrderStatus{
	"open": {ordersv1.OrderStatus_ORDER_STATUS_OPEN, ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED,
		ordersv1.OrderStatus_ORDER_STATUS_WAITING},
	"waiting":          {ordersv1.OrderStatus_ORDER_STATUS_WAITING},
	"partially_filled": {ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED},
	"filled":           {ordersv1.OrderStatus_ORDER_STATUS_FILLED},
	"canceled":         {ordersv1.OrderStatus_ORDER_STATUS_CANCELED},
	"rejected":         {ordersv1.OrderStatus_ORDER_STATUS_REJECTED},
	"expired":          {ordersv1.OrderStatus_ORDER_STATUS_EXPIRED},
}

// getOrder answers with an order by any of its names.
func (s *Server) getOrder(c echo.Context, n command.Name, minSeq string) error {
	account, ctx := caller(c).Account, c.Request().Context()
	switch {
	case n.ClientID != nil:
		id := string(n.ClientID)
		return s.oneOrder(c, minSeq, func(st *market.State) (market.Order, bool) { return st.OrderByClientID(account, id) },
			func(need store.Need) (market.Order, error) {
				return s.Store.OrderByClientID(ctx, s.Venue.Name(), account, id, need)
			})
	case n.Ref != 0:
		return s.oneOrder(c, minSeq, func(st *market.State) (market.Order, bool) { return st.OrderByRef(account, n.Ref) },
			func(need store.Need) (market.Order, error) {
				return s.Store.OrderByRef(ctx, s.Venue.Name(), account, n.Ref, need)
			})
	}
	return s.oneOrder(c, minSeq, func(st *market.State) (market.Order, bool) { return st.Order(account, n.ID) },
		func(need store.Need) (market.Order, error) {
			return s.Store.Order(ctx, s.Venue.Name(), account, n.ID, need)
		})
}

// oneOrder looks into the projection, and into Postgres for what ended long
// ago.
func (s *Server) oneOrder(c echo.Context, minSeq string, memory func(*market.State) (market.Order, bool), durable func(store.Need) (market.Order, error)) error {
	var o market.Order
	var units *market.Market
	found := false
	if s.Venue != nil {
		s.Venue.WaitOwn(c.Request().Context(), caller(c).Account)
	}
	below, err := s.look(c, minSeq, func(st *market.State) {
		if o, found = memory(st); found {
			units = st.Directory().ByID(o.Market)
		}
	})
	if err != nil {
		return err
	}
	if !found {
		if o, err = durable(below); errors.Is(err, store.ErrNotFound) {
			return problem.NotFound("this order")
		} else if err != nil {
			return err
		}
		if _, err := s.look(c, minSeq, func(st *market.State) { units = st.Directory().ByID(o.Market) }); err != nil {
			return err
		}
	}
	return answer(c, http.StatusOK, shape.OfOrder(&o, units))
}

// ListOrders shows an account's orders, newest first. The projection knows the
// live and the latest ones better than Postgres, which knows all: where both
// hold an order, the projection's is shown.
func (s *Server) ListOrders(c echo.Context, p operation.ListOrders) error {
	limit := int(p.Limit)
	below, err := readIDCursor(p.Cursor)
	if err != nil {
		return err
	}
	wanted := statuses[p.Status]
	account := caller(c).Account
	if s.Venue != nil {
		s.Venue.WaitOwn(c.Request().Context(), account)
	}
	keep := func(o *market.Order) bool { return len(wanted) == 0 || slices.Contains(wanted, o.Status) }
	var rows []market.Order
	known := []int64{}
	var dir *market.Directory
	need, err := s.look(c, p.MinSeq, func(st *market.State) {
		rows = st.Orders(account, below, func(o *market.Order) bool { known = append(known, int64(o.ID)); return keep(o) })
		dir = st.Directory()
	})
	if err != nil {
		return err
	}
	if p.Status != "open" { // every live order is in the projection
		older, err := s.Store.Orders(c.Request().Context(), s.Venue.Name(), account, below, wanted, known, limit+1, need)
		if err != nil {
			return err
		}
		rows = append(rows, older...)
		slices.SortFunc(rows, func(a, b market.Order) int {
			if a.ID > b.ID {
				return -1
			}
			return 1
		})
	}
	out := list[shape.Order]{Data: []shape.Order{}}
	if out.More = len(rows) > limit; out.More {
		rows = rows[:limit]
		out.Next = idCursor(rows[limit-1].ID)
	}
	for i := range rows {
		out.Data = append(out.Data, shape.OfOrder(&rows[i], dir.ByID(rows[i].Market)))
	}
	return answer(c, http.StatusOK, out)
}
