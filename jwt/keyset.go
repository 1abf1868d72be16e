package jwt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

const (
	// maxKeySetData bounds a JWKS in bytes, and maxKeySetKeys the number of its keys.
	maxKeySetData = 512 << 10
	maxKeySetKeys = 100
)

// KeySet is a fixed set of keys and a [KeySource]. A token that names a key is verified by the key with
// that id and no other, also when an id is missing on the key's side; one that names none, by those
// of its algorithm. The slice must not be changed while it is in use.
type KeySet []*Key

// VerifyingKeys returns the keys that may verify a token with header h.
func (ks KeySet) VerifyingKeys(_ context.Context, h Header) ([]*Key, error) {
	var found []*Key
	for i, k := range ks {
		if k == nil || !k.mayVerify {
			continue
		}
		if h.KeyID != "" && k.id != h.KeyID || h.KeyID == "" && k.alg != h.Algorithm {
			continue
		}
		if found == nil {
			found = ks[i : i+1 : i+1] // one is the rule; appending a second copies
			continue
		}
		found = append(found, k)
	}
	if found == nil {
		return nil, unknownKey(h)
	}
	return found, nil
}

// recognise serves sets of one key, where no other key can have the same id.
func (ks KeySet) recognise(segment string) (Header, []*Key, bool) {
	if len(ks) != 1 || ks[0] == nil || !ks[0].mayVerify {
		return Header{}, nil, false
	}
	k := ks[0]
	for i := range k.segments {
		if segment == k.segments[i] {
			return Header{Algorithm: k.alg, KeyID: k.id, Type: commonType(i)}, ks, true
		}
	}
	return Header{}, nil, false
}

func unknownKey(h Header) error {
	if h.KeyID == "" {
		return fmt.Errorf("%w: none for %s, and the header names none", ErrUnknownKey, h.Algorithm)
	}
	return fmt.Errorf("%w: %.64q", ErrUnknownKey, h.KeyID)
}

// ParseKeySet reads a JWKS (RFC 7517, section 5): at most 512 KiB with at most 100 keys. Keys of unknown
// types, for encryption or for algorithms that are not ours are left out, as the RFC says, so the
// result may be empty. The whole set is refused when one of the others is malformed or weak, when a
// kid occurs twice, which would leave the choice to the token, or when it holds both secrets and
// public keys, which no published set may. Errors wrap [ErrKey].
func ParseKeySet(data []byte) ([]*Key, error) {
	if len(data) > maxKeySetData {
		return nil, badKey("key set longer than %d bytes", maxKeySetData)
	}
	var list Value
	err := Walk(data, func(name string, v Value) error {
		if name == "keys" {
			list = v
		}
		return nil
	})
	if err != nil {
		return nil, badKeyJSON("key set", err)
	}
	if list.first() != '[' {
		return nil, badKey("key set: there is no array \"keys\"")
	}
	r := setReader{ids: make(map[string]struct{})}
	if err := list.Each(r.add); err != nil {
		return nil, err
	}
	return r.keys, nil
}

// setReader collects the keys of a JWKS.
type setReader struct {
	keys            []*Key
	count           int
	ids             map[string]struct{}
	secrets, public bool
}

func (r *setReader) add(v Value) error {
	if r.count++; r.count > maxKeySetKeys {
		return badKey("key set: more than %d keys", maxKeySetKeys)
	}
	d, err := readJWK(v.Raw())
	if err != nil {
		return fmt.Errorf("key %d of the set: %w", r.count, err)
	}
	// Both rules count keys that are left out, too: what one reader ignores another may use.
	if kid, stated := d.text["kid"]; stated {
		if _, twice := r.ids[kid]; twice {
			return badKey("key set: kid %.64q occurs twice", kid)
		}
		r.ids[kid] = struct{}{}
	}
	if d.text["kty"] == "oct" {
		r.secrets = true
	} else {
		r.public = true
	}
	if r.secrets && r.public {
		return badKey("key set: secrets and public keys together")
	}
	k, err := d.key("")
	if errors.Is(err, errOtherUse) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("key %d of the set: %w", r.count, err)
	}
	r.keys = append(r.keys, k)
	return nil
}

// PublicSet returns the JWKS of the public halves of keys, in their order. Secrets are left out.
func PublicSet(keys ...*Key) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(`{"keys":[`)
	written := make(map[string]struct{}, len(keys))
	for _, k := range keys {
		if k == nil {
			return nil, badKey("a key is nil")
		}
		p := k.Public()
		if p == nil {
			continue
		}
		if _, twice := written[p.id]; twice && p.id != "" {
			return nil, badKey("kid %q occurs twice", p.id)
		}
		if len(written) > 0 {
			b.WriteByte(',')
		}
		written[p.id] = struct{}{}
		b.Write(p.appendJWK(nil, p.parameters()))
	}
	b.WriteString(`]}`)
	return b.Bytes(), nil
}
