package dialect

import (
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

// Upstream is an authority elsewhere that a dialect asks, in place of an engine
// here. Whoever mounts the dialect makes the service from it: see package
// remote/easyjwt.
type Upstream struct {
	URL string
	// Paths of its routes, below URL. User may hold {user_id}.
	TokenPath, RefreshPath, VerifyPath, UserPath, PasswordChangePath, BlacklistPath string
	Timeout                                                                         time.Duration
	// InsecureSkipVerify takes any certificate.
	InsecureSkipVerify bool

	LoginField         string // what it calls the login
	IDField, IDClaim   string // the user's id in records and in tokens
	HeaderName, Scheme string // how it is shown a user's token

	// Keys verify its tokens here, where the settings have one; nil and no
	// KeysURL of the dialect: it is asked about each.
	Keys             jwt.KeySource
	Audience, Issuer string        // of tokens verified here; "": any
	Leeway           time.Duration // likewise
	// Cache is how long its word about a token counts.
	Cache time.Duration

	// SessionLifetime is that of sign-ins on pages.
	SessionLifetime time.Duration
	// LocalUsers may sign in on pages too, before it is asked.
	LocalUsers bool
}
