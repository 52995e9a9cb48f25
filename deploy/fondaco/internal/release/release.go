// Package release says which build of the house this is.
package release

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Version is the release; it is raised by hand.
const Version = "0.1.0"

// String is the release with the commit it was built from.
func String() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "fondaco " + Version
	}
	var revision, modified string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			revision = " " + s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = " (changed)"
		}
	}
	return fmt.Sprintf("fondaco %s%s%s %s", Version, revision, modified, runtime.Version())
}
