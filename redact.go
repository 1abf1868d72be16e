package watchword

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// What must not be printed has three methods: String; Format, by which every
// verb of package fmt prints String; and LogValue, without which a handler
// that writes JSON would write the fields. Where nobody has a reason to encode
// the value, MarshalJSON covers values that hold it.

func write(f fmt.State, s fmt.Stringer) { _, _ = io.WriteString(f, s.String()) }

// String shows the login and never the password.
func (c Credentials) String() string { return "credentials of " + c.Login }

// Format writes String for every verb.
func (c Credentials) Format(f fmt.State, _ rune) { write(f, c) }

// LogValue shows the login and never the password.
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(slog.String("login", c.Login), slog.String("password", redacted))
}

// MarshalJSON writes the login and never the password.
func (c Credentials) MarshalJSON() ([]byte, error) {
	return append(appendMember(nil, '{', "login", c.Login), '}'), nil
}

// LogValue shows the login and never the password.
func (r SignInRequest) LogValue() slog.Value { return r.Credentials.LogValue() }

// String shows neither token.
func (t Tokens) String() string { return "tokens " + redacted }

// Format writes String for every verb.
func (t Tokens) Format(f fmt.State, _ rune) { write(f, t) }

// LogValue shows neither token.
func (t Tokens) LogValue() slog.Value { return slog.StringValue(redacted) }

// String shows no token.
func (r RefreshRequest) String() string { return "refresh request " + redacted }

// Format writes String for every verb.
func (r RefreshRequest) Format(f fmt.State, _ rune) { write(f, r) }

// LogValue shows no token.
func (r RefreshRequest) LogValue() slog.Value { return slog.StringValue(redacted) }

// String shows no token.
func (r SignOutRequest) String() string { return "sign-out request " + redacted }

// Format writes String for every verb.
func (r SignOutRequest) Format(f fmt.State, _ rune) { write(f, r) }

// LogValue shows no token.
func (r SignOutRequest) LogValue() slog.Value { return slog.StringValue(redacted) }

// String shows no password.
func (p PasswordChange) String() string { return "password change " + redacted }

// Format writes String for every verb.
func (p PasswordChange) Format(f fmt.State, _ rune) { write(f, p) }

// LogValue shows no password.
func (p PasswordChange) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON writes no password.
func (p PasswordChange) MarshalJSON() ([]byte, error) { return appendText(nil, redacted), nil }

// String shows the login and never the password.
func (r SignUpRequest) String() string { return "sign-up of " + r.User.Login + " " + redacted }

// Format writes String for every verb.
func (r SignUpRequest) Format(f fmt.State, _ rune) { write(f, r) }

// LogValue shows the login and never the password.
func (r SignUpRequest) LogValue() slog.Value {
	return Credentials{Login: r.User.Login}.LogValue()
}

// MarshalJSON writes the login and never the password.
func (r SignUpRequest) MarshalJSON() ([]byte, error) {
	return Credentials{Login: r.User.Login}.MarshalJSON()
}

// String shows the login and not the hash of the password.
func (n NewUser) String() string { return "new user " + n.Login }

// Format writes String for every verb.
func (n NewUser) Format(f fmt.State, _ rune) { write(f, n) }

// LogValue shows the login and not the hash of the password.
func (n NewUser) LogValue() slog.Value { return slog.StringValue(n.Login) }

// String shows none of what is changed, the hash of a password among it.
func (c UserChange) String() string { return "user change " + redacted }

// Format writes String for every verb.
func (c UserChange) Format(f fmt.State, _ rune) { write(f, c) }

// LogValue shows none of what is changed.
func (c UserChange) LogValue() slog.Value { return slog.StringValue(redacted) }

// String shows the issuer and no key.
func (c Config) String() string { return "configuration of " + c.Issuer }

// Format writes String for every verb.
func (c Config) Format(f fmt.State, _ rune) { write(f, c) }

// LogValue shows the issuer and no key.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String shows the issuer and no key.
func (a *Authority) String() string { return "authority " + a.c.Issuer }

// Format writes String for every verb.
func (a *Authority) Format(f fmt.State, _ rune) { write(f, a) }

// LogValue shows the issuer and no key.
func (a *Authority) LogValue() slog.Value { return slog.StringValue(a.String()) }
