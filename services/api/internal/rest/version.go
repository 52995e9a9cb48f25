package rest

import (
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/operation"
)

// Version is which build this is. Commit is empty where the build did not know
// it; modified says that it was not the commit alone.
type Version struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
}

// build reads what the compiler wrote into the binary.
func build(version string) Version {
	v := Version{Version: version, Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

func (s *Server) GetVersion(c echo.Context, _ operation.GetVersion) error {
	return answer(c, http.StatusOK, build(s.Version))
}
