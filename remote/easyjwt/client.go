package easyjwt

import (
	"context"
	"crypto/tls"
	"net/http"
	"sync"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/remote"
)

// Client asks a django-easyjwt authority. Make it with [New]. Safe for
// concurrent use.
type Client struct {
	c        Config
	http     *http.Client
	verifier *watchword.Verifier // nil: the authority is asked about each token
	vouched  *vouched

	mu    sync.Mutex
	users map[string]*userLock // whose copies are being written, by id
}

// New checks c and reports all its faults together. It asks nobody anything
// yet.
func New(c Config) (*Client, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	if c.Transport == nil {
		c.Transport = NewTransport(false)
	}
	return &Client{
		c: c, verifier: c.verifier(), vouched: newVouched(), users: make(map[string]*userLock),
		// The authority is where the settings say, and nowhere that it says
		// itself: a redirect would carry passwords to another host.
		http: &http.Client{
			Transport:     c.Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// NewTransport returns what makes requests where Config.Transport is nil. With
// insecureSkipVerify it takes any certificate, as the original does with
// REMOTE_AUTH_SSL_VERIFY=False: whoever sits on the way then reads passwords.
func NewTransport(insecureSkipVerify bool) *http.Transport {
	return &http.Transport{
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: insecureSkipVerify, //nolint:gosec // G402: asked for by name
		},
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    64, // the authority is asked about every request
		IdleConnTimeout:        idleTimeout,
		ForceAttemptHTTP2:      true,
	}
}

// Issuer returns the authority's URL, under which its users are kept.
func (c *Client) Issuer() string { return c.c.URL }

// Obtain exchanges credentials for tokens, and keeps a copy of the user who
// they are for. It returns the authority's answer as it came.
func (c *Client) Obtain(ctx context.Context, r watchword.SignInRequest) ([]byte, error) {
	answer, _, err := c.obtain(ctx, r)
	return answer, err
}

func (c *Client) obtain(ctx context.Context, r watchword.SignInRequest) ([]byte, watchword.Tokens, error) {
	answer, err := c.send(ctx, request{
		method: http.MethodPost, path: c.c.Paths.Token, from: r.Client,
		body: map[string]string{c.c.LoginField: r.Credentials.Login, "password": r.Credentials.Password},
	})
	if err != nil {
		return nil, watchword.Tokens{}, coded(err, watchword.InvalidCredentials)
	}
	t, err := c.tokens(answer)
	if err != nil {
		return nil, watchword.Tokens{}, err
	}
	u, err := c.sync(ctx, t.Claims, t.Access)
	if err != nil {
		return nil, watchword.Tokens{}, err
	}
	c.vouched.put(t.Access, t.Claims, c.c.Now(), 0)
	t.User = local(u)
	return answer, t, nil
}

// tokens reads an answer of the routes that hand out tokens.
func (c *Client) tokens(answer []byte) (watchword.Tokens, error) {
	texts, err := object(answer)
	if err != nil {
		return watchword.Tokens{}, err
	}
	t := watchword.Tokens{Access: texts["access"], Refresh: texts["refresh"]}
	if t.Access == "" {
		t.Access = texts["token"] // a sliding one
	}
	if t.Claims, err = c.claims(t.Access); err != nil || !plausible(t.Access) || t.Claims.Kind != watchword.Access && t.Claims.Kind != watchword.Sliding {
		return watchword.Tokens{}, refusal(watchword.Unavailable, textBadAnswer, err)
	}
	if !t.Claims.Expiry.IsZero() {
		t.ExpiresIn = t.Claims.Expiry.Sub(c.c.Now())
	}
	if refresh, err := c.claims(t.Refresh); err == nil {
		t.RefreshExpiry = refresh.Expiry
	}
	return t, nil
}

// Renew exchanges a refresh token, and returns the authority's answer as it
// came.
func (c *Client) Renew(ctx context.Context, r watchword.RefreshRequest) ([]byte, error) {
	answer, err := c.send(ctx, request{
		method: http.MethodPost, path: c.c.Paths.Refresh, body: map[string]string{"refresh": r.Raw}, from: r.Client,
	})
	if err != nil {
		return nil, coded(err, watchword.BadSignature)
	}
	_, err = object(answer)
	return answer, err
}

// Check asks the authority about a token of whatever kind, and returns its
// answer as it came.
func (c *Client) Check(ctx context.Context, raw string, from watchword.Client) ([]byte, error) {
	answer, err := c.check(ctx, raw, from)
	if err == nil {
		_, err = object(answer)
	}
	return answer, err
}

func (c *Client) check(ctx context.Context, raw string, from watchword.Client) ([]byte, error) {
	answer, err := c.send(ctx, request{
		method: http.MethodPost, path: c.c.Paths.Verify, body: map[string]string{"token": raw}, from: from,
	})
	return answer, coded(err, watchword.BadSignature)
}

// SignIn is Obtain with the tokens read, and their user.
func (c *Client) SignIn(ctx context.Context, r watchword.SignInRequest) (watchword.Tokens, error) {
	_, t, err := c.obtain(ctx, r)
	return t, err
}

// Login checks credentials at the authority and returns the user, whose copy
// has just been written: for use with any session library.
func (c *Client) Login(ctx context.Context, credentials watchword.Credentials, from watchword.Client) (remote.User, error) {
	_, t, err := c.obtain(ctx, watchword.SignInRequest{Credentials: credentials, Client: from})
	if err != nil {
		return remote.User{}, err
	}
	return c.user(ctx, t.Claims.UserID, t.Access)
}

// Refresh is Renew with the tokens read.
func (c *Client) Refresh(ctx context.Context, r watchword.RefreshRequest) (watchword.Tokens, error) {
	answer, err := c.Renew(ctx, r)
	if err != nil {
		return watchword.Tokens{}, err
	}
	return c.tokens(answer)
}

// SignOut ends the session of a refresh token at the authority. An authority
// that has no such route, as 0.5.1's, answers with a refusal.
func (c *Client) SignOut(ctx context.Context, r watchword.SignOutRequest) error {
	_, err := c.send(ctx, request{
		method: http.MethodPost, path: c.c.Paths.Blacklist, body: map[string]string{"refresh": r.Raw}, from: r.Client,
	})
	return coded(err, watchword.BadSignature)
}

// SetPassword changes the password of whoever knows the old one. A refusal
// carries the authority's reasons in its JSON.
func (c *Client) SetPassword(ctx context.Context, login, old, new string, from watchword.Client) error {
	_, err := c.send(ctx, request{
		method: http.MethodPost, path: c.c.Paths.PasswordChange, from: from,
		body: map[string]string{c.c.LoginField: login, "password": old, "new_password": new},
	})
	return coded(err, watchword.InvalidCredentials)
}

// coded puts a code on a refusal that has none of its own.
func coded(err error, code watchword.Code) error {
	if r, ok := err.(*Refusal); ok { //nolint:errorlint // send wraps nothing
		return r.of(code)
	}
	return err
}
