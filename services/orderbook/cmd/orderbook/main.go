// Command orderbook runs the order book of one venue.
package main

import (
	"fondaco.dev/pkg/run"
	"fondaco.dev/services/orderbook"
)

func main() {
	run.Main("orderbook", orderbook.ConfigFromEnv, orderbook.Run)
}
