package spec

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"fondaco.dev/services/api/internal/auth"
)

// Async describes the WebSocket: asyncapi.yaml.
type Async struct {
	JSON     []byte // what GET /asyncapi.json answers
	ETag     string // of JSON
	Channels []Channel
}

// Channel is one that clients subscribe to.
type Channel struct {
	Name        string
	Title       string
	Description string
	Policy      auth.Policy
}

// LoadAsync reads an AsyncAPI document; every channel needs a policy.
func LoadAsync(data []byte) (*Async, error) {
	var doc struct {
		Channels map[string]struct {
			Address     string `yaml:"address"`
			Title       string `yaml:"title"`
			Description string `yaml:"description"`
			Policy      string `yaml:"x-policy"`
		} `yaml:"channels"`
	}
	var all map[string]any
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("reading the description of the sockets: %w", err)
	}
	if err := yaml.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("reading the description of the sockets: %w", err)
	}
	a := &Async{}
	for name, c := range doc.Channels {
		policy := auth.Policy(c.Policy)
		if !policy.Known() {
			return nil, fmt.Errorf("channel %s declares no policy: x-policy is %q", name, c.Policy)
		}
		if c.Address == "" {
			continue // of the connection itself: nobody subscribes to it
		}
		a.Channels = append(a.Channels, Channel{Name: name, Title: c.Title, Description: strings.TrimSpace(c.Description), Policy: policy})
	}
	slices.SortFunc(a.Channels, func(a, b Channel) int { return strings.Compare(a.Name, b.Name) })
	var err error
	if a.JSON, err = json.Marshal(all); err != nil {
		return nil, fmt.Errorf("writing the description of the sockets: %w", err)
	}
	a.ETag = Tag(a.JSON)
	return a, nil
}
