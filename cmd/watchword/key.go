package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/jwt"
)

type keyCommands struct {
	List   keyListCommand   `cmd:"" help:"List the signing keys."`
	Rotate keyRotateCommand `cmd:"" help:"Sign with the next key from now on."`
	Retire keyRetireCommand `cmd:"" help:"Take a key out of use: what it signed is refused."`
	Import keyImportCommand `cmd:"" help:"Sign with a key of your own from now on."`
	Secret keySecretCommand `cmd:"" help:"Print a new secret: 32 random bytes as 64 hex digits."`
}

// keyRecord is a key as it is listed.
type keyRecord struct {
	ID        string  `json:"kid"`
	Algorithm string  `json:"alg"`
	State     string  `json:"state"`
	CreatedAt *string `json:"created_at"`
}

func keyRecordOf(r watchword.KeyRecord) keyRecord {
	return keyRecord{ID: r.ID, Algorithm: r.Algorithm, State: r.State, CreatedAt: instant(r.CreatedAt)}
}

type keyListCommand struct{}

func (keyListCommand) Help() string { return "Example:\n  watchword key list --json" }

// Run lists the keys, gone ones included.
func (keyListCommand) Run(a *app) error {
	return a.with(false, nil, func(ctx context.Context, s *site) error {
		records, err := s.keys(ctx)
		if err != nil {
			return err
		}
		shown, rows := []keyRecord{}, [][]string{}
		for _, r := range records {
			shown = append(shown, keyRecordOf(r))
			rows = append(rows, []string{r.ID, r.Algorithm, r.State, stamp(r.CreatedAt)})
		}
		return a.show(shown, func() error { return a.table("KID ALG STATE CREATED", rows) })
	})
}

// keys returns the native ring: the one secret of the settings, or what is
// in the database.
func (s *site) keys(ctx context.Context) ([]watchword.KeyRecord, error) {
	if k := s.config.Keys.Secret; k != nil {
		return []watchword.KeyRecord{{ID: k.ID(), Algorithm: string(k.Algorithm()), State: jwt.Active.String()}}, nil
	}
	records, _, err := s.Keys(ctx, watchword.NativeProfile)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	return records, nil
}

// changeKeys runs a change of the native ring and shows the key that is
// active then.
func (a *app) changeKeys(make bool, done string, change func(ctx context.Context, auth *watchword.Authority) error) error {
	return a.with(make, nil, func(ctx context.Context, s *site) error {
		if s.config.Keys.Secret != nil {
			return failf(watchword.Conflict, "the signing key is the secret in keys.secret_file: change that file, or unset the setting")
		}
		auth, err := s.authority(ctx)
		if err != nil {
			return err
		}
		if err := change(ctx, auth); err != nil {
			return err
		}
		records, err := s.keys(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(records, func(r watchword.KeyRecord) bool { return r.State == jwt.Active.String() })
		if i < 0 {
			return fmt.Errorf("no key is active")
		}
		return a.show(keyRecordOf(records[i]), func() error {
			return a.printf("%s; active is %s (%s)\n", done, records[i].ID, records[i].Algorithm)
		})
	})
}

type keyRotateCommand struct{}

func (keyRotateCommand) Help() string {
	return "The former key verifies until the last token that it signed has expired.\n\nExample:\n  watchword key rotate"
}

// Run rotates.
func (keyRotateCommand) Run(a *app) error {
	return a.changeKeys(false, "rotated", func(ctx context.Context, auth *watchword.Authority) error { return auth.RotateKeys(ctx) })
}

type keyRetireCommand struct {
	ID string `arg:"" name:"kid" help:"The key's id, as key list shows it."`
}

func (keyRetireCommand) Help() string {
	return "For a key that has leaked. Where it was the active one, the next takes its place.\n\nExample:\n  watchword key retire ylPXx2OEVBBjSDiVKI3LaMskNA2VCqE6X9tnsQHYJuo"
}

// Run retires the key.
func (c *keyRetireCommand) Run(a *app) error {
	return a.changeKeys(false, "retired "+printable(c.ID), func(ctx context.Context, auth *watchword.Authority) error {
		err := auth.RetireKey(ctx, c.ID)
		if errors.Is(err, watchword.NotFound) {
			return failf(watchword.NotFound, "there is no key %q in use: `watchword key list` shows them", c.ID)
		}
		return err
	})
}

type keyImportCommand struct {
	File      string `arg:"" help:"A private JWK, a PEM file or, with --algorithm HS256, HS384 or HS512, a raw secret."`
	Algorithm string `placeholder:"ALG" help:"The key's algorithm, where the file doesn't say: RSA keys mean RS256 otherwise."`
}

func (keyImportCommand) Help() string {
	return "The key is active at once and the former one retiring. Imported keys are not rotated by age.\n\nExample:\n  watchword key import private.jwk"
}

// Run imports the key.
func (c *keyImportCommand) Run(a *app) error {
	key, err := c.read()
	if err != nil {
		return err
	}
	return a.changeKeys(true, "imported", func(ctx context.Context, auth *watchword.Authority) error {
		err := auth.ImportKey(ctx, key)
		switch {
		case errors.Is(err, watchword.Conflict):
			return failf(watchword.Conflict, "the database has a key with the id %s already: `watchword key list` shows it", printable(key.ID()))
		case errors.Is(err, watchword.InvalidRequest):
			return failf(watchword.InvalidRequest, "%s: this is a public key, or one that may not sign; the private one is needed", c.File)
		}
		return err
	})
}

// read finds out what the file holds.
func (c *keyImportCommand) read() (*jwt.Key, error) {
	algorithm := jwt.Algorithm(c.Algorithm)
	if algorithm != "" && !algorithm.Valid() {
		return nil, usagef("--algorithm: %q is unknown: ES256, EdDSA, RS256, PS256, HS256 and their longer kin", c.Algorithm)
	}
	data, err := config.ReadFile(c.File)
	if err != nil {
		return nil, err
	}
	var key *jwt.Key
	switch text := bytes.TrimSpace(data); {
	case bytes.HasPrefix(text, []byte("{")):
		key, err = jwt.ParseJWK(data, algorithm)
	case bytes.Contains(text, []byte("-----BEGIN ")):
		key, err = jwt.ParsePEM(data, algorithm)
	case algorithm.Symmetric():
		key, err = jwt.NewSecret(rand.Text(), algorithm, config.DropNewline(data))
	default:
		return nil, failf(watchword.InvalidRequest, "%s is neither a JWK nor PEM: for a raw secret add --algorithm HS256", c.File)
	}
	if err != nil {
		return nil, failf(watchword.InvalidRequest, "%s: %v", c.File, err)
	}
	return key, nil
}

type keySecretCommand struct{}

func (keySecretCommand) Help() string {
	return "Example:\n  umask 077; watchword key secret > signing.key"
}

// Run prints a secret.
func (keySecretCommand) Run(a *app) error {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	secret := hex.EncodeToString(b[:])
	return a.show(map[string]string{"secret": secret}, func() error { return a.printf("%s\n", secret) })
}
