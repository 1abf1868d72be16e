package authtest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/store"
)

// Config says what an issuer is to be. The zero value is one for the audience
// "test", whose tokens live five minutes.
type Config struct {
	// Audience of the tokens; "" means "test".
	Audience string
	// Start is what the clock shows first; the zero Time means now, so that
	// handlers that ask the machine's clock accept the tokens.
	Start time.Time
	// Change may set whatever else an authority has, such as lifetimes or
	// custom claims; nil changes nothing.
	Change func(*watchword.Config)
}

// Issuer is an authority for one test. Safe for concurrent use.
type Issuer struct {
	t      testing.TB
	auth   *watchword.Authority
	store  *store.Memory
	hasher *password.Hasher
	server *httptest.Server
	ring   *jwt.Keyring

	audience string
	asked    counter // requests to the address that hostile headers name

	mu      sync.Mutex
	ahead   time.Duration // of the machine's clock, or
	fixed   time.Time     // what a clock that was given a start shows
	signing signer
	retired signer
}

// signer is a key whose private half is at hand, so that it can sign what no
// library would.
type signer struct {
	private *ecdsa.PrivateKey
	key     *jwt.Key
}

func newSigner() (signer, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return signer{}, err
	}
	key, err := jwt.NewKey("", jwt.ES256, private) // its thumbprint is its id
	if err != nil {
		return signer{}, err
	}
	return signer{private: private, key: key}, nil
}

// New starts an issuer, which ends with the test. What goes wrong ends the
// test.
func New(t testing.TB, c Config) *Issuer {
	t.Helper()
	i, err := start(t, c)
	if err != nil {
		t.Fatalf("authtest: start the issuer: %v", err)
	}
	return i
}

func start(t testing.TB, c Config) (*Issuer, error) {
	i := &Issuer{t: t, store: store.NewMemory(), audience: c.Audience, fixed: c.Start}
	if i.audience == "" {
		i.audience = "test"
	}
	var err error
	if i.signing, err = newSigner(); err != nil {
		return nil, err
	}
	if i.retired, err = newSigner(); err != nil {
		return nil, err
	}
	if i.ring, err = jwt.NewKeyring(jwt.RingKey{Key: i.signing.key, State: jwt.Active}); err != nil {
		return nil, err
	}
	if i.hasher, err = password.New(password.Config{Preferred: password.Params{Scheme: "pbkdf2-sha256", Rounds: 1000}}); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(trapPath, &i.asked)
	i.server = httptest.NewServer(mux)
	t.Cleanup(i.server.Close)
	seal := make([]byte, 32)
	_, _ = rand.Read(seal) // never fails
	config := watchword.Config{
		Issuer: i.server.URL, Audience: i.audience, Store: i.store, SealKey: seal, Keys: i.ring, Hasher: i.hasher,
		InsecureUnlimited: true, Now: i.Now,
	}
	if c.Change != nil {
		c.Change(&config)
	}
	if i.auth, err = watchword.New(config); err != nil {
		return nil, err
	}
	return i, httpauth.Mount(mux, i.auth, httpauth.Native(httpauth.NativePrefix, nil))
}

// URL returns the issuer's address, which is its iss as well: what a program
// under test is configured with.
func (i *Issuer) URL() string { return i.server.URL }

// Audience returns whom the tokens are for.
func (i *Issuer) Audience() string { return i.audience }

// Authority returns the authority itself, for handlers that are mounted beside
// one.
func (i *Issuer) Authority() *watchword.Authority { return i.auth }

// Guard returns a guard that accepts the issuer's tokens.
func (i *Issuer) Guard() *httpauth.Guard {
	return httpauth.Native(httpauth.NativePrefix, nil).Guard(i.auth)
}

// Now is the issuer's clock. Give it to the program under test where
// [Issuer.Advance] is to move that as well.
func (i *Issuer) Now() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.fixed.IsZero() {
		return i.fixed
	}
	return time.Now().Add(i.ahead) //nolint:forbidigo // the clock of a test
}

// Advance moves the issuer's clock on, at once.
func (i *Issuer) Advance(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.fixed.IsZero() {
		i.fixed = i.fixed.Add(d)
		return
	}
	i.ahead += d
}

// AddUser adds an active user who can sign in at the issuer's token endpoint,
// and returns his record.
func (i *Issuer) AddUser(u watchword.User, secret string) watchword.User {
	i.t.Helper()
	hash, err := i.hasher.Hash(context.Background(), secret)
	if err == nil {
		u.Active = true
		u, err = i.store.CreateUser(context.Background(), watchword.NewUser{User: u, PasswordHash: hash})
	}
	if err != nil {
		i.t.Fatalf("authtest: add user %q: %v", u.Login, err)
	}
	return u
}

// SignIn returns the tokens of a user that [Issuer.AddUser] has added.
func (i *Issuer) SignIn(login, secret string) watchword.Tokens {
	i.t.Helper()
	tokens, err := i.auth.SignIn(context.Background(), watchword.SignInRequest{
		Credentials: watchword.Credentials{Login: login, Password: secret},
	})
	if err != nil {
		i.t.Fatalf("authtest: sign %q in: %v", login, err)
	}
	return tokens
}

// AddClient adds a program that calls as itself, and returns its credentials.
// One without scopes may follow the revocation feed: they are the ClientID and
// ClientSecret of a remote.Config.
func (i *Issuer) AddClient(name string, scopes ...string) (id, secret string) {
	i.t.Helper()
	id, secret, record := watchword.NewClientSecret(name, scopes, i.Now())
	if err := i.store.CreateClient(context.Background(), record); err != nil {
		i.t.Fatalf("authtest: add client %q: %v", name, err)
	}
	return id, secret
}

// Token returns a good access token for a subject.
func (i *Issuer) Token(subject string, options ...Option) string {
	i.t.Helper()
	raw, err := i.token(subject, options...)
	if err != nil {
		i.t.Fatalf("authtest: make a token: %v", err)
	}
	return raw
}

// Revoke ends the session of a token. It is refused by everybody who has
// heard of it; the issuer has when Revoke returns.
func (i *Issuer) Revoke(raw string) {
	i.t.Helper()
	if err := i.auth.SignOut(context.Background(), watchword.SignOutRequest{Raw: raw}); err != nil {
		i.t.Fatalf("authtest: revoke: %v", err)
	}
}

// RotateKeys makes a new signing key. Tokens of the one before are accepted
// until [Issuer.RetireKeys].
func (i *Issuer) RotateKeys() {
	i.t.Helper()
	next, err := newSigner()
	if err != nil {
		i.t.Fatalf("authtest: make a key: %v", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	keys := i.ring.Keys()
	for n := range keys {
		keys[n].State = jwt.Retiring
	}
	if err := i.ring.Replace(append(keys, jwt.RingKey{Key: next.key, State: jwt.Active})...); err != nil {
		i.t.Fatalf("authtest: change the keys: %v", err)
	}
	i.signing = next
}

// RetireKeys takes all keys but the signing one out of the published set.
func (i *Issuer) RetireKeys() {
	i.t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.ring.Replace(jwt.RingKey{Key: i.signing.key, State: jwt.Active}); err != nil {
		i.t.Fatalf("authtest: change the keys: %v", err)
	}
}

// key returns what signs now.
func (i *Issuer) key() signer {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.signing
}

// trapPath is where hostile headers say that keys are to be found.
const trapPath = "/authtest/keys"

func (i *Issuer) trap() string { return fmt.Sprint(i.server.URL, trapPath) }
