package watchword

import (
	"context"
	"time"
)

// KeyRecord is a signing key as a store keeps it: its material is sealed by
// the authority, so that a leaked database alone signs nothing.
type KeyRecord struct {
	ID        string
	Algorithm string
	State     string // "next", "active", "retiring" or "gone"
	Imported  bool   // not made by us, so not rotated by us
	Sealed    []byte
	CreatedAt time.Time
	// StateAt is when the key came into its state.
	StateAt time.Time
}

// KeyStore keeps the key ring. Version counts its changes, so that of two
// processes that change it at once one gets Conflict and reads again.
type KeyStore interface {
	// Keys returns all records of the ring with that name, and the version.
	Keys(ctx context.Context, ring string) (records []KeyRecord, version int64, err error)
	// PutKeys replaces all records of the ring where the version still
	// stands, else it returns Conflict; a KeyFact is written with it that
	// lives until `until`.
	PutKeys(ctx context.Context, ring string, version int64, records []KeyRecord, until, at time.Time) error
}

// ClientRecord is a machine client. Of its secret the store has a hash only.
type ClientRecord struct {
	ID         string
	Name       string // unique
	SecretHash []byte // SHA-256: the secret is 32 random bytes, nothing to guess
	Scopes     []string
	// UserFields are those of users' records that the client may copy; nil:
	// none, and no user is shown to it.
	UserFields []string
	CreatedAt  time.Time
}

// Clients keeps machine clients.
type Clients interface {
	// CreateClient returns Conflict where the name is taken.
	CreateClient(ctx context.Context, c ClientRecord) error
	// ClientByID returns NotFound for an unknown id.
	ClientByID(ctx context.Context, id string) (ClientRecord, error)
	ListClients(ctx context.Context) ([]ClientRecord, error)
	// SetClientSecret returns NotFound for an unknown name.
	SetClientSecret(ctx context.Context, name string, hash []byte) (ClientRecord, error)
	DeleteClient(ctx context.Context, name string) error
}

// Meta keeps small named values of the installation, such as the id of the
// database.
type Meta interface {
	// Meta returns NotFound where the name was never set.
	Meta(ctx context.Context, name string) ([]byte, error)
	SetMeta(ctx context.Context, name string, value []byte) error
}
