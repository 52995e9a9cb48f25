package rest

import (
	"bytes"
	_ "embed"
	"html/template"

	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/problem"
)

//go:embed maintenance.html
var maintenanceHTML string

var maintenancePages = template.Must(template.New("maintenance").Parse(maintenanceHTML))

// maintenancePage answers a browser that met a maintenance. It is false for
// every other problem and client.
func (s *Server) maintenancePage(c echo.Context, p *problem.Problem) bool {
	m := s.Maintenance.Now()
	if m == nil || p.Code != "maintenance" || !wantsHTML(c.Request().Header.Get("Accept")) {
		return false
	}
	var page bytes.Buffer
	if err := maintenancePages.Execute(&page, map[string]any{"Message": m.Message, "Since": m.Since.UTC().Format("2 January 2006, 15:04 UTC"),
		"Instant": m.Since.UTC().Format("2006-01-02T15:04:05Z"), "RequestID": p.RequestID, "Again": p.RetryAfter}); err != nil {
		return false
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:")
	_ = c.HTMLBlob(p.Status, page.Bytes())
	return true
}
