package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

// A setting is one key of the file, one variable and perhaps one flag.
type setting struct {
	key string // as in the file, sections before a dot
	// put sets it from a word, or from a value as TOML has it.
	put func(c *Config, value any) error
	// show returns it as TOML would have it.
	show func(c *Config) any
}

// A word is a value from a flag or the environment, where all is text.
type word string

// variable returns the name of the setting's environment variable.
func (s setting) variable() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

const prefix = "WATCHWORD_"

// settings lists all but the dialects, in the order in which they are shown.
func settings() []setting {
	return []setting{
		text("issuer", func(c *Config) *string { return &c.Issuer }),
		text("audience", func(c *Config) *string { return &c.Audience }),
		text("addr", func(c *Config) *string { return &c.Addr }),
		text("db", func(c *Config) *string { return &c.DB }),
		choice("transport", func(c *Config) *string { return &c.Transport }, "json", "one-cookie", "two-cookies"),
		texts("http.origins", func(c *Config) *[]string { return &c.HTTP.Origins }),
		prefixes("http.trusted_proxies", func(c *Config) *[]netip.Prefix { return &c.HTTP.TrustedProxies }),
		text("tls.cert", func(c *Config) *string { return &c.TLS.Cert }),
		text("tls.key", func(c *Config) *string { return &c.TLS.Key }),
		boolean("tls.self_signed", func(c *Config) *bool { return &c.TLS.SelfSigned }),
		duration("lifetimes.access", func(c *Config) *time.Duration { return &c.Lifetimes.Access }),
		duration("lifetimes.refresh", func(c *Config) *time.Duration { return &c.Lifetimes.Refresh }),
		duration("lifetimes.session", func(c *Config) *time.Duration { return &c.Lifetimes.Session }),
		duration("lifetimes.grace", func(c *Config) *time.Duration { return &c.Lifetimes.Grace }),
		boolean("limits.enabled", func(c *Config) *bool { return &c.Limits.Enabled }),
		boolean("signup.enabled", func(c *Config) *bool { return &c.Signup.Enabled }),
		text("users.dsn", func(c *Config) *string { return &c.Users.DSN }),
		text("users.table", func(c *Config) *string { return &c.Users.Table }),
		texts("users.columns", func(c *Config) *[]string { return &c.Users.Columns }),
		boolean("users.groups", func(c *Config) *bool { return &c.Users.Groups }),
		boolean("users.exact", func(c *Config) *bool { return &c.Users.Exact }),
		boolean("users.upgrade", func(c *Config) *bool { return &c.Users.Upgrade }),
		boolean("users.record_login", func(c *Config) *bool { return &c.Users.RecordLogin }),
		choice("sessions.address", func(c *Config) *string { return &c.Sessions.Address }, "truncated", "full", "none"),
		text("password.preferred", func(c *Config) *string { return &c.Password.Preferred }),
		boolean("admin.enabled", func(c *Config) *bool { return &c.Admin.Enabled }),
		boolean("docs.enabled", func(c *Config) *bool { return &c.Docs.Enabled }),
		algorithm("keys.algorithm", func(c *Config) *jwt.Algorithm { return &c.Keys.Algorithm }),
		duration("keys.rotate_every", func(c *Config) *time.Duration { return &c.Keys.RotateEvery }),
		text("keys.seal_file", func(c *Config) *string { return &c.Keys.SealFile }),
		text("keys.secret_file", func(c *Config) *string { return &c.Keys.SecretFile }),
		duration("audit.keep", func(c *Config) *time.Duration { return &c.Audit.Keep }),
		number("audit.max_entries", func(c *Config) *int { return &c.Audit.MaxEntries }),
		number("audit.sample_verified", func(c *Config) *int { return &c.Audit.SampleVerified }),
		level("log.level", func(c *Config) *slog.Level { return &c.Log.Level }),
		choice("log.format", func(c *Config) *string { return &c.Log.Format }, "text", "json"),
	}
}

// of makes a setting from how its value is read and shown.
func of[T any](key string, field func(*Config) *T, read func(any) (T, error), show func(T) any) setting {
	return setting{
		key: key,
		put: func(c *Config, value any) error {
			v, err := read(value)
			if err == nil {
				*field(c) = v
			}
			return err
		},
		show: func(c *Config) any { return show(*field(c)) },
	}
}

func text(key string, field func(*Config) *string) setting {
	return of(key, field, readText, func(s string) any { return s })
}

func choice(key string, field func(*Config) *string, allowed ...string) setting {
	read := func(value any) (string, error) {
		s, err := readText(value)
		if err == nil && !slices.Contains(allowed, s) {
			err = fmt.Errorf("%q is not one of: %s", s, strings.Join(allowed, ", "))
		}
		return s, err
	}
	return of(key, field, read, func(s string) any { return s })
}

func texts(key string, field func(*Config) *[]string) setting {
	return of(key, field, readTexts, func(list []string) any { return slices.Concat([]string{}, list) })
}

