package watchword

import (
	"hash/maphash"
	"sync/atomic"
)

// Verified is a verifier's memory of tokens that passed every check. A hit
// costs a hash, a comparison of the whole token, and the checks that change
// with time, which always run. Only good tokens get in, so nobody can fill
// it with rubbish. It holds a fixed number of tokens and drops old ones at
// random. Safe for concurrent use, without locks.
type Verified struct {
	seed  maphash.Seed
	mask  uint64
	slots []atomic.Pointer[verifiedToken]
	next  atomic.Uint32
}

type verifiedToken struct {
	raw     string
	version uint64 // of the key ring: retiring a key empties what it signed
	claims  *Claims
}

// ways is how many places a token may be in.
const ways = 4

// NewVerified makes a memory for at most size tokens, rounded up to a power
// of two; 0 means 16,384, about 20 MB when full of native tokens.
func NewVerified(size int) *Verified {
	if size <= 0 {
		size = 16_384
	}
	n := 64
	for n < size {
		n *= 2
	}
	return &Verified{seed: maphash.MakeSeed(), mask: uint64(n-1) &^ (ways - 1), slots: make([]atomic.Pointer[verifiedToken], n)}
}

// get returns the claims of a token checked under the same keys.
func (m *Verified) get(raw string, version uint64) *Claims {
	at := maphash.String(m.seed, raw) & m.mask
	for i := range m.slots[at : at+ways] {
		if e := m.slots[at+uint64(i)].Load(); e != nil && e.version == version && e.raw == raw {
			return e.claims
		}
	}
	return nil
}

// put remembers the token: in an empty place, in that of a token checked
// under other keys or dead when this one was issued, else in any of the four.
func (m *Verified) put(raw string, version uint64, c *Claims) {
	at := maphash.String(m.seed, raw) & m.mask
	entry := &verifiedToken{raw: raw, version: version, claims: c}
	for i := range m.slots[at : at+ways] {
		slot := &m.slots[at+uint64(i)]
		old := slot.Load()
		if (old == nil || old.version != version || old.claims.Expiry.Before(c.IssuedAt)) && slot.CompareAndSwap(old, entry) {
			return
		}
	}
	m.slots[at+uint64(m.next.Add(1)%ways)].Store(entry)
}
