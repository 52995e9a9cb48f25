// Package hugepage has the engine keep large memory in large pages.
package hugepage

import (
	pages "fondaco.dev/pkg/hugepage"
	"fondaco.dev/services/orderbook/internal/engine"
)

// Options is what engines run with outside of tests of the engine itself.
func Options() engine.Options { return engine.Options{Large: pages.Advise, Reserve: Reserve} }
