package env

import (
	"fmt"
	"os"
	"strings"
)

// LoadDotEnv reads a .env file: NAME=value lines, # comments, an optional
// "export " before the name, single or double quotes around the value. A file
// that does not exist is an empty one.
func LoadDotEnv(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	out := map[string]string{}
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" {
			// The line itself stays out of the error: it may hold a secret.
			return nil, fmt.Errorf("%s line %d: not of the form NAME=value", path, i+1)
		}
		out[name] = unquote(strings.TrimSpace(value))
	}
	return out, nil
}

func unquote(v string) string {
	if len(v) >= 2 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] {
		return v[1 : len(v)-1]
	}
	return v
}

// Overlay looks in first, then in the fallbacks in order.
func Overlay(first Lookup, fallbacks ...map[string]string) Lookup {
	return func(name string) (string, bool) {
		if v, ok := first(name); ok {
			return v, true
		}
		for _, m := range fallbacks {
			if v, ok := m[name]; ok {
				return v, true
			}
		}
		return "", false
	}
}
