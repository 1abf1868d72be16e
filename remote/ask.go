package remote

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
)

// Cache remembers tokens that the authority has said count, where every token
// is asked about. The zero value remembers none: then a revoked token is
// refused by its next use.
//
// Only good answers are kept. Bad tokens are without number and cost their
// sender nothing, so that keeping them would drive out the good ones; what
// they may cost the authority is for its limits to say. Those who ask about
// the same token at the same moment share one question either way.
type Cache struct {
	// Entries is how many tokens are remembered, and Life for how long, at
	// most 5 min and never beyond a token's exp. Both must be set, or
	// neither.
	Entries int
	Life    time.Duration
}

// maxToken bounds the tokens that the authority is asked about, in bytes.
const maxToken = 16 << 10

// checker asks the authority whether a token counts. It believes it that and
// nothing else: what kind of token it is, for whom, until when, and what is
// known of its session is judged here, by the same verifier as everywhere.
type checker struct {
	c       *Client
	flights flights[struct{}]
	// seal stands for the authority's word: a payload is signed with it anew
	// so that the verifier, which never looks past a bad signature, judges the
	// rest. It never leaves this process.
	seal *jwt.Key

	asked, hits, failures atomic.Uint64

	mu sync.Mutex
	// good are tokens that counted, until when. They are kept by their hash: a
	// dump of this memory opens nothing.
	good map[[sha256.Size]byte]time.Time
}

func newChecker(c *Client) (*checker, error) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails
	seal, err := jwt.NewSecret("", jwt.HS256, secret)
	if err != nil {
		return nil, err
	}
	k := &checker{c: c, seal: seal, good: make(map[[sha256.Size]byte]time.Time)}
	k.flights.c = c
	return k, nil
}

// verify judges a token here as far as that goes, so that no rubbish is sent
// on, and asks the authority unless it has just said yes.
func (k *checker) verify(ctx context.Context, v *watchword.Verifier, raw string, kinds []watchword.Kind) (*watchword.Claims, error) {
	claims, payload, err := k.judge(ctx, v, raw, kinds)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(raw))
	now := k.c.c.Now()
	if k.remembers(sum, now) {
		k.hits.Add(1)
		return claims, nil
	}
	_, err = k.flights.do(ctx, string(sum[:]), func(ctx context.Context) (struct{}, error) {
		k.asked.Add(1)
		err := k.ask(ctx, raw, payload)
		if err != nil && watchword.CodeOf(err) == watchword.Unavailable {
			k.failures.Add(1)
		}
		return struct{}{}, err
	})
	if err != nil {
		return nil, err
	}
	k.remember(sum, now, claims.Expiry)
	return claims, nil
}

// judge runs every check of v but the signature.
func (k *checker) judge(ctx context.Context, v *watchword.Verifier, raw string, kinds []watchword.Kind) (*watchword.Claims, []byte, error) {
	if len(raw) > maxToken {
		return nil, nil, fmt.Errorf("%w: more than %d bytes", watchword.TokenMalformed, maxToken)
	}
	h, err := jwt.ParseHeader(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", watchword.TokenMalformed, err)
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(strings.Split(raw, ".")[1]) // ParseHeader has seen three parts
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", watchword.TokenMalformed, err)
	}
	again, err := jwt.Sign(k.seal, h.Type, payload)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", watchword.TokenMalformed, err)
	}
	here := *v
	here.Keys, here.Memory = jwt.KeySet{k.seal}, nil
	claims, err := here.Verify(ctx, again, kinds...)
	if err != nil {
		return nil, nil, err
	}
	return claims.WithToken(raw), payload, nil
}

// ask returns nil where the authority says that the token counts.
func (k *checker) ask(ctx context.Context, raw string, payload []byte) error {
	n, err := k.c.native(ctx)
	if err != nil {
		return err
	}
	if k.c.c.Check == ByIntrospection {
		return k.introspect(ctx, n, raw, payload)
	}
	body, err := k.c.call(ctx, request{url: n.at("verify"), json: map[string]any{"token": raw}})
	if err != nil {
		return err
	}
	active := false
	var of []byte
	err = jwt.Walk(body, func(name string, v jwt.Value) (err error) {
		switch name {
		case "active":
			active, err = v.Bool()
		case "claims":
			of = v.Raw()
		}
		return err
	})
	if err == nil && active && !bytes.Equal(of, payload) {
		// Something in between has mixed up answers.
		err = errors.New("the answer is about another token")
	}
	return verdict(n.at("verify"), active, err)
}

// introspect is RFC 7662. The members that an answer has must be the token's.
func (k *checker) introspect(ctx context.Context, n native, raw string, payload []byte) error {
	body, err := k.c.call(ctx, request{url: n.introspect, form: url.Values{"token": {raw}}, asClient: true})
	if err != nil {
		if ownFault(err) {
			return fmt.Errorf("%w: %w", watchword.Unavailable, err)
		}
		return err
	}
	own := make(map[string]string)
	if err := jwt.Walk(payload, func(name string, v jwt.Value) error {
		own[name] = string(v.Raw())
		return nil
	}); err != nil {
		return fmt.Errorf("%w: %w", watchword.TokenMalformed, err)
	}
	active := false
	err = jwt.Walk(body, func(name string, v jwt.Value) (err error) {
		switch name {
		case "active":
			active, err = v.Bool()
		case "iss", "sub", "exp", "iat", "jti":
			if own[name] != string(v.Raw()) {
				err = fmt.Errorf("the answer is about another token, by its %s", name)
			}
		}
		return err
	})
	return verdict(n.introspect, active, err)
}

// verdict is an answer's.
func verdict(address string, active bool, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("%w: %s: %w", watchword.Unavailable, address, err)
	case !active:
		return fmt.Errorf("%w: the authority says so", watchword.TokenRevoked)
	default:
		return nil
	}
}

func (k *checker) remembers(sum [sha256.Size]byte, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	until, ok := k.good[sum]
	return ok && now.Before(until)
}

// remember keeps a good answer, in the place of one that is over or of any.
func (k *checker) remember(sum [sha256.Size]byte, asked, expiry time.Time) {
	c := k.c.c.Cache
	if c.Entries == 0 {
		return
	}
	until := asked.Add(c.Life)
	if expiry.Before(until) {
		until = expiry
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.good[sum]; !ok && len(k.good) >= c.Entries {
		k.evict(asked)
	}
	k.good[sum] = until
}

// evict looks at a few, in the map's random order, and drops the first one
// that is over, else the last one looked at.
func (k *checker) evict(now time.Time) {
	var victim [sha256.Size]byte
	seen := 0
	for sum, until := range k.good {
		victim = sum
		if seen++; seen == 8 || !now.Before(until) {
			break
		}
	}
	delete(k.good, victim)
}

// AskedStats says what asking the authority about tokens took.
type AskedStats struct {
	Asked    uint64 // questions, those of several callers at once counted once
	Hits     uint64 // answered by Cache
	Failures uint64 // questions without a good answer
	Entries  int    // tokens remembered now
}

func (k *checker) stats() AskedStats {
	k.mu.Lock()
	n := len(k.good)
	k.mu.Unlock()
	return AskedStats{Asked: k.asked.Load(), Hits: k.hits.Load(), Failures: k.failures.Load(), Entries: n}
}
