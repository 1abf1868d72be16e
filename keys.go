package watchword

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

// storedRing is the ring of keys that lives, sealed, in the store: one
// active key signs, the next one is published before its first use, retiring
// ones still verify, and gone ones are only remembered by name.
type storedRing struct {
	store KeyStore
	name  string
	seal  cipher.AEAD

	mu      sync.Mutex
	version int64
	records []KeyRecord
	seen    uint64 // the list's count of key facts when last read
}

// openRing reads or makes the keys.
func (a *Authority) openRing(ctx context.Context) error {
	if a.c.Keys != nil {
		a.ring = a.c.Keys
		return nil
	}
	key, err := derive(a.c.SealKey, "seal")
	if err != nil {
		return err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	a.stored = &storedRing{store: a.c.Store.(KeyStore), name: a.c.KeyRing, seal: seal}
	for range 3 {
		err = a.loadRing(ctx)
		if err == nil && len(a.stored.records) == 0 {
			err = a.changeRing(ctx, func([]KeyRecord, time.Time) ([]KeyRecord, error) { return a.firstKeys() })
		}
		if !errors.Is(err, Conflict) { // another process was faster: read what it made
			break
		}
	}
	return err
}

// firstKeys makes the first active key, and its successor, so that verifiers
// hear of that one long before it signs. A secret has no successor in
// waiting: nobody needs to hear of it.
func (a *Authority) firstKeys() ([]KeyRecord, error) {
	active, err := a.newRecord(jwt.Active)
	if err != nil || a.c.KeyAlgorithm.Symmetric() {
		return []KeyRecord{active}, err
	}
	next, err := a.newRecord(jwt.Next)
	return []KeyRecord{active, next}, err
}

func (a *Authority) newRecord(state jwt.State) (KeyRecord, error) {
	k, err := jwt.GenerateKey(a.c.KeyAlgorithm)
	if err != nil {
		return KeyRecord{}, fmt.Errorf("make key: %w", err)
	}
	return a.record(k, state)
}

func (a *Authority) record(k *jwt.Key, state jwt.State) (KeyRecord, error) {
	plain, err := k.MarshalPrivate()
	if err != nil {
		return KeyRecord{}, fmt.Errorf("seal key: %w", err)
	}
	now := a.c.Now()
	return KeyRecord{
		ID: k.ID(), Algorithm: string(k.Algorithm()), State: state.String(),
		Sealed: a.stored.sealBytes(plain, k.ID()), CreatedAt: now, StateAt: now,
	}, nil
}

// sealBytes encrypts by AES-256-GCM under a random nonce, bound to the key's
// id, so that sealed rows cannot be swapped.
func (r *storedRing) sealBytes(plain []byte, id string) []byte {
	nonce := make([]byte, r.seal.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return r.seal.Seal(nonce, nonce, plain, []byte(r.name+"\x00"+id))
}

func (r *storedRing) unseal(k KeyRecord) (*jwt.Key, error) {
	n := r.seal.NonceSize()
	if len(k.Sealed) < n {
		return nil, fmt.Errorf("key %s: nothing sealed", k.ID)
	}
	plain, err := r.seal.Open(nil, k.Sealed[:n], k.Sealed[n:], []byte(r.name+"\x00"+k.ID))
	if err != nil {
		return nil, fmt.Errorf("key %s does not open: the seal key is not the one that this database was made with", k.ID)
	}
	key, err := jwt.ParseKey(plain)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", k.ID, err)
	}
	return key.WithID(k.ID), nil
}

// loadRing reads the records and swaps the ring.
func (a *Authority) loadRing(ctx context.Context) error {
	seen := a.list.keys.Load() // before reading, so that no change is missed
	records, version, err := a.stored.store.Keys(ctx, a.stored.name)
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	a.stored.mu.Lock()
	defer a.stored.mu.Unlock()
	if len(records) > 0 {
		if err := a.swapRing(records); err != nil {
			return err
		}
	}
	a.stored.records, a.stored.version, a.stored.seen = records, version, seen
	return nil
}

// swapRing opens the keys that still count and puts them into the ring.
func (a *Authority) swapRing(records []KeyRecord) error {
	var keys []jwt.RingKey
	for _, r := range records {
		state, ok := keyState(r.State)
		if !ok || state == jwt.Gone {
			continue
		}
		k, err := a.stored.unseal(r)
		if err != nil {
			return err
		}
		keys = append(keys, jwt.RingKey{Key: k, State: state})
	}
	if a.ring != nil {
		return a.ring.Replace(keys...)
	}
	ring, err := jwt.NewKeyring(keys...)
	if err != nil {
		return fmt.Errorf("key ring: %w", err)
	}
	a.ring = ring
	return nil
}

func keyState(s string) (jwt.State, bool) {
	for _, state := range []jwt.State{jwt.Next, jwt.Active, jwt.Retiring, jwt.Gone} {
		if state.String() == s {
			return state, true
		}
	}
	return 0, false
}

// changeRing applies change to the records as they stand and writes them
// back, again where another process was faster.
func (a *Authority) changeRing(ctx context.Context, change func([]KeyRecord, time.Time) ([]KeyRecord, error)) error {
	if a.stored == nil {
		return fmt.Errorf("%w: the keys are fixed by the configuration", Conflict)
	}
	for try := 0; ; try++ {
		records, version, err := a.stored.store.Keys(ctx, a.stored.name)
		if err != nil {
			return fmt.Errorf("read keys: %w", err)
		}
		now := a.c.Now()
		changed, err := change(slices.Clone(records), now)
		if err != nil {
			return err
		}
		if changed == nil {
			return nil
		}
		a.bound(changed, now)
		err = a.stored.store.PutKeys(ctx, a.stored.name, version, changed, a.factsUntil(now), now)
		if errors.Is(err, Conflict) && try < 5 {
			continue
		}
		if err != nil {
			return fmt.Errorf("write keys: %w", err)
		}
		if err := a.list.Sync(ctx, now); err != nil {
			return err
		}
		return a.loadRing(ctx)
	}
}

// How many keys count at once. jwt takes 64 into a ring, and tries a token
// without kid against 8, of which some may be those of VerifyKeys.
const (
	mostKeys         = 60
	mostNamelessKeys = 6
)

// bound lets the oldest retiring keys go where there are too many: a ring that
// is not taken, or a token that is tried against none, would help nobody.
func (a *Authority) bound(records []KeyRecord, now time.Time) {
	most := mostKeys
	if a.c.OmitKeyID {
		most = mostNamelessKeys
	}
	for {
		count, oldest := 0, -1
		for i, r := range records {
			if r.State != jwt.Gone.String() {
				count++
			}
			if r.State == jwt.Retiring.String() && (oldest < 0 || r.StateAt.Before(records[oldest].StateAt)) {
				oldest = i
			}
		}
		if count <= most || oldest < 0 {
			return
		}
		setState(&records[oldest], jwt.Gone, now)
	}
}

// Keys returns the ring's records, without what is sealed.
func (a *Authority) Keys(ctx context.Context) ([]KeyRecord, error) {
	if a.stored == nil {
		return nil, fmt.Errorf("%w: the keys are fixed by the configuration", Conflict)
	}
	records, _, err := a.stored.store.Keys(ctx, a.stored.name)
	for i := range records {
		records[i].Sealed = nil
	}
	return records, err
}

// RotateKeys makes the next key active now; the active one goes on verifying
// until the last token it signed has expired.
func (a *Authority) RotateKeys(ctx context.Context) error {
	err := a.changeRing(ctx, a.rotated)
	if err == nil {
		a.tell(ctx, Event{Kind: KeyChanged, Detail: "rotated"})
	}
	return err
}

// rotated moves next to active, active to retiring, and makes a new next.
func (a *Authority) rotated(records []KeyRecord, now time.Time) ([]KeyRecord, error) {
	promoted := false
	for i := range records {
		switch records[i].State {
		case jwt.Active.String():
			setState(&records[i], jwt.Retiring, now)
		case jwt.Next.String():
			if !promoted {
				setState(&records[i], jwt.Active, now)
				promoted = true
			}
		}
	}
	if promoted {
		next, err := a.newRecord(jwt.Next)
		return append(records, next), err
	}
	fresh, err := a.firstKeys()
	return append(records, fresh...), err
}

func setState(r *KeyRecord, s jwt.State, now time.Time) {
	r.State, r.StateAt = s.String(), now
	if s == jwt.Gone {
		r.Sealed = nil
	}
}

// ImportKey makes a key of the caller's active at once; the former active
// one is retiring. Imported keys are not rotated by age.
func (a *Authority) ImportKey(ctx context.Context, k *jwt.Key) error {
	if !k.CanSign() {
		return fmt.Errorf("%w: the key cannot sign", InvalidRequest)
	}
	if k.ID() == "" {
		k = k.WithID("imported-" + rand.Text()[:16])
	}
	err := a.changeRing(ctx, func(records []KeyRecord, now time.Time) ([]KeyRecord, error) {
		for i := range records {
			if records[i].ID == k.ID() {
				return nil, fmt.Errorf("%w: the ring has a key with id %s", Conflict, k.ID())
			}
			if records[i].State == jwt.Active.String() {
				setState(&records[i], jwt.Retiring, now)
			}
		}
		r, err := a.record(k, jwt.Active)
		r.Imported = true
		return append(records, r), err
	})
	if err == nil {
		a.tell(ctx, Event{Kind: KeyChanged, Detail: "imported " + k.ID()})
	}
	return err
}

// RetireKey takes a key out of the ring at once: what it signed no longer
// verifies. Where it was the active one, the next takes its place. NotFound
// for an unknown id.
func (a *Authority) RetireKey(ctx context.Context, id string) error {
	err := a.changeRing(ctx, func(records []KeyRecord, now time.Time) ([]KeyRecord, error) {
		i := slices.IndexFunc(records, func(r KeyRecord) bool { return r.ID == id && r.State != jwt.Gone.String() })
		if i < 0 {
			return nil, fmt.Errorf("%w: no key %q", NotFound, id)
		}
		var err error
		if records[i].State == jwt.Active.String() {
			records, err = a.rotated(records, now)
		}
		setState(&records[i], jwt.Gone, now)
		return records, err
	})
	if err == nil {
		a.tell(ctx, Event{Kind: KeyChanged, Detail: "retired " + id})
	}
	return err
}

// JWKS returns the public keys as a JWK Set (RFC 7517), the next one
// included.
func (a *Authority) JWKS() ([]byte, error) { return a.ring.JWKS() }

// signedLife is how long what the ring signed can be shown: access tokens,
// and refresh tokens where the ring signs those too.
func (a *Authority) signedLife() time.Duration {
	life := a.c.AccessLifetime
	if a.c.RefreshLayout != nil {
		life = max(life, a.c.RefreshLifetime)
	}
	return life + factMargin
}

// aged rotates an active key that is older than RotateKeys, and lets go of
// retiring keys whose last token has expired.
func (a *Authority) aged(records []KeyRecord, now time.Time) ([]KeyRecord, error) {
	changed := false
	for i := range records {
		r := &records[i]
		switch r.State {
		case jwt.Retiring.String():
			if now.Sub(r.StateAt) > a.signedLife() {
				setState(r, jwt.Gone, now)
				changed = true
			}
		case jwt.Active.String():
			if a.c.RotateKeys > 0 && !r.Imported && now.Sub(r.StateAt) > a.c.RotateKeys {
				rotated, err := a.rotated(records, now)
				if err != nil {
					return nil, err
				}
				return rotated, nil
			}
		}
	}
	if !changed {
		return nil, nil
	}
	return records, nil
}
