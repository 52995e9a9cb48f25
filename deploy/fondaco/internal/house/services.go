package house

import (
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
		service("event-handler", eventhandler.ConfigFromEnv, eventhandler.Run),
		service("orderbook", orderbook.ConfigFromEnv, orderbook.Run),
		service("api", api.ConfigFromEnv, api.Run),
	}
}
