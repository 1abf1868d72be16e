package manage

import (
	"context"
	"errors"
	"fmt"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
)

// Key is a signing key of a face.
type Key struct {
	Profile string // the face whose tokens it signs
	Fixed   bool   // it comes from the settings, and is changed there
	watchword.KeyRecord
}

// Keys returns the signing keys of all faces, gone ones included, and nothing
// of what is secret in them. Faces whose keys come from the settings are left
// out, but for the native one.
func (m *Actions) Keys(ctx context.Context, by Actor) ([]Key, error) {
	if err := m.demand(ctx, by, ViewKeys); err != nil {
		return nil, err
	}
	var all []Key
	for i, face := range m.o.Faces {
		if i == 0 && m.o.FixedKey != nil {
			all = append(all, Key{face.Profile(), true, watchword.KeyRecord{
				ID: m.o.FixedKey.ID(), Algorithm: string(m.o.FixedKey.Algorithm()), State: jwt.Active.String(),
			}})
			continue
		}
		records, err := face.Keys(ctx)
		if errors.Is(err, watchword.Conflict) {
			continue // fixed by the settings of a dialect
		}
		if err != nil {
			return nil, fmt.Errorf("list keys: %w", err)
		}
		for _, r := range records {
			all = append(all, Key{face.Profile(), false, r})
		}
	}
	return all, nil
}

// face returns the authority of a profile; "" means the native one.
func (m *Actions) face(profile string) (*watchword.Authority, error) {
	for i, face := range m.o.Faces {
		if face.Profile() == profile || i == 0 && profile == "" {
			return face, nil
		}
	}
	return nil, missing("no such face")
}

// RotateKeys has the next key of a face sign from now on; "" means the native
// face. What the former one signed goes on to count until it expires.
// Conflict where the key comes from the settings.
func (m *Actions) RotateKeys(ctx context.Context, by Actor, profile string) error {
	if err := m.demand(ctx, by, ChangeKeys); err != nil {
		return err
	}
	face, err := m.face(profile)
	if err != nil {
		return err
	}
	if err := face.RotateKeys(recorded(ctx)); err != nil {
		return fmt.Errorf("rotate keys: %w", err)
	}
	m.record(ctx, by, watchword.Event{Kind: watchword.KeyChanged, Detail: "rotated " + face.Profile()})
	return nil
}

// RetireKey takes a key out of use at once: what it signed is refused.
// NotFound where no face has it in use.
func (m *Actions) RetireKey(ctx context.Context, by Actor, profile, id string) error {
	if err := m.demand(ctx, by, ChangeKeys); err != nil {
		return err
	}
	face, err := m.face(profile)
	if err != nil {
		return err
	}
	if err := face.RetireKey(recorded(ctx), id); err != nil {
		return fmt.Errorf("retire key: %w", err)
	}
	m.record(ctx, by, watchword.Event{Kind: watchword.KeyChanged, Detail: "retired " + id})
	return nil
}
