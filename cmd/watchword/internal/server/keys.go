package server

import (
	"encoding/json"
	"fmt"

	"github.com/watchword-auth/watchword"
)

// keyPublisher is the native authority, whose key set holds the public keys
// of dialects too, so that clients of theirs find them at the one address
// that everybody knows (JWK_URL). Only keys that this server has made and
// keeps are in it: one that an operator shares with an old system would let
// that system sign what services take for ours.
type keyPublisher struct {
	*watchword.Authority
	more []*watchword.Authority
}

// JWKS returns the native keys first. A kid is there once.
func (p *keyPublisher) JWKS() ([]byte, error) {
	if len(p.more) == 0 {
		return p.Authority.JWKS()
	}
	var all struct {
		Keys []json.RawMessage `json:"keys"`
	}
	seen := make(map[string]bool)
	for _, auth := range append([]*watchword.Authority{p.Authority}, p.more...) {
		set, err := auth.JWKS()
		if err != nil {
			return nil, err
		}
		var own struct {
			Keys []json.RawMessage `json:"keys"`
		}
		if err := json.Unmarshal(set, &own); err != nil {
			return nil, fmt.Errorf("read own keys: %w", err)
		}
		for _, key := range own.Keys {
			var name struct {
				ID string `json:"kid"`
			}
			if err := json.Unmarshal(key, &name); err != nil {
				return nil, fmt.Errorf("read own keys: %w", err)
			}
			if !seen[name.ID] {
				seen[name.ID] = true
				all.Keys = append(all.Keys, key)
			}
		}
	}
	if all.Keys == nil {
		all.Keys = []json.RawMessage{}
	}
	return json.Marshal(all)
}
