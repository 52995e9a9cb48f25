package evm

import (
	"context"
	"log/slog"

	"github.com/ethereum/go-ethereum/log"
	"go.uber.org/zap"
)

// RouteLogs sends what go-ethereum logs to zap, all of it at debug: a
// development chain's inner life is no business of an operator. go-ethereum has
// one logger per process, so this is for programs; tests leave it alone, and
// then it is silent. The returned function silences it again.
func RouteLogs(to *zap.Logger) (restore func()) {
	old := log.Root()
	log.SetDefault(log.NewLogger(&zapHandler{to: to}))
	return func() { log.SetDefault(old) }
}

// zapHandler is a slog.Handler in front of zap.
type zapHandler struct{ to *zap.Logger }

func (h *zapHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo && h.to.Core().Enabled(zap.DebugLevel)
}

func (h *zapHandler) Handle(_ context.Context, r slog.Record) error {
	fields := make([]zap.Field, 0, r.NumAttrs()+2)
	fields = append(fields, zap.String("geth", r.Message), zap.Stringer("geth_level", r.Level))
	r.Attrs(func(a slog.Attr) bool {
		fields = append(fields, zap.String(a.Key, a.Value.String()))
		return true
	})
	h.to.Debug("go-ethereum says", fields...)
	return nil
}

func (h *zapHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	fields := make([]zap.Field, len(attrs))
	for i, a := range attrs {
		fields[i] = zap.String(a.Key, a.Value.String())
	}
	return &zapHandler{to: h.to.With(fields...)}
}

func (h *zapHandler) WithGroup(string) slog.Handler { return h }
