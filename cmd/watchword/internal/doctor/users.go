package doctor

import (
	"context"
	"net/url"
	"strings"
)

// users judges how another system's table is reached and written.
func users(_ context.Context, p Patient) []Finding {
	var found []Finding
	u := p.Config.Users
	if u.DSN == "" {
		return nil
	}
	if dsn, err := url.Parse(u.DSN); err == nil && strings.HasPrefix(dsn.Scheme, "postgres") {
		// lib/pq asks for TLS unless it is told otherwise.
		if dsn.Query().Get("sslmode") == "disable" && !loopback(dsn.Hostname()) && dsn.Hostname() != "" {
			found = append(found, Finding{"users.dsn", "has sslmode=disable: password hashes can be read on their way", "sslmode=verify-full, and sslrootcert where the authority is your own"})
		}
	}
	if scheme, _, _ := strings.Cut(p.Config.Password.Preferred, " "); u.Upgrade && spelledOtherwise(scheme) {
		found = append(found, Finding{
			"users.upgrade", "hashes are written with the costs of " + p.Config.Password.Preferred + ": where Django prefers another scheme or cost, each undoes what the other writes, and every such change ends the user's sessions",
			"set password.preferred to what Django writes, such as \"pbkdf2_sha256 1200000\" (see users-table.md)",
		})
	}
	return found
}

// spelledOtherwise reports whether a scheme was not named as Django's: then
// nobody has thought of what Django prefers.
func spelledOtherwise(scheme string) bool {
	return !strings.HasPrefix(scheme, "django") && scheme != "argon2" && scheme != "bcrypt_sha256" && !strings.HasPrefix(scheme, "pbkdf2_")
}
