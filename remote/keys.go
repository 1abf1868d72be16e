package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
)

// The defaults of KeysConfig.
const (
	defaultMinInterval = 30 * time.Second
	defaultMaxStale    = 24 * time.Hour
	defaultTimeout     = 10 * time.Second
)

// maxWaiting bounds the callers that wait for one fetch. Who sends rubbish
// while the authority is slow must not be able to pile up requests here.
const maxWaiting = 1024

// KeysConfig says which keys to follow, and within which bounds. Exactly one
// of URL and Issuer is needed; every other field may be left zero.
type KeysConfig struct {
	// URL is where the key set is. It is https, or http on loopback (OWASP
	// ASVS 12.2.1), and is asked as it stands: redirects are refused.
	URL string
	// Issuer, in place of URL, finds the key set by RFC 8414 before each fetch.
	Issuer string
	// File keeps the last good set over restarts, so that a service can start
	// while the authority is down. It is written whole or not at all, with
	// mode 0600. Its directory must exist, and nobody else may be able to
	// write to it: who can, decides whose tokens are good. "" keeps nothing.
	File string
	// MinInterval lies at least between the beginnings of two fetches, also
	// across a restart with File. A key id that is not known costs at most one
	// fetch per interval for all callers together. Default 30 s.
	MinInterval time.Duration
	// MaxStale is how long after the last good fetch keys still count. This
	// bounds an outage that is ridden out, and also how long a withdrawn key
	// lives on where somebody cuts this service off. At least twice
	// MinInterval. Default 24 h.
	MaxStale time.Duration
	// Timeout bounds one fetch, discovery included. Default 10 s.
	Timeout time.Duration
	// Transport makes the requests: for a private certificate authority or a
	// proxy. nil is one of our own, with the system's certificates, TLS 1.2 or
	// newer, and no proxy.
	Transport http.RoundTripper
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Keys are the public keys of an authority elsewhere: a [jwt.KeySource] that
// fetches them ahead of need. Looking up a key that is held takes no lock and
// never waits for the network.
//
// The set is fetched anew before the age that Cache-Control gives it is over
// (at four fifths; after 5 min where none is given; never sooner than
// MinInterval nor later than an hour), and at once when a token names a key
// that is not in it, unless the last fetch began less than MinInterval ago.
// That interval is also the negative cache: a key id that the last answer did
// not hold is unknown until the interval is over, and since nothing is kept
// per id, no storm of invented ids fills any memory.
//
// A set replaces the former one as a whole, so a key that the authority
// withdraws counts no more. An answer that is no good set of public keys
// counts as an outage: the set held stays in use until it is MaxStale old, then
// every token is refused with [watchword.Unavailable].
//
// Make it with [NewKeys] and end it with Close. Safe for concurrent use.
type Keys struct {
	c      KeysConfig
	client *http.Client
	ctx    context.Context // of fetches; ended by Close
	cancel context.CancelFunc
	work   sync.WaitGroup // every goroutine of Keys

	set     atomic.Pointer[keySet] // nil: none yet
	waiting atomic.Int64

	mu     sync.Mutex
	flying bool          // a fetch is in the air
	over   chan struct{} // closed when it, or else the next one, is over
	tried  time.Time     // when the last fetch began
	err    error         // of the last fetch; why there are no newer keys
	stats  KeysStats     // Fetches and Failures

	saving  sync.Mutex // orders writes to File
	fileErr atomic.Pointer[error]
}

// keySet is one good answer. It is never changed.
type keySet struct {
	keys    jwt.KeySet
	raw     []byte
	print   string        // equal for sets of the same keys
	fetched time.Time     // by the wall clock, so that a sleeping machine's keys age too
	fresh   time.Duration // how long after that to fetch again
	fetch   uint64        // which one it came by; 0: from the file
	version uint64        // even; the odd one above it is this set's when too old
}

// NewKeys checks c, reads File, and begins to follow the keys in the
// background. All faults of c are reported together; a network that is down or
// a File that cannot be used is none of them (see [KeysStats]): the service may
// start, and refuses with [watchword.Unavailable] until there are keys. Use
// [Keys.Wait] to start only with keys.
func NewKeys(c KeysConfig) (*Keys, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	k := &Keys{
		c:      c,
		client: newClient(c.Transport),
		over:   make(chan struct{}),
		err:    errors.New("no keys fetched yet"),
	}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	if c.File != "" {
		k.load()
	}
	k.work.Go(k.follow)
	return k, nil
}

// complete checks c and fills in the defaults.
func (c *KeysConfig) complete() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("keys: "+format, args...))
	}
	switch {
	case (c.URL == "") == (c.Issuer == ""):
		fault("exactly one of URL and Issuer must be set")
	case c.URL != "":
		if _, err := parseURL(c.URL); err != nil {
			fault("URL: %w", err)
		}
	default:
		if _, err := metadataURL(c.Issuer); err != nil {
			fault("Issuer: %w", err)
		}
	}
	for _, d := range []struct {
		name  string
		value *time.Duration
		def   time.Duration
	}{
		{"MinInterval", &c.MinInterval, defaultMinInterval},
		{"MaxStale", &c.MaxStale, defaultMaxStale},
		{"Timeout", &c.Timeout, defaultTimeout},
	} {
		if *d.value < 0 {
			fault("%s is negative", d.name)
		}
		if *d.value == 0 {
			*d.value = d.def
		}
	}
	if c.MaxStale/2 < c.MinInterval {
		fault("MaxStale %s is less than twice MinInterval %s", c.MaxStale, c.MinInterval)
	}
	if c.File != "" {
		if info, err := os.Stat(filepath.Dir(c.File)); err != nil {
			fault("File: %w", err)
		} else if !info.IsDir() {
			fault("File: %s is no directory", filepath.Dir(c.File))
		}
	}
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the default of Now, the one place where this package takes the clock
	}
	return errors.Join(faults...)
}

