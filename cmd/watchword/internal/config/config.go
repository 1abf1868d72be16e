// Package config finds out what the operator wants: from flags, environment,
// one TOML file and defaults, in this order. It is the only reader of any of
// them, and of the files that settings name.
//
// [Load] reports all faults together, each with the key that caused it.
package config

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/password"
)

// Config is all settings, checked. Its parts are named as the sections of the
// file.
type Config struct {
	Issuer    string // "": the address really listened on
	Audience  string // "": the issuer
	Addr      string
	DB        string
	Transport string

	HTTP      HTTP
	TLS       TLS
	Lifetimes Lifetimes
	Limits    Limits
	Signup    Signup
	Users     Users
	Sessions  Sessions
	Password  Password
	Admin     AdminPages
	Docs      Docs
	Keys      Keys
	Audit     Audit
	Log       Log
	Dialects  []Dialect
	Gate      Gate
}

// HTTP says who may ask from where.
type HTTP struct {
	Origins        []string       // of front-ends elsewhere, such as https://app.example.com
	TrustedProxies []netip.Prefix // who may say X-Forwarded-For and X-Forwarded-Proto
}

// TLS says how connections are encrypted; the zero value: not at all.
type TLS struct {
	Cert, Key  string // files, read again when they change
	SelfSigned bool
}

// On reports whether the server speaks TLS.
func (t TLS) On() bool { return t.SelfSigned || t.Cert != "" }

// Lifetimes of tokens and sessions.
type Lifetimes struct {
	Access, Refresh, Session time.Duration
	Grace                    time.Duration // 0: none
}

// Rotation returns the grace window in the engine's terms.
func (l Lifetimes) Rotation() watchword.Rotation {
	if l.Grace == 0 {
		return watchword.Rotation{Grace: watchword.NoGrace}
	}
	return watchword.Rotation{Grace: l.Grace}
}

// Limits says whether attempts to sign in are counted.
type Limits struct{ Enabled bool }

// Signup says whether strangers may make accounts.
type Signup struct{ Enabled bool }

// Sessions says what is kept of where somebody signed in from.
type Sessions struct {
	Address string // "truncated", "full" or "none"
}

// Form returns the form of addresses in the engine's terms.
func (s Sessions) Form() watchword.AddressForm {
	switch s.Address {
	case "full":
		return watchword.AddressFull
	case "none":
		return watchword.AddressNone
	default:
		return watchword.AddressTruncated
	}
}

// Password says how passwords are hashed.
type Password struct {
	Preferred string
	Params    password.Params // read from Preferred
}

// AdminPages says whether there are pages for people.
type AdminPages struct{ Enabled bool }

// Docs says whether strangers may read what there is to call.
type Docs struct{ Enabled bool }

// Keys says with what tokens are signed.
type Keys struct {
	Algorithm   jwt.Algorithm
	RotateEvery time.Duration // 0: never
	SealFile    string        // "": beside the database
	SecretFile  string
	Secret      *jwt.Key // read from SecretFile; nil: keys live in the database
}

// Audit says what stands in the audit log, and for how long.
type Audit struct {
	Keep           time.Duration // entries are removed at this age
	MaxEntries     int           // only the newest so many are kept; 0: all
	SampleVerified int           // one in so many verified tokens; 0: none
}

// Log says what is written to standard error.
type Log struct {
	Level  slog.Level
	Format string // "text" or "json"
}

// Default returns the settings of one who has set nothing.
func Default() Config {
	return Config{
		Addr:      "127.0.0.1:8080",
		DB:        "sqlite:watchword.db",
		Transport: "json",
		Lifetimes: Lifetimes{
			Access: watchword.DefaultAccessLifetime, Refresh: watchword.DefaultRefreshLifetime,
			Session: watchword.DefaultSessionLifetime, Grace: watchword.DefaultGrace,
		},
		Limits:   Limits{Enabled: true},
		Gate:     Gate{Addr: "127.0.0.1:9091", Lifetime: 30 * time.Second, MaxStale: 30 * time.Second},
		Users:    Users{Table: "auth_user", Groups: true},
		Sessions: Sessions{Address: "truncated"},
		Password: Password{Preferred: password.Schemes()[0]},
		Admin:    AdminPages{Enabled: true},
		Docs:     Docs{Enabled: true},
		Keys:     Keys{Algorithm: jwt.ES256, RotateEvery: watchword.DefaultRotateKeys},
		Audit:    Audit{Keep: 90 * 24 * time.Hour, MaxEntries: 1_000_000},
		Log:      Log{Level: slog.LevelInfo, Format: "text"},
	}
}
