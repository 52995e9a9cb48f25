package rest

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/operation"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/shape"
	"fondaco.dev/services/api/internal/store"
)

// list is the form of every native list.
type list[T any] struct {
	Data []T     `json:"data"`
	Next *string `json:"next"`
	More bool    `json:"more"`
}

func all[T any](data []T) list[T] { return list[T]{Data: data} }

// plain is a list that does not write itself.
type plain[T any] list[T]

// Append makes a list write itself where its elements do.
func (l list[T]) Append(b []byte) []byte {
	if _, ok := any((*T)(nil)).(shape.Appender); !ok {
		return shape.Append(b, plain[T](l))
	}
	b = append(b, `{"data":[`...)
	for i := range l.Data {
		if i > 0 {
			b = append(b, ',')
		}
		b = shape.Append(b, any(&l.Data[i]))
	}
	b = append(b, `],"next":`...)
	if l.Next == nil {
		b = append(b, "null"...)
	} else {
		b = shape.AppendString(b, *l.Next)
	}
	return append(strconv.AppendBool(append(b, `,"more":`...), l.More), '}')
}

// maxRoom bounds the memory for answers that is kept, in bytes.
const maxRoom = 128 << 10

// written is v as JSON, valid until the request ends or the next call.
func (x *exchange) written(v any) []byte {
	b := shape.Append(x.room[:0], v)
	if cap(b) <= maxRoom {
		x.room = b
	}
	return b
}

func answer(c echo.Context, status int, v any) error { return blob(c, status, of(c).written(v)) }

// jsonLine is the Content-Type of most answers; nobody changes it.
var jsonLine = []string{"application/json; charset=utf-8"}

// blob answers with JSON that is written already.
func blob(c echo.Context, status int, body []byte) error {
	x, r := of(c), c.Response()
	r.Header()["Content-Type"] = jsonLine
	x.set("Content-Length", &x.own.length, strconv.Itoa(len(body)))
	r.WriteHeader(status)
	_, err := r.Write(body)
	return err
}

// listOf reads what lists by height have in common; one row more than the
// limit is asked for, to know whether there is more.
func (s *Server) listOf(c echo.Context, n *network, p *operation.Heights, fresh *operation.Fresh) (store.List, error) {
	l, err := readList(p)
	if err != nil {
		return l, err
	}
	l.Need, err = s.need(c, n.Name, fresh)
	return l, err
}

func readList(p *operation.Heights) (store.List, error) {
	l := store.List{Limit: int(p.Limit) + 1, From: p.FromBlock.Or(0), To: p.ToBlock.Or(-1), Finalized: p.Finality == "finalized",
		Orphaned: p.Include == "orphaned", Desc: p.Order == "desc"}
	if l.To >= 0 && l.From > l.To {
		return l, problem.Parameter("from_block", "is above to_block")
	}
	var err error
	if l.Since, err = epochTime("from_time", p.FromTime); err != nil {
		return l, err
	}
	if l.Until, err = epochTime("to_time", p.ToTime); err != nil {
		return l, err
	}
	if l.Until > 0 && l.Since >= l.Until {
		return l, problem.Parameter("from_time", "is not before to_time")
	}
	if p.Cursor != "" {
		key, order, err := readCursor(p.Cursor)
		if err != nil {
			return l, err
		}
		if order != direction(l.Desc) {
			return l, problem.Parameter("cursor", "it was made with order="+order)
		}
		if key.Gone != 0 && !l.Orphaned {
			return l, problem.Parameter("cursor", "it was made with include=orphaned")
		}
		l.After = &key
	}
	return l, nil
}

func direction(desc bool) string {
	if desc {
		return "desc"
	}
	return "asc"
}

// cursorOf packs a place in a list. Clients treat it as opaque.
func cursorOf(k store.Key, desc bool) *string {
	raw := fmt.Appendf(nil, "1 %s %d %d", direction(desc), k.Block, k.Log)
	if k.Gone != 0 {
		raw = fmt.Appendf(raw, " %d", k.Gone)
	}
	s := base64.RawURLEncoding.EncodeToString(raw)
	return &s
}

func readCursor(text string) (store.Key, string, error) {
	bad := problem.Parameter("cursor", "is not one that an answer here carried as next")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return store.Key{}, "", bad
	}
	parts := strings.Split(string(raw), " ")
	if len(parts) < 4 || len(parts) > 5 || parts[0] != "1" || (parts[1] != "asc" && parts[1] != "desc") {
		return store.Key{}, "", bad
	}
	var k store.Key
	var err1, err2, err3 error
	k.Block, err1 = strconv.ParseInt(parts[2], 10, 64)
	k.Log, err2 = strconv.ParseInt(parts[3], 10, 32)
	if len(parts) == 5 {
		if k.Gone, err3 = strconv.ParseInt(parts[4], 10, 64); k.Gone <= 0 {
			return store.Key{}, "", bad
		}
	}
	if err1 != nil || err2 != nil || err3 != nil || k.Block < -1 || k.Log < 0 {
		return store.Key{}, "", bad
	}
	return k, parts[1], nil
}

// page cuts the extra row and makes next and more. In ascending order next is
// always there, so that a poller keeps its place.
func page[R, T any](rows []R, l *store.List, key func(R) store.Key, shapeOf func(R) T) list[T] {
	out := list[T]{Data: []T{}}
	if out.More = len(rows) == l.Limit; out.More {
		rows = rows[:len(rows)-1]
	}
	for _, r := range rows {
		out.Data = append(out.Data, shapeOf(r))
	}
	switch {
	case len(rows) > 0 && (out.More || !l.Desc):
		out.Next = cursorOf(key(rows[len(rows)-1]), l.Desc)
	case !l.Desc:
		out.Next = cursorOf(l.Before(), false)
	}
	return out
}

// idCursor packs an id below which a list goes on.
func idCursor(id uint64) *string {
	s := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "1 id %d", id))
	return &s
}

func readIDCursor(text string) (uint64, error) {
	if text == "" {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		if digits, ok := strings.CutPrefix(string(raw), "1 id "); ok {
			if n, ok := shape.ID(digits); ok {
				return n, nil
			}
		}
	}
	return 0, problem.Parameter("cursor", "is not one that an answer here carried as next")
}
