package httpauth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/watchword-auth/watchword"
)

// DigestConfig is what a [Digest] needs.
type DigestConfig struct {
	// Realm is part of every secret: who changes it changes them all. It
	// must not be empty.
	Realm string
	// Secret returns [DigestSecret] of a user and who he is, or NotFound.
	// It should take as long for a user that does not exist. Secrets are as
	// good as passwords: keep them sealed. Guesses are not counted here, so
	// let secrets come from random passwords, or count them.
	Secret func(ctx context.Context, username string) (secret [sha256.Size]byte, who Identity, err error)
	// Lifetime of a nonce; 0 means 5 minutes. A client that shows an older one
	// gets a new one without asking its user.
	Lifetime time.Duration
	// Origin judges unsafe requests, for browsers send digests unasked; nil
	// means the strict zero value.
	Origin *http.CrossOriginProtection
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Digest is HTTP Digest (RFC 7616) with SHA-256 and qop=auth, for devices that
// know nothing else. MD5 is refused, and so is a digest of another request or
// one shown twice: its nonce count must be new. The counts are kept in this
// process, and nonces of another one are not taken, so a client must come
// back to the same node, or it is asked anew each time.
type Digest struct {
	c   DigestConfig
	key []byte

	mu     sync.Mutex
	counts map[string]*nonceCounts
}

// nonceCounts are those used with a nonce: the highest, and which of the 64
// up to it, because requests sent at once overtake each other.
type nonceCounts struct {
	highest uint64
	seen    uint64
	until   time.Time
}

// maxNonces bounds the nonces in use. Only good digests are remembered, so
// strangers cannot fill it.
const maxNonces = 10_000

// errNonceOld is a digest that is good but for its nonce.
var errNonceOld = errors.New("the nonce is too old, or another process's")

// NewDigest checks the configuration.
func NewDigest(c DigestConfig) (*Digest, error) {
	var faults []error
	if c.Realm == "" || quotable(c.Realm) != c.Realm {
		faults = append(faults, fmt.Errorf("realm %q is empty or not plain text", c.Realm))
	}
	if c.Secret == nil {
		faults = append(faults, errors.New("there is no Secret"))
	}
	if c.Lifetime == 0 {
		c.Lifetime = 5 * time.Minute
	}
	if c.Lifetime < time.Second || c.Lifetime > 24*time.Hour {
		faults = append(faults, fmt.Errorf("lifetime %s is outside 1 s to 24 h", c.Lifetime))
	}
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the default of Now
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("httpauth: digest: %w", err)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return &Digest{c: c, key: key, counts: make(map[string]*nonceCounts)}, nil
}

// DigestSecret is what stands for a password in HTTP Digest: H(A1) of RFC
// 7616, section 3.4.2.
func DigestSecret(username, realm, password string) [sha256.Size]byte {
	return sha256.Sum256([]byte(username + ":" + realm + ":" + password))
}

// Authenticate reads the Authorization header.
func (d *Digest) Authenticate(r *http.Request) (Identity, bool, error) {
	text, shown, err := authorization(r, "Digest")
	if !shown || err != nil {
		return Identity{}, shown, err
	}
	if err := checkOrigin(d.c.Origin, r); err != nil {
		return Identity{}, true, err
	}
	who, err := d.authenticate(r, text)
	return who, true, err
}

func (d *Digest) authenticate(r *http.Request, text string) (Identity, error) {
	p, ok := parseAuthParams(text)
	if !ok {
		return Identity{}, refused("unreadable digest")
	}
	count, err := d.checkParams(r, p)
	if err != nil {
		return Identity{}, err
	}
	issued, ours := d.openNonce(p["nonce"])
	if !ours {
		return Identity{}, fmt.Errorf("%w: %w", watchword.InvalidCredentials, errNonceOld)
	}
	secret, who, err := d.c.Secret(r.Context(), p["username"])
	if err != nil {
		return Identity{}, unknown(err)
	}
	want := digestResponse(secret, p["nonce"], p["nc"], p["cnonce"], r.Method, p["uri"])
	if !hmac.Equal([]byte(want), []byte(p["response"])) {
		return Identity{}, refused("wrong digest")
	}
	until := issued.Add(d.c.Lifetime)
	if !d.c.Now().Before(until) {
		return Identity{}, fmt.Errorf("%w: %w", watchword.InvalidCredentials, errNonceOld)
	}
	if err := d.use(p["nonce"], count, until); err != nil {
		return Identity{}, err
	}
	who.Scheme = or(who.Scheme, "Digest")
	return who, nil
}

// checkParams looks at all that needs no secret, and returns the nonce count.
func (d *Digest) checkParams(r *http.Request, p map[string]string) (uint64, error) {
	target := r.RequestURI
	if target == "" {
		target = r.URL.RequestURI()
	}
	switch {
	case p["realm"] != d.c.Realm:
		return 0, refused("digest for another realm")
	case !strings.EqualFold(p["algorithm"], "SHA-256"):
		return 0, refused("digest by another algorithm than SHA-256") // none means MD5
	case p["qop"] != "auth":
		return 0, refused("digest without qop=auth") // as of RFC 2069, which has no count
	case p["uri"] != target:
		return 0, refused("digest of another request target")
	case p["username"] == "" || p["cnonce"] == "" || len(p["response"]) != 2*sha256.Size || len(p["nc"]) != 8:
		return 0, refused("digest without all its parts")
	}
	count, err := strconv.ParseUint(p["nc"], 16, 32)
	if err != nil || count == 0 {
		return 0, refused("digest without a nonce count")
	}
	return count, nil
}

// digestResponse is RFC 7616, section 3.4.1.
func digestResponse(secret [sha256.Size]byte, nonce, nc, cnonce, method, uri string) string {
	hash := func(parts ...string) string {
		sum := sha256.Sum256([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(sum[:])
	}
	return hash(hex.EncodeToString(secret[:]), nonce, nc, cnonce, "auth", hash(method, uri))
}

// use notes a nonce count, and refuses one that was used before or is too far
// behind to tell.
func (d *Digest) use(nonce string, count uint64, until time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.counts[nonce]
	if c == nil {
		if len(d.counts) >= maxNonces {
			d.forget()
		}
		if len(d.counts) >= maxNonces {
			return &watchword.RetryError{Code: watchword.Unavailable, After: time.Second}
		}
		c = &nonceCounts{until: until}
		d.counts[nonce] = c
	}
	if count > c.highest {
		c.seen = c.seen<<(count-c.highest) | 1
		c.highest = count
		return nil
	}
	bit := uint64(1) << (c.highest - count) // 0 from 64 on
	if bit == 0 || c.seen&bit != 0 {
		return refused("digest shown twice")
	}
	c.seen |= bit
	return nil
}

func (d *Digest) forget() {
	now := d.c.Now()
	for nonce, c := range d.counts {
		if !now.Before(c.until) {
			delete(d.counts, nonce)
		}
	}
}

// Challenge has a new nonce. stale tells clients to try again by themselves.
func (d *Digest) Challenge(_ *http.Request, err error) string {
	c := `Digest realm="` + d.c.Realm + `", qop="auth", algorithm=SHA-256, nonce="` + d.newNonce() + `", charset=UTF-8`
	if errors.Is(err, errNonceOld) {
		c += ", stale=true"
	}
	return c
}

// A nonce is 8 bytes of time, 8 random ones, and 16 of an HMAC over both.
func (d *Digest) newNonce() string {
	b := make([]byte, 16, 32)
	binary.BigEndian.PutUint64(b, uint64(d.c.Now().Unix()))
	_, _ = rand.Read(b[8:]) // never fails
	return base64.RawURLEncoding.EncodeToString(append(b, d.mac(b)...))
}

// openNonce returns when a nonce was made, if it was made here.
func (d *Digest) openNonce(nonce string) (at time.Time, ours bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	if err != nil || len(b) != 32 || len(nonce) != 43 || !hmac.Equal(b[16:], d.mac(b[:16])) {
		return time.Time{}, false
	}
	return time.Unix(int64(binary.BigEndian.Uint64(b)), 0), true
}

func (d *Digest) mac(b []byte) []byte {
	m := hmac.New(sha256.New, d.key)
	_, _ = m.Write(b)
	return m.Sum(nil)[:16]
}
