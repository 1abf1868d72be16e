package watchword

import "log/slog"

const redacted = "[redacted]"

// String shows the login and never the password.
func (c Credentials) String() string { return "credentials of " + c.Login }

// GoString is what %#v prints.
func (c Credentials) GoString() string { return c.String() }

// LogValue shows the login and never the password.
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(slog.String("login", c.Login), slog.String("password", redacted))
}

// String shows neither token.
func (t Tokens) String() string { return "tokens " + redacted }

// GoString is what %#v prints.
func (t Tokens) GoString() string { return t.String() }

// LogValue shows neither token.
func (t Tokens) LogValue() slog.Value { return slog.StringValue(redacted) }

// String shows no token.
func (r RefreshRequest) String() string { return "refresh request " + redacted }

// GoString is what %#v prints.
func (r RefreshRequest) GoString() string { return r.String() }

// LogValue shows no token.
func (r RefreshRequest) LogValue() slog.Value { return slog.StringValue(redacted) }

// String shows no token.
func (r SignOutRequest) String() string { return "sign-out request " + redacted }

// GoString is what %#v prints.
func (r SignOutRequest) GoString() string { return r.String() }

// LogValue shows no token.
func (r SignOutRequest) LogValue() slog.Value { return slog.StringValue(redacted) }
