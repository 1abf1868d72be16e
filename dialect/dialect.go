package dialect

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// Dialect is another system's face over the engine.
type Dialect struct {
	Name    string
	Profile httpauth.Profile
	// Settings are those that the dialect knows, by name.
	Settings []Setting
	// Script compares a running original with ours.
	Script []Call
	// Engine returns the configuration changed to what the dialect needs:
	// layout, lifetimes, issuer, audience, keys, rotation. What the dialect
	// does not care about stays. nil: there is an Upstream.
	Engine func(watchword.Config) (watchword.Config, error)
	// Upstream is the authority elsewhere that stands behind the dialect; nil:
	// there is an Engine.
	Upstream *Upstream
	// KeysURL is a JWK Set whose keys verify tokens as well; "" for none. The
	// server puts them into Config.VerifyKeys.
	KeysURL string
	// Notes are for the operator, such as that a secret was made because
	// none was given.
	Notes []string
}

// Options are what every dialect understands beside its own settings.
type Options struct {
	// Prefix is where the routes are; "" means the dialect's default.
	Prefix string
	// Settings have the original's names. An unknown one is an error.
	Settings map[string]any
	// SampleRoutes adds the original document's protected views.
	SampleRoutes bool
	// UserFields are more of the user's record in access tokens: "email",
	// "first_name", "last_name", "phone", "location", "staff", "superuser",
	// "groups", "permissions", or a member of the user's extra data.
	UserFields []string
	// InsecureShortSecret lets a secret that is shorter than its hash verify
	// tokens that were issued before; new ones are signed with a secret that
	// the server makes and keeps.
	InsecureShortSecret bool
	// AdoptUntil is the end of the time in which refresh tokens that the old
	// system signed are taken over; see [watchword.Config.AdoptUntil].
	AdoptUntil time.Time
	// Exposed says that the server is reachable from other machines: secrets
	// that are printed in public documents are then refused.
	Exposed bool
}

// A maker makes a dialect from its options.
type maker func(Options) (Dialect, error)

// makers returns every dialect, by name. It is a function and no variable:
// nothing registers itself here.
func makers() map[string]maker {
	return map[string]maker{
		"djwto":          Djwto,
		"easyjwt":        EasyJWT,
		"easyjwt-client": EasyJWTClient,
		"ellar":          Ellar,
		"esmerald":       Esmerald,
		"oauth2":         OAuth2,
	}
}

// Names returns the names of all dialects, sorted.
func Names() []string {
	var names []string
	for name := range makers() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ByName makes a dialect. All faults of its settings are reported together.
func ByName(name string, o Options) (Dialect, error) {
	m, ok := makers()[name]
	if !ok {
		return Dialect{}, fmt.Errorf("there is no dialect %q: %s", name, strings.Join(Names(), ", "))
	}
	d, err := m(o)
	if err != nil {
		return Dialect{}, fmt.Errorf("dialect %s: %w", name, err)
	}
	return d, nil
}

// Environment returns the settings of a dialect that its original takes from
// environment variables of the same name where they are not set. This
// package reads none: whoever reads the configuration does.
func Environment(name string) []string {
	return map[string][]string{
		"djwto": {"DJWTO_SIGNING_KEY"},
	}[name]
}

// prefixOr returns the prefix asked for, or the dialect's own.
func (o Options) prefixOr(otherwise string) string {
	if o.Prefix == "" {
		return otherwise
	}
	return o.Prefix
}

// checkFields refuses fields that would put a secret or nothing into tokens.
func (o Options) checkFields() error {
	var faults []error
	for _, f := range o.UserFields {
		if f == "" || strings.Contains(strings.ToLower(f), "password") {
			faults = append(faults, fmt.Errorf("user_fields: %q is no field that may stand in a token", f))
		}
	}
	return errors.Join(faults...)
}