// VerifyingKeys returns the keys that may verify a token with header h. Only a
// key that is not held is waited for, within ctx, and only where a fetch is in
// the air or may begin now.
//
// Errors: [jwt.ErrUnknownKey] when the authority's newest answer holds no such
// key; [watchword.Unavailable], with the time to wait, when there is no such
// answer: the last fetch failed, the keys held are too old, ctx ended, or too
// many wait already.
func (k *Keys) VerifyingKeys(ctx context.Context, h jwt.Header) ([]*jwt.Key, error) {
	keys, err := k.look(ctx, h)
	// A set never holds secrets, so a token that claims one is not worth a fetch.
	if !errors.Is(err, jwt.ErrUnknownKey) || h.Algorithm.Symmetric() {
		return keys, err
	}
	if err := k.await(ctx); err != nil {
		return nil, err
	}
	keys, err = k.look(ctx, h)
	if errors.Is(err, jwt.ErrUnknownKey) {
		err = k.missing(err)
	}
	return keys, err
}

// look finds a key in the set held.
func (k *Keys) look(ctx context.Context, h jwt.Header) ([]*jwt.Key, error) {
	s := k.set.Load()
	if s == nil {
		return jwt.KeySet(nil).VerifyingKeys(ctx, h)
	}
	keys, err := s.keys.VerifyingKeys(ctx, h)
	if err == nil && k.tooOld(s) {
		return nil, k.unavailable(fmt.Errorf("keys fetched at %s are too old", s.fetched.UTC().Format(time.RFC3339)))
	}
	return keys, err
}

// await waits for the fetch in the air, or one that it begins. It returns nil
// at once where none may begin yet.
func (k *Keys) await(ctx context.Context) error {
	over := k.begin()
	if over == nil {
		return nil
	}
	defer k.waiting.Add(-1)
	if k.waiting.Add(1) > maxWaiting {
		return k.unavailable(errors.New("too many wait for keys"))
	}
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: waiting for keys: %w", watchword.Unavailable, context.Cause(ctx))
	}
}

