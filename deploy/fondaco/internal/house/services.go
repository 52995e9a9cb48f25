package house

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"fondaco.dev/pkg/zlog"
	"fondaco.dev/services/api"
	eventhandler "fondaco.dev/services/event-handler"
	"fondaco.dev/services/orderbook"
	"fondaco.dev/services/writer"
)

// services are all parts of the house, in the order in which they are started;
// any order works.
func services() []Service {
	return []Service{
		service("writer", writer.ConfigFromEnv, writer.Run),
		service("event-handler", eventhandler.ConfigFromEnv, again(eventhandler.Run)),
		service("orderbook", orderbook.ConfigFromEnv, orderbook.Run),
		service("api", api.ConfigFromEnv, api.Run),
	}
}

// again starts a service anew, inside this process, when a network of it hangs:
// alone, the service would end for its supervisor to do that, and here it would
// take the order book and the api along. Any other error is returned.
func again[C any](run func(context.Context, C, *zlog.Logger) error) func(context.Context, C, *zlog.Logger) error {
	return func(ctx context.Context, cfg C, log *zlog.Logger) error {
		for {
			err := run(ctx, cfg, log)
			var hung interface{ Hung() string }
			if ctx.Err() != nil || !errors.As(err, &hung) {
				return err
			}
			log.Error("a network hangs; the service is started anew", zap.String("network", hung.Hung()), zap.Error(err))
		}
	}
}