func boolean(key string, field func(*Config) *bool) setting {
	return of(key, field, readBool, func(b bool) any { return b })
}

// number is of what can be counted: never negative.
func number(key string, field func(*Config) *int) setting {
	return of(key, field, readNumber, func(n int) any { return n })
}

func duration(key string, field func(*Config) *time.Duration) setting {
	return of(key, field, readDuration, func(d time.Duration) any { return shortDuration(d) })
}

func algorithm(key string, field func(*Config) *jwt.Algorithm) setting {
	read := func(value any) (jwt.Algorithm, error) {
		s, err := readText(value)
		if err == nil && !jwt.Algorithm(s).Valid() {
			err = fmt.Errorf("%q is unknown: ES256, EdDSA, RS256, PS256, HS256 and their longer kin", s)
		}
		return jwt.Algorithm(s), err
	}
	return of(key, field, read, func(a jwt.Algorithm) any { return string(a) })
}

func level(key string, field func(*Config) *slog.Level) setting {
	read := func(value any) (l slog.Level, err error) {
		s, err := readText(value)
		if err == nil && l.UnmarshalText([]byte(s)) != nil {
			err = fmt.Errorf("%q is not one of: debug, info, warn, error", s)
		}
		return l, err
	}
	return of(key, field, read, func(l slog.Level) any { return strings.ToLower(l.String()) })
}

func prefixes(key string, field func(*Config) *[]netip.Prefix) setting {
	read := func(value any) ([]netip.Prefix, error) {
		list, err := readTexts(value)
		var found []netip.Prefix
		for _, s := range list {
			p, fault := readPrefix(s)
			if fault != nil {
				err = errors.Join(err, fault)
			}
			found = append(found, p)
		}
		return found, err
	}
	show := func(list []netip.Prefix) any {
		shown := []string{}
		for _, p := range list {
			shown = append(shown, p.String())
		}
		return shown
	}
	return of(key, field, read, show)
}

func readPrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", s)
	}
	return p.Masked(), nil
}

func readText(value any) (string, error) {
	switch v := value.(type) {
	case word:
		return string(v), nil
	case string:
		return v, nil
	default:
		return "", fmt.Errorf("want text in quotes, not %s", typeName(value))
	}
}

// readTexts reads an array of texts, or a word with commas.
func readTexts(value any) ([]string, error) {
	var list []string
	switch v := value.(type) {
	case word:
		for part := range strings.SplitSeq(string(v), ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		return list, nil
	case []any:
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, fmt.Errorf("want an array of texts, not of %s", typeName(e))
			}
			list = append(list, s)
		}
		return list, nil
	default:
		return nil, fmt.Errorf("want an array of texts, not %s", typeName(value))
	}
}

func readBool(value any) (bool, error) {
	switch v := value.(type) {
	case bool:
		return v, nil
	case word:
		if b, err := strconv.ParseBool(string(v)); err == nil {
			return b, nil
		}
		return false, fmt.Errorf("%q is neither true nor false", string(v))
	default:
		return false, fmt.Errorf("want true or false, not %s", typeName(value))
	}
}

func readNumber(value any) (int, error) {
	switch v := value.(type) {
	case int64:
		if v >= 0 && v <= math.MaxInt32 {
			return int(v), nil
		}
	case word:
		if n, err := strconv.ParseInt(string(v), 10, 32); err == nil && n >= 0 {
			return int(n), nil
		}
	default:
		return 0, fmt.Errorf("want a whole number, not %s", typeName(value))
	}
	return 0, fmt.Errorf("%v is no whole number from 0 to %d", value, math.MaxInt32)
}

// readDuration reads "5m" or a number of seconds.
func readDuration(value any) (time.Duration, error) {
	switch v := value.(type) {
	case int64:
		return seconds(v)
	case word, string:
		s := fmt.Sprint(v)
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return seconds(n)
		}
		if d, err := time.ParseDuration(s); err == nil {
			return d, nil
		}
		return 0, fmt.Errorf("%q is no duration: write 5m, 24h or seconds", s)
	default:
		return 0, fmt.Errorf("want a duration such as \"5m\" or seconds, not %s", typeName(value))
	}
}

func seconds(n int64) (time.Duration, error) {
	const most = int64(1<<63-1) / int64(time.Second)
	if n > most || n < -most {
		return 0, fmt.Errorf("%d seconds are out of range", n)
	}
	return time.Duration(n) * time.Second, nil
}

// shortDuration writes "5m" where time.Duration would write "5m0s".
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// typeName names a TOML value's type.
func typeName(value any) string {
	switch value.(type) {
	case string:
		return "text"
	case int64:
		return "a whole number"
	case float64:
		return "a fraction"
	case bool:
		return "true or false"
	case []any:
		return "an array"
	case map[string]any:
		return "a table"
	default:
		return "a date"
	}
}
