package home

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"fondaco.dev/pkg/env"
)

const secretsFile = "secrets.json"

// Secrets are the passwords of a data folder's servers. They are made once and
// kept, since Postgres keeps its roles' passwords too.
type Secrets struct {
	dir    *Dir
	values map[string]string
	made   bool
}

// Secrets reads the folder's passwords.
func (d *Dir) Secrets() (*Secrets, error) {
	s := &Secrets{dir: d, values: map[string]string{}}
	data, err := os.ReadFile(d.Path(secretsFile))
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the passwords: %w", err)
	}
	if err := json.Unmarshal(data, &s.values); err != nil {
		return nil, fmt.Errorf("reading %s: %w", d.Path(secretsFile), err)
	}
	return s, nil
}

// Get returns the password of that name, made now (128 random bits or more)
// when there is none. Call Save before it is used.
func (s *Secrets) Get(name string) env.Secret {
	if s.values[name] == "" {
		s.values[name] = rand.Text()
		s.made = true
	}
	return env.Secret(s.values[name])
}

// Save writes new passwords to the folder.
func (s *Secrets) Save() error {
	if !s.made {
		return nil
	}
	s.made = false
	return writeJSON(s.dir.Path(secretsFile), s.values)
}
