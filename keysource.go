package watchword

import (
	"context"
	"errors"
	"slices"

	"github.com/watchword-auth/watchword/jwt"
)

// keySources is the ring and keys from elsewhere. Both are asked: a header
// without kid could mean any of them.
type keySources struct {
	ring *jwt.Keyring
	more jwt.KeySource
}

func (k *keySources) VerifyingKeys(ctx context.Context, h jwt.Header) ([]*jwt.Key, error) {
	own, err := k.ring.VerifyingKeys(ctx, h)
	if err == nil && h.KeyID != "" && len(own) > 0 {
		return own, nil
	}
	more, moreErr := k.more.VerifyingKeys(ctx, h)
	if all := slices.Concat(own, more); len(all) > 0 {
		return all, nil
	}
	return nil, errors.Join(err, moreErr)
}

// joined returns the ring and more as one source, which tells when keys
// change if more does.
func joined(ring *jwt.Keyring, more jwt.KeySource) jwt.KeySource {
	k := keySources{ring: ring, more: more}
	if _, known := keyVersion(more); known {
		return &versionedSources{k}
	}
	return &k
}

// versionedSources are those that both tell when they change.
type versionedSources struct{ keySources }

// Version differs whenever one of the two does. They are not added: one may
// fall when the other rises.
func (k *versionedSources) Version() uint64 {
	more, _ := keyVersion(k.more)
	return k.ring.Version()<<32 | more&(1<<32-1)
}
