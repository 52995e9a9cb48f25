package rest

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/status"
)

//go:embed page.html
var pageHTML string

// parsePage is called once a request: the page is small and rarely asked for,
// and a global template would be shared by two servers in one process.
func parsePage() (*template.Template, error) {
	return template.New("page").Funcs(template.FuncMap{"num": func(n *uint64) string {
		if n == nil {
			return "–"
		}
		return strconv.FormatUint(*n, 10)
	}}).Parse(pageHTML)
}

func statusPage(c echo.Context, r status.Report) error {
	t, err := parsePage()
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	if err := t.Execute(&buf, r); err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Refresh", "5")
	return c.HTMLBlob(http.StatusOK, buf.Bytes())
}
