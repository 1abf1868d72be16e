// Package password hashes passwords and checks them against stored hashes.
//
// [New] makes a [Hasher]; its Hash writes one preferred scheme, argon2id unless told otherwise, and its
// Verify reads that and everything older systems have left behind: the formats of Django, passlib,
// Werkzeug, PHP and crypt(3), and the PHC strings of argon2 and scrypt. After a successful Verify,
// [Hasher.NeedsUpgrade] says whether the hash should be written anew. Where no user is found, call
// [Hasher.Dummy], so that the answer takes as long as for one who exists. [Weak] judges a password
// somebody wants to set.
//
// Three things are promised about every stored hash, however it got into the table. Its cost is bounded
// before any work is done (limits.go). It is read strictly: what its own library would not read, or would
// have written otherwise, is refused. And a password is never cut: where bcrypt would read only 72 bytes, the
// longer password is refused.
//
// A password is a string of bytes. It is not normalised, trimmed or changed in case, since none of the
// systems whose hashes are read did so.
package password

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	defaultWait      = 2 * time.Second
	defaultMaxLength = 1024
)

// Errors of Hash, Verify and Dummy.
var (
	// ErrMismatch: the password is not the one that was hashed.
	ErrMismatch = errors.New("password: does not match")
	// ErrUnsupported: the stored hash is in no format known here, is malformed, or costs more than is allowed.
	ErrUnsupported = errors.New("password: stored hash is unsupported, malformed or too costly")
	// ErrBusy: no slot came free in time. The error itself is a *BusyError.
	ErrBusy = errors.New("password: too many hashes under way")
	// ErrTooLong: the password is longer than Config.MaxLength or than the preferred scheme reads.
	ErrTooLong = errors.New("password: too long")
	// ErrNUL: the password contains a zero byte, which the preferred scheme cannot tell from its end.
	ErrNUL = errors.New("password: contains a zero byte")
)

// A BusyError says that no slot came free within Config.Wait. errors.Is(err, ErrBusy) holds.
type BusyError struct {
	// RetryAfter is how long a caller should stay away: whole seconds, at least one.
	RetryAfter time.Duration
}

// Error says how long to stay away.
func (e *BusyError) Error() string { return fmt.Sprintf("%v: retry after %v", ErrBusy, e.RetryAfter) }

// Unwrap returns ErrBusy.
func (e *BusyError) Unwrap() error { return ErrBusy }

// Config says how a Hasher works. Its zero value is safe and useful.
type Config struct {
	// Preferred is what Hash writes and what NeedsUpgrade measures others by. Default: argon2id with 19 MiB,
	// two passes and one lane.
	Preferred Params
	// Concurrent is how many hashes may be computed at once; the rest wait in order of arrival. Default:
	// runtime.GOMAXPROCS(0), since more would only take memory. Memory in use is at most Concurrent times that
	// of the dearest stored hash, which is bounded to 256 MiB.
	Concurrent int
	// Wait is how long a call waits for its turn before it is refused with a *BusyError. Default: 2 s.
	Wait time.Duration
	// MaxLength is the longest password taken, in bytes. Default: 1024. A longer one is refused before any
	// work, whoever's it is.
	MaxLength int
}

// A Hasher hashes and verifies passwords. Make one with New for the whole process: its slots are what bounds
// the processor time and memory that sign-ins can take. It is immutable and safe for concurrent use.
type Hasher struct {
	preferred Params
	class     string // of preferred
	maxLength int
	slots     slots
}

