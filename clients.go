package watchword

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"
)

// NewClientSecret returns a machine client's id, secret and record. The
// secret is shown once: the store keeps its SHA-256, which is enough for 32
// random bytes.
func NewClientSecret(name string, scopes []string, at time.Time) (id, secret string, r ClientRecord) {
	id, secret = "client_"+rand.Text()[:20], newSecret()
	return id, secret, ClientRecord{ID: id, Name: name, SecretHash: hashSecret(secret), Scopes: scopes, CreatedAt: at}
}

// RenewClientSecret returns a new secret and its hash.
func RenewClientSecret() (secret string, hash []byte) {
	secret = newSecret()
	return secret, hashSecret(secret)
}

func hashSecret(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

// AuthenticateClient checks a machine client's id and secret (RFC 6749,
// section 2.3.1). A refusal is InvalidClient and takes as long for an
// unknown id.
func (a *Authority) AuthenticateClient(ctx context.Context, id, secret string) (ClientRecord, error) {
	clients, ok := a.c.Store.(Clients)
	if !ok {
		return ClientRecord{}, fmt.Errorf("%w: the store keeps no clients", InvalidClient)
	}
	r, err := clients.ClientByID(ctx, id)
	if err != nil && !errors.Is(err, NotFound) {
		return ClientRecord{}, fmt.Errorf("read client: %w", err)
	}
	if err != nil {
		r.SecretHash = make([]byte, sha256.Size) // nobody's: the same work
	}
	if subtle.ConstantTimeCompare(hashSecret(secret), r.SecretHash) != 1 || err != nil {
		return ClientRecord{}, InvalidClient
	}
	return r, nil
}

// ClientToken answers the client credentials grant (RFC 6749, section 4.4):
// an access token about the client itself, without refresh token and without
// session; it is revoked by its jti, or with the client. scopes nil means
// all that the client may have; one that it may not have is InvalidScope.
func (a *Authority) ClientToken(ctx context.Context, r ClientRecord, scopes []string) (Tokens, error) {
	for _, s := range scopes {
		if !slices.Contains(r.Scopes, s) {
			return Tokens{}, fmt.Errorf("%w: %q is not the client's", InvalidScope, s)
		}
	}
	if scopes == nil {
		scopes = r.Scopes
	}
	iat, err := a.mintTime(ctx, r.ID, 0)
	if err != nil {
		return Tokens{}, err
	}
	set := &ClaimSet{
		Kind: Access, ID: rand.Text(), Issuer: a.c.Issuer, Subject: r.ID, UserID: r.ID, ClientID: r.ID, Audience: a.audience(),
		IssuedAt: iat, Expiry: iat.Add(a.c.AccessLifetime), Scopes: scopes,
	}
	if err := a.customise(ctx, User{}, set); err != nil {
		return Tokens{}, err
	}
	raw, claims, err := a.sign(set)
	if err != nil {
		return Tokens{}, err
	}
	a.tell(ctx, Event{Kind: ClientAuthenticated, UserID: r.ID, Login: r.Name})
	return Tokens{Access: raw, ExpiresIn: set.Expiry.Sub(iat), Claims: claims}, nil
}

// DeleteClient removes a client and makes its tokens count no longer.
func (a *Authority) DeleteClient(ctx context.Context, name string) error {
	clients, ok := a.c.Store.(Clients)
	if !ok {
		return fmt.Errorf("%w: the store keeps no clients", NotFound)
	}
	list, err := clients.ListClients(ctx)
	if err != nil {
		return fmt.Errorf("list clients: %w", err)
	}
	i := slices.IndexFunc(list, func(c ClientRecord) bool { return c.Name == name })
	if i < 0 {
		return fmt.Errorf("%w: no client %q", NotFound, name)
	}
	// The fact comes first, so that whoever is told of a fault can try again
	// and leave nothing. It reaches ahead in time: no other client ever gets
	// the id, and a token that is being made meanwhile is dated later.
	now := a.c.Now()
	until := a.factsUntil(now)
	if _, err := a.c.Store.AddFact(ctx, Fact{Kind: UserFact, ID: list[i].ID, Before: second(until), Until: until}); err != nil {
		return fmt.Errorf("revoke the client's tokens: %w", err)
	}
	if err := clients.DeleteClient(ctx, name); err != nil {
		return fmt.Errorf("delete client: %w", err)
	}
	if err := a.list.Sync(ctx, now); err != nil {
		return fmt.Errorf("%w: %w", Unavailable, err)
	}
	return nil
}

// Introspection is the answer of RFC 7662: Claims nil means inactive.
type Introspection struct {
	Claims *Claims
	Login  string // the user's, "" for machines
}

// Introspect says whether a token counts. A refresh token counts while its
// session is open and it is the current one. A token that does not count is
// no error.
func (a *Authority) Introspect(ctx context.Context, raw string) (Introspection, error) {
	c, err := a.Verify(ctx, raw, Access, Sliding)
	if err != nil {
		if CodeOf(err) == Unavailable {
			return Introspection{}, err
		}
		if c, err = a.currentRefresh(ctx, raw); err != nil || c == nil {
			return Introspection{}, err
		}
	}
	u, err := a.User(ctx, c)
	switch code := CodeOf(err); {
	case err == nil:
		return Introspection{Claims: c, Login: u.Login}, nil
	case code == NotFound && a.ofMachine(ctx, c):
		return Introspection{Claims: c}, nil
	case code == Internal || code == Unavailable:
		return Introspection{}, err
	default:
		return Introspection{}, nil
	}
}

// ofMachine reports whether a token of nobody whom we know is a machine's:
// one without a session, or with one that was issued without a sign-in.
// Somebody who has signed in and is gone since has no active token.
func (a *Authority) ofMachine(ctx context.Context, c *Claims) bool {
	if c.Number == 0 {
		return true
	}
	s, err := a.session(ctx, c)
	return err == nil && s.Generation == 0
}

// currentRefresh returns the claims of a refresh token that would be
// accepted now, else nil.
func (a *Authority) currentRefresh(ctx context.Context, raw string) (*Claims, error) {
	c, err := a.readRefresh(ctx, raw)
	if err != nil {
		return nil, nil //nolint:nilerr // no refresh token of ours: inactive
	}
	if c.Number == 0 {
		// Another system's: whether it was adopted and used up, only a
		// refresh can say.
		return nil, nil
	}
	s, err := a.session(ctx, c)
	if err != nil {
		if code := CodeOf(err); code == Internal || code == Unavailable {
			return nil, err
		}
		return nil, nil //nolint:nilerr // ended: inactive
	}
	if c.Generation != s.Generation || !s.Open(a.c.Now()) {
		return nil, nil
	}
	_, gone, err := a.refreshUser(ctx, s)
	if code := CodeOf(err); err != nil && (code == Internal || code == Unavailable) {
		return nil, err
	}
	if gone || err != nil {
		return nil, nil //nolint:nilerr // the user may not go on: inactive
	}
	return c, nil
}
