package watchword

import (
	"context"
	"time"
)

// EventKind says what happened. The numbers are ours alone; the text is
// stable.
type EventKind uint8

// The kinds of events.
const (
	SignedIn EventKind = iota + 1
	SignInFailed
	Refreshed
	RefreshRepeated // the same successor again, inside the grace window
	RefreshExtended // a refresh token with a new date, by [RefreshRequest].Renew
	Reused          // a refresh token shown again: the session was ended
	SignedOut
	PasswordChanged
	Revoked // a session, token or user was ended by somebody else
	ClientAuthenticated
	UserChanged
	KeyChanged
	TokenVerified // one of Config.SampleVerified
	Denied        // an administrative action that somebody may not do
)

var eventNames = [...]string{
	SignedIn: "signed_in", SignInFailed: "sign_in_failed", Refreshed: "refreshed",
	RefreshRepeated: "refresh_repeated", RefreshExtended: "refresh_extended", Reused: "reused", SignedOut: "signed_out",
	PasswordChanged: "password_changed",
	Revoked:         "revoked", ClientAuthenticated: "client_authenticated",
	UserChanged: "user_changed", KeyChanged: "key_changed", TokenVerified: "verified",
	Denied: "denied",
}

// String returns the kind's snake_case name.
func (k EventKind) String() string {
	if int(k) >= len(eventNames) || eventNames[k] == "" {
		return "unknown"
	}
	return eventNames[k]
}

// Event is something that has happened. It carries no secret.
type Event struct {
	Kind    EventKind
	At      time.Time
	Profile string
	UserID  string // "" where it is not known
	Login   string // as typed, for failed sign-ins; bounded to 256 bytes
	Session int64  // number; 0 for none
	Client  Client
	Code    Code // why, for failures; else Internal and to be ignored
	// Actor is who did it, where that is another than whom it is about:
	// "user:7", "client:client_…", "command line".
	Actor  string
	Detail string // for people
}

// AuditEntry is an event as the audit log keeps it.
type AuditEntry struct {
	ID int64 // in order of writing
	At time.Time
	// Kind is the event's name, such as "signed_in".
	Kind    string
	Profile string
	UserID  string
	Login   string
	Session int64
	Address string
	Device  string
	Code    string // "" for what went well
	Actor   string // who did it, as in [Event]
	Detail  string
}

// AuditFilter selects entries, newest first.
type AuditFilter struct {
	Kind   string
	UserID string    // whom it is about
	Actor  string    // who did it
	Since  time.Time // not before this
	Before int64     // ids below this one; 0: from the newest
	Limit  int       // 0 means 100
}

// AuditLog keeps events.
type AuditLog interface {
	AppendAudit(ctx context.Context, entries []AuditEntry) error
	ListAudit(ctx context.Context, f AuditFilter) ([]AuditEntry, error)
}

// AuditTrimmer is optional for an AuditLog: TrimAudit removes all but the
// newest keep entries, in small transactions, and returns how many it
// removed.
type AuditTrimmer interface {
	TrimAudit(ctx context.Context, keep int) (int, error)
}