// New checks c, reporting all faults at once, and returns a Hasher.
func New(c Config) (*Hasher, error) {
	var faults []error
	if c.Concurrent < 0 {
		faults = append(faults, fmt.Errorf("password: Concurrent is %d, want 0 or more", c.Concurrent))
	}
	if c.Wait < 0 {
		faults = append(faults, fmt.Errorf("password: Wait is %v, want 0 or more", c.Wait))
	}
	if c.MaxLength < 0 {
		faults = append(faults, fmt.Errorf("password: MaxLength is %d, want 0 or more", c.MaxLength))
	}
	preferred, err := c.Preferred.resolve()
	if err != nil {
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if c.Wait == 0 {
		c.Wait = defaultWait
	}
	if c.MaxLength == 0 {
		c.MaxLength = defaultMaxLength
	}
	return &Hasher{
		preferred: preferred,
		class:     Class(preferred.sample()),
		maxLength: c.MaxLength,
		slots:     newSlots(c.Concurrent, c.Wait),
	}, nil
}

// Hash returns the encoded hash of a password in the preferred scheme, with a fresh random salt. Errors:
// ErrTooLong, ErrNUL, *BusyError, and ctx's own while waiting.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if len(password) > h.maxLength {
		return "", ErrTooLong
	}
	if err := h.preferred.accepts(password); err != nil {
		return "", err
	}
	release, err := h.slots.take(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	return h.preferred.hash([]byte(password))
}

// Verify reports whether encoded is a hash of password: nil if it is, else ErrMismatch. Other errors:
// ErrUnsupported, *BusyError, and ctx's own while waiting. A password that the stored scheme cannot take whole
// is a mismatch.
//
// ErrUnsupported comes at once. A caller who would not have it show that the user exists calls Dummy then.
func (h *Hasher) Verify(ctx context.Context, password, encoded string) error {
	return h.VerifyFrom(ctx, password, encoded, func() {})
}

// VerifyFrom is Verify, and calls begun when the work itself begins: after the wait for a slot, so that a caller
// who makes refusals equally long does not count the wait.
func (h *Hasher) VerifyFrom(ctx context.Context, password, encoded string, begun func()) error {
	s, ok := decode(encoded)
	if !ok {
		return ErrUnsupported
	}
	return h.compare(ctx, password, s, begun)
}

// Dummy does the work of verifying a hash of the preferred scheme and returns ErrMismatch, for a login nobody
// has. Other errors as with Verify.
func (h *Hasher) Dummy(ctx context.Context, password string) error {
	return h.DummyFrom(ctx, password, func() {})
}

// DummyFrom is Dummy, and calls begun as VerifyFrom does.
func (h *Hasher) DummyFrom(ctx context.Context, password string, begun func()) error {
	// The digest is random, so no password matches it; it need not be kept, since making it costs nothing.
	return h.VerifyFrom(ctx, password, h.preferred.sample(), begun)
}

// compare matches within a slot.
func (h *Hasher) compare(ctx context.Context, password string, s stored, begun func()) error {
	if len(password) > h.maxLength {
		return ErrMismatch
	}
	release, err := h.slots.take(ctx)
	if err != nil {
		return err
	}
	defer release()
	begun()
	if !s.match([]byte(password)) {
		return ErrMismatch
	}
	return nil
}

// NeedsUpgrade reports whether encoded is of another scheme, spelling or cost than the preferred one, and so
// should be replaced by Hash after a successful Verify. It is false for what Verify would not read. A preferred
// scheme may refuse a password that the old one took (ErrTooLong, ErrNUL); the old hash stays then.
func (h *Hasher) NeedsUpgrade(encoded string) bool {
	c := Class(encoded)
	return c != "" && c != h.class
}

// Class is the function Class, for callers who hold a Hasher.
func (h *Hasher) Class(encoded string) string { return Class(encoded) }

// Class names the scheme of a stored hash with its cost, such as "argon2id m=19456 t=2 p=1" or "bcrypt 12":
// what two hashes have in common that take equally long. It is empty for what Verify would not read, and never
// contains salt or digest.
func Class(encoded string) string {
	s, ok := decode(encoded)
	if !ok {
		return ""
	}
	if s.cost == "" {
		return s.scheme
	}
	return s.scheme + " " + s.cost
}
