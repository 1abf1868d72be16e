package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

// Served is what the server last said of itself. Commands beside it need it
// where they were given fewer settings: a fact must outlive the tokens that
// it speaks of, and a token needs the server's issuer.
type Served struct {
	Issuer   string `json:"issuer"`
	Audience string `json:"audience"`
	// Longest is the longest life of an access token, in seconds.
	Longest int64 `json:"longest"`
	// Upstream is the authority elsewhere whose users are mirrored here; "":
	// there is none.
	Upstream string `json:"upstream,omitempty"`
}

const metaServed = "served"

// Remember writes s down. The longest life never falls: tokens of before may
// still be about.
func Remember(ctx context.Context, db *open.Opened, s Served) error {
	was, err := Recall(ctx, db)
	if err != nil {
		return err
	}
	s.Longest = max(s.Longest, was.Longest)
	if s == was {
		return nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := db.SetMeta(ctx, metaServed, text); err != nil {
		return fmt.Errorf("write database: %w", err)
	}
	return nil
}

// Recall returns what the server wrote down, the zero Served before its
// first start.
func Recall(ctx context.Context, db *open.Opened) (s Served, err error) {
	text, err := db.Meta(ctx, metaServed)
	if errors.Is(err, watchword.NotFound) {
		return Served{}, nil
	}
	if err != nil {
		return Served{}, fmt.Errorf("read database: %w", err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return Served{}, fmt.Errorf("read database: value %s: %w", metaServed, err)
	}
	return s, nil
}

// LongestLife returns the longest life of an access token, of before or by the
// settings of now.
func (s Served) LongestLife(configured time.Duration) time.Duration {
	return max(configured, time.Duration(s.Longest)*time.Second)
}
