package jwt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// maxRingKeys bounds a ring. Rotation needs three or four keys.
const maxRingKeys = 64

// State is a key's place in its life. The zero value, Next, signs nothing.
type State uint8

// The states, in the order in which a key passes through them.
const (
	Next     State = iota // published and accepted, so that verifiers know it before it signs
	Active                // signs; there is exactly one
	Retiring              // signs no more; its tokens are accepted until they have expired
	Gone                  // neither accepted nor published
)

// String returns "next", "active", "retiring" or "gone".
func (s State) String() string {
	switch s {
	case Next:
		return "next"
	case Active:
		return "active"
	case Retiring:
		return "retiring"
	case Gone:
		return "gone"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// RingKey is a key with its state.
type RingKey struct {
	Key   *Key
	State State
}

// Keyring holds the keys of an issuer: one signs, many verify. It is a [KeySource], safe for concurrent
// use, and reading it takes no lock: each call sees the ring as it stood at one moment. Make it with
// [NewKeyring]; the zero Keyring has no keys and verifies nothing.
type Keyring struct {
	replacing sync.Mutex // orders Replace calls, so that versions grow by one
	now       atomic.Pointer[ring]
}

// ring is one state of a Keyring. It is never changed.
type ring struct {
	version  uint64
	keys     []RingKey
	signer   *Key
	byID     map[string][]*Key
	byAlg    map[Algorithm][]*Key
	segments map[string]recognised // by header segment
	jwks     []byte
}

type recognised struct {
	header Header
	keys   []*Key
}

// NewKeyring returns a ring of keys, at version 1. It must hold exactly one active key, which can sign
// and whose tokens can be verified; ids must be unique, "" among them. Secrets and public-key keys
// may stand together only when every key has an id: that is what a change of algorithm needs, and no
// confusion can come of it, since a key is bound to its algorithm and secrets are never published.
// All faults are reported together.
func NewKeyring(keys ...RingKey) (*Keyring, error) {
	r := new(Keyring)
	if err := r.Replace(keys...); err != nil {
		return nil, err
	}
	return r, nil
}

// Replace puts keys in the place of all keys there were, at one moment, and raises the version. The
// rules are those of [NewKeyring]; with an error the ring is as it was.
func (r *Keyring) Replace(keys ...RingKey) error {
	next, err := newRing(keys)
	if err != nil {
		return err
	}
	r.replacing.Lock()
	defer r.replacing.Unlock()
	next.version = r.Version() + 1
	r.now.Store(next)
	return nil
}

func newRing(keys []RingKey) (*ring, error) {
	if err := checkRing(keys); err != nil {
		return nil, err
	}
	n := &ring{
		keys:     slices.Clone(keys),
		byID:     make(map[string][]*Key),
		byAlg:    make(map[Algorithm][]*Key),
		segments: make(map[string]recognised),
	}
	var public []*Key
	for _, e := range keys {
		if e.State == Active {
			n.signer = e.Key
		}
		v := verifying(e.Key)
		if e.State == Gone || v == nil {
			continue
		}
		public = append(public, v)
		n.byAlg[v.alg] = append(n.byAlg[v.alg], v)
		if v.id != "" {
			n.byID[v.id] = []*Key{v}
		}
	}
	var err error
	if n.jwks, err = PublicSet(public...); err != nil {
		return nil, err
	}
	for _, v := range public {
		for i, segment := range v.segments {
			h := Header{Algorithm: v.alg, KeyID: v.id, Type: commonType(i)}
			// The same answer as VerifyingKeys gives for h.
			n.segments[segment] = recognised{h, n.find(h)}
		}
	}
	return n, nil
}

// verifying returns the half of k that verifies: for a private key that may only sign, the public one.
// A secret that may only sign has none.
func verifying(k *Key) *Key {
	if k.mayVerify {
		return k
	}
	return k.Public()
}

func checkRing(keys []RingKey) error {
	var faults []error
	if len(keys) > maxRingKeys {
		return badKey("more than %d keys in a ring", maxRingKeys)
	}
	var active, secrets, public, nameless int
	ids := make(map[string]struct{}, len(keys))
	for i, e := range keys {
		if e.Key == nil {
			faults = append(faults, badKey("key %d of the ring is nil", i))
			continue
		}
		if e.State > Gone {
			faults = append(faults, badKey("%v is in no state: %v", e.Key, e.State))
		}
		if _, twice := ids[e.Key.id]; twice {
			faults = append(faults, badKey("kid %q occurs twice in the ring", e.Key.id))
		}
		ids[e.Key.id] = struct{}{}
		if e.Key.id == "" {
			nameless++
		}
		if e.Key.alg.Symmetric() {
			secrets++
		} else {
			public++
		}
		if e.State == Active {
			active++
			if !e.Key.maySign || verifying(e.Key) == nil {
				faults = append(faults, badKey("active %v cannot both sign and be verified", e.Key))
			}
		}
	}
	if active != 1 {
		faults = append(faults, badKey("%d active keys in the ring; want one", active))
	}
	if secrets > 0 && public > 0 && nameless > 0 {
		faults = append(faults, badKey("secrets and public keys in one ring, and a key without an id"))
	}
	return errors.Join(faults...)
}

// find returns the keys that may verify a token with header h, nil when there are none.
func (n *ring) find(h Header) []*Key {
	if h.KeyID != "" {
		return n.byID[h.KeyID]
	}
	return n.byAlg[h.Algorithm]
}

// Version grows with each [Keyring.Replace]. What was verified under one version need not be valid under
// the next.
func (r *Keyring) Version() uint64 {
	if n := r.now.Load(); n != nil {
		return n.version
	}
	return 0
}

// Signer returns the active key, or nil for the zero Keyring.
func (r *Keyring) Signer() *Key {
	if n := r.now.Load(); n != nil {
		return n.signer
	}
	return nil
}

// Keys returns a copy of the ring as it stands.
func (r *Keyring) Keys() []RingKey {
	if n := r.now.Load(); n != nil {
		return slices.Clone(n.keys)
	}
	return nil
}

// VerifyingKeys returns the keys in the states next, active and retiring that may verify a token with
// header h.
func (r *Keyring) VerifyingKeys(_ context.Context, h Header) ([]*Key, error) {
	if n := r.now.Load(); n != nil {
		if keys := n.find(h); keys != nil {
			return keys, nil
		}
	}
	return nil, unknownKey(h)
}

func (r *Keyring) recognise(segment string) (Header, []*Key, bool) {
	n := r.now.Load()
	if n == nil {
		return Header{}, nil, false
	}
	e, ok := n.segments[segment]
	return e.header, e.keys, ok
}

// JWKS returns the public halves of the keys in the states next, active and retiring as a JWK set
// (RFC 7517, section 5). Secrets are never in it.
func (r *Keyring) JWKS() ([]byte, error) {
	if n := r.now.Load(); n != nil {
		return slices.Clone(n.jwks), nil
	}
	return PublicSet()
}