// missing judges a key that is not held: unknown where the authority's newest
// answer counts, else it may be a good one that could not be fetched.
func (k *Keys) missing(unknown error) error {
	k.mu.Lock()
	last := k.err
	k.mu.Unlock()
	switch {
	case last != nil:
		return k.unavailable(last)
	case k.tooOld(k.set.Load()): // without an error there is one
		return k.unavailable(errors.New("the keys held are too old"))
	default:
		return unknown
	}
}

// unavailable says to come back when the next fetch may have begun.
func (k *Keys) unavailable(reason error) error {
	k.mu.Lock()
	after := max(time.Second, k.pause(k.c.Now()))
	k.mu.Unlock()
	return fmt.Errorf("%w: %w", &watchword.RetryError{Code: watchword.Unavailable, After: after}, reason)
}

// tooOld reports whether a set counts no more. An age below zero, from a clock
// that was set back, counts as zero.
func (k *Keys) tooOld(s *keySet) bool {
	return k.c.Now().Sub(s.fetched) >= k.c.MaxStale
}

// document returns the set held as it was fetched.
func (k *Keys) document() ([]byte, error) {
	s := k.set.Load()
	if s == nil || k.tooOld(s) {
		return nil, k.unavailable(errors.New("no keys that count are held"))
	}
	return slices.Clone(s.raw), nil
}

// expedite begins a fetch whatever MinInterval says, once the one in the air
// is over: the authority itself has said, over its feed, that its keys
// changed.
func (k *Keys) expedite() {
	k.mu.Lock()
	k.tried = time.Time{}
	k.mu.Unlock()
	k.begin()
}

// begun returns how many fetches have begun.
func (k *Keys) begun() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stats.Fetches
}

// after reports whether the set held came by a fetch after that many. A file's
// set came by none.
func (k *Keys) after(fetches uint64) bool {
	s := k.set.Load()
	return s != nil && s.fetch > fetches
}

// Version changes whenever other keys count than before: it grows when a
// fetched set differs from the one held, and when that one gets too old. 0
// means that there never was one. A [watchword.Verified] hangs on it.
func (k *Keys) Version() uint64 {
	s := k.set.Load()
	switch {
	case s == nil:
		return 0
	case k.tooOld(s):
		return s.version + 1
	default:
		return s.version
	}
}

// Wait returns nil as soon as there are keys that count, from File or from the
// authority, and [watchword.Unavailable] with the fault of the last fetch when
// ctx ends or Close is called before that.
func (k *Keys) Wait(ctx context.Context) error {
	for {
		k.mu.Lock()
		over, last := k.over, k.err
		k.mu.Unlock()
		if s := k.set.Load(); s != nil && !k.tooOld(s) {
			return nil
		}
		select {
		case <-over:
		case <-ctx.Done():
			return errors.Join(k.unavailable(context.Cause(ctx)), last)
		case <-k.ctx.Done():
			return errors.Join(k.unavailable(errors.New("keys are closed")), last)
		}
	}
}

// Close ends all fetching and returns when nothing of k runs any more. Keys
// held count on until they are too old; others are refused at once.
func (k *Keys) Close() {
	k.mu.Lock() // begin starts nothing after this
	k.cancel()
	k.mu.Unlock()
	k.work.Wait()
}

// KeysStats says how following the keys goes.
type KeysStats struct {
	Keys     int           // in the set held; 0 when none counts
	Age      time.Duration // of that set, since it was last fetched; 0 without one
	Fetches  uint64        // begun, discovery and set counted as one
	Failures uint64        // fetches without a good set
	// LastError is why the last fetch failed; nil after a good one.
	LastError error
	// FileError is why File could not be read or written last; nil if it could.
	FileError error
}

// Stats returns the figures of this moment. It is meant for metrics and
// readiness, and cheap.
func (k *Keys) Stats() KeysStats {
	k.mu.Lock()
	s := k.stats
	s.LastError = k.err
	k.mu.Unlock()
	if err := k.fileErr.Load(); err != nil {
		s.FileError = *err
	}
	if set := k.set.Load(); set != nil {
		s.Age = max(0, k.c.Now().Sub(set.fetched))
		if !k.tooOld(set) {
			s.Keys = len(set.keys)
		}
	}
	return s
}
