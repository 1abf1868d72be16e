// Package engine makes the authority that settings and a database describe,
// alike for the server and for the commands beside it.
package engine

import (
	"fmt"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/password"
)

// Config returns what the native authority is made from. Issuer and Audience
// are as set, perhaps empty.
func Config(c config.Config, db *open.Opened, seal []byte) (watchword.Config, error) {
	hasher, err := password.New(password.Config{Preferred: c.Password.Params})
	if err != nil {
		return watchword.Config{}, fmt.Errorf("password.preferred: %w", err)
	}
	w := watchword.Config{
		Issuer: c.Issuer, Audience: c.Audience, Store: db, SealKey: seal, Hasher: hasher,
		KeyAlgorithm: c.Keys.Algorithm, RotateKeys: c.Keys.RotateEvery,
		AccessLifetime: c.Lifetimes.Access, RefreshLifetime: c.Lifetimes.Refresh, SessionLifetime: c.Lifetimes.Session,
		Rotation: c.Lifetimes.Rotation(), InsecureUnlimited: !c.Limits.Enabled,
		SessionAddress: c.Sessions.Form(), SampleVerified: c.Audit.SampleVerified,
	}
	if db.Foreign != nil {
		w.Users = db.Foreign.Roll
	}
	if w.RotateKeys == 0 {
		w.RotateKeys = -1 // in the settings 0 means never
	}
	if c.Keys.Secret != nil {
		w.Keys, err = jwt.NewKeyring(jwt.RingKey{Key: c.Keys.Secret, State: jwt.Active})
	}
	return w, err
}
