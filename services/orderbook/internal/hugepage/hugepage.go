// Package hugepage asks the system to keep large memory in large pages.
package hugepage

import "fondaco.dev/services/orderbook/internal/engine"

// Options is what engines run with outside of tests of the engine itself.
func Options() engine.Options { return engine.Options{Large: Advise} }
