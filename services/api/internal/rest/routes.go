package rest

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"fondaco.dev/services/api/internal/limit"
	"fondaco.dev/services/api/internal/operation"
	"fondaco.dev/services/api/internal/spec"
)

// route is an operation and what is known of it before any request comes.
type route struct {
	op     *spec.Operation
	class  limit.Class
	answer func(operation.Server, echo.Context) error
	// Where the times of what was answered 200 are counted, those of a HEAD
	// apart. Looked up with the first one, so that a route that nobody asks for is
	// no metric.
	seen [2]atomic.Pointer[prometheus.Observer]
}

func (r *route) answered(s *Server, method string) prometheus.Observer {
	at := &r.seen[0]
	if method == http.MethodHead {
		at = &r.seen[1]
	}
	if o := at.Load(); o != nil {
		return *o
	}
	o := s.requests.WithLabelValues(method, r.op.Route, "200")
	at.Store(&o)
	return o
}

// register gives echo every operation of the table that the program was compiled
// with. It fails where the description says otherwise: the rules of a route come
// from there.
func (s *Server) register(table []operation.Operation) error {
	for i := range table {
		row := &table[i]
		op := s.Spec.Operation(row.ID)
		if op == nil || op.Method != row.Method || op.Path != row.Path || op.Policy != row.Policy {
			return fmt.Errorf("operation %s (%s %s, %s) is not as the description has it: run make generate", row.ID, row.Method, row.Path, row.Policy)
		}
		rt := &route{op: op, class: classOf(op.Method, op.Route), answer: row.Answer}
		for _, method := range op.Methods() {
			s.echo.Add(method, op.Route, func(c echo.Context) error { return s.enter(of(c), rt) })
		}
	}
	if len(table) != len(s.Spec.Operations) {
		return fmt.Errorf("%d operations are described and %d answered: run make generate", len(s.Spec.Operations), len(table))
	}
	return nil
}

// rooms are the first parts of paths that belong to other interfaces; all
// other unknown paths are answered as the event store did.
var rooms = map[string]bool{
	"v1": true, "graphql": true, "casper": true, "rpc": true, "api": true, "sapi": true, "stream": true, "udf": true,
	"socket.io": true, "console": true, "openapi.json": true, "asyncapi.json": true, "docs": true,
}

func inRoom(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return rooms[first] || strings.HasPrefix(first, "ws")
}
