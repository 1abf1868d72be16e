package watchword

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

// RefreshType is the typ of native refresh tokens. They are nobody's business
// but the issuer's.
const RefreshType = "rt+jwt"

// PeopleClient is the client_id of tokens for people.
const PeopleClient = "watchword"

// Tokens is what a sign-in or a refresh yields. They print redacted.
type Tokens struct {
	Access  string
	Refresh string // "" where there is none
	// ExpiresIn is the access token's remaining life, in whole seconds.
	ExpiresIn time.Duration
	// RefreshExpiry is the refresh token's exp.
	RefreshExpiry time.Time
	// Claims of the access token, as a verifier will read them.
	Claims  *Claims
	User    User
	Session Session
}

// mint makes the pair of tokens of a session as it stands, dated iat.
func (a *Authority) mint(ctx context.Context, u User, s Session, iat time.Time) (Tokens, error) {
	set := a.claimSet(u, s, iat)
	if err := a.customise(ctx, u, set); err != nil {
		return Tokens{}, err
	}
	return a.pair(ctx, u, s, set)
}

// pair makes the pair of tokens of a session as it stands, the access token
// from the set. It is the one place where pairs are made.
func (a *Authority) pair(ctx context.Context, u User, s Session, set *ClaimSet) (Tokens, error) {
	access, claims, err := a.sign(set)
	if err != nil {
		return Tokens{}, err
	}
	refresh, err := a.refreshToken(ctx, u, s)
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{
		Access: access, Refresh: refresh, ExpiresIn: set.Expiry.Sub(set.IssuedAt), RefreshExpiry: second(s.IdleUntil),
		Claims: claims, User: u, Session: s,
	}, nil
}

// current returns the user and the iat for a token about him. iat must have
// been taken before the user was read: then a change of rights between the
// two, or after, leaves the token stale, never fresh with old rights. Where
// the rights are known to have changed in that second or since, it waits for
// the next second and reads the user again, because a token dated before
// that would be stale at birth.
func (a *Authority) current(ctx context.Context, u User, number int64, iat time.Time) (User, time.Time, error) {
	if !a.list.minted(u.ID, number, iat) {
		return u, iat, nil
	}
	iat, err := a.mintTime(ctx, u.ID, number)
	if err != nil {
		return u, iat, err
	}
	u, err = a.c.Users.UserByID(ctx, u.ID)
	if err != nil {
		return u, iat, fmt.Errorf("read user again: %w", err)
	}
	return u, iat, nil
}

// mintTime returns the iat of a token made now. Where the subject's rights
// changed in this very second it waits for the next one.
func (a *Authority) mintTime(ctx context.Context, subject string, number int64) (time.Time, error) {
	now := a.c.Now()
	if !a.list.minted(subject, number, second(now)) {
		return second(now), nil
	}
	timer := time.NewTimer(second(now).Add(time.Second).Sub(now))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return time.Time{}, fmt.Errorf("%w: %w", Unavailable, ctx.Err())
	case <-timer.C:
	}
	now = a.c.Now()
	if a.list.minted(subject, number, second(now)) {
		return time.Time{}, &RetryError{Code: Unavailable, After: time.Second}
	}
	return second(now), nil
}

// claimSet is what an access token of the session says. It never outlives
// the session's absolute limit.
func (a *Authority) claimSet(u User, s Session, iat time.Time) *ClaimSet {
	set := &ClaimSet{
		Kind: Access, ID: rand.Text(), Issuer: a.c.Issuer, Subject: u.ID, UserID: u.ID, ClientID: s.ClientID,
		Audience: a.audience(), IssuedAt: iat, AuthTime: authTime(s), Expiry: earlier(iat.Add(a.c.AccessLifetime), second(s.ExpiresAt)),
		Session: a.numbers.SessionID(s.Number), Number: s.Number,
		Scopes: granted(s.Scopes, u.Scopes), Permissions: u.Permissions, User: u,
	}
	set.follow(s)
	return set
}

// follow sets what changes when the session advances.
func (s *ClaimSet) follow(session Session) {
	s.Generation = session.Generation
	s.RefreshExpiry, s.RefreshIssuedAt = second(session.IdleUntil), second(session.AdvancedAt)
}

// authTime is when somebody signed in to the session. Nobody did to one that
// was issued, or taken over from another system.
func authTime(s Session) time.Time {
	if s.Generation == 0 || s.Origin != nil {
		return time.Time{}
	}
	return second(s.CreatedAt)
}

func (a *Authority) audience() []string {
	if a.c.Audience == "" {
		return nil
	}
	return []string{a.c.Audience}
}

// customise lets the hook add its claims.
func (a *Authority) customise(ctx context.Context, u User, set *ClaimSet) error {
	if a.c.Claims == nil {
		return nil
	}
	if err := a.c.Claims(ctx, u, set); err != nil {
		return fmt.Errorf("claims hook: %w", err)
	}
	return nil
}

// sign writes the set by the layout, signs it, and reads it back, so that what
// is handed on is what verifiers will see.
func (a *Authority) sign(set *ClaimSet) (string, *Claims, error) {
	payload, err := a.c.Layout.Marshal(set)
	if err != nil {
		return "", nil, fmt.Errorf("write claims: %w", err)
	}
	raw, err := a.signPayload(payload)
	if err != nil {
		return "", nil, fmt.Errorf("sign access token: %w", err)
	}
	if len(raw) > jwt.MaxTokenLength {
		return "", nil, fmt.Errorf("sign access token: %d bytes, and verifiers read %d at most", len(raw), jwt.MaxTokenLength)
	}
	a.list.dated(set.IssuedAt)
	claims, err := a.c.Layout.Unmarshal(payload)
	if err != nil {
		return "", nil, fmt.Errorf("read own claims back: %w", err)
	}
	return raw, claims, nil
}

// signPayload signs by the active key.
func (a *Authority) signPayload(payload []byte) (string, error) {
	k := a.ring.Signer()
	if !a.c.OmitKeyID {
		return jwt.Sign(k, a.c.Type, payload)
	}
	header := appendMember(nil, '{', "alg", string(k.Algorithm()))
	header = append(appendMember(header, ',', "typ", a.c.Type), '}')
	return jwt.SignHeader(k, header, payload)
}

// refreshToken makes the refresh token of the session's generation. It is a
// function of the session row alone, so a repeat inside the grace window is
// byte for byte the same.
func (a *Authority) refreshToken(_ context.Context, u User, s Session) (string, error) {
	if a.c.RefreshLayout != nil {
		set := &ClaimSet{
			Kind: Refresh, ID: strconv.FormatInt(s.Number, 10), Issuer: a.c.Issuer, Subject: u.ID, UserID: u.ID, ClientID: s.ClientID,
			Audience: a.audience(), IssuedAt: second(s.AdvancedAt), Expiry: second(s.IdleUntil),
			Session: a.numbers.SessionID(s.Number), Number: s.Number, Generation: s.Generation,
			RefreshExpiry: second(s.IdleUntil), RefreshIssuedAt: second(s.AdvancedAt), AuthTime: authTime(s), User: u,
		}
		payload, err := a.c.RefreshLayout.Marshal(set)
		if err != nil {
			return "", fmt.Errorf("write refresh claims: %w", err)
		}
		return a.signPayload(payload)
	}
	b := make([]byte, 0, 160)
	b = appendMember(b, '{', "sid", a.numbers.SessionID(s.Number))
	b = appendInt(b, "gen", int64(s.Generation))
	b = appendMember(b, ',', "sub", u.ID)
	b = appendInt(b, "iat", s.AdvancedAt.Unix())
	b = appendInt(b, "exp", s.IdleUntil.Unix())
	b = append(b, '}')
	raw, err := jwt.Sign(a.refresh, RefreshType, b)
	if err != nil {
		return "", fmt.Errorf("sign refresh token: %w", err)
	}
	return raw, nil
}

// readRefresh checks the signature and form of a refresh token and returns
// what it says; Number is 0 where another system signed it. Times are not looked at: a token past its exp may still be a
// stolen one shown again, which only the session knows.
func (a *Authority) readRefresh(ctx context.Context, raw string) (*Claims, error) {
	if a.c.RefreshLayout != nil {
		v := a.verifier
		v.Layout = a.c.RefreshLayout
		c, err := v.read(ctx, raw, nil)
		if err != nil {
			return nil, err
		}
		if c.Kind != Refresh {
			return nil, WrongKind
		}
		return c, nil
	}
	header, payload, err := jwt.Open(ctx, raw, jwt.KeySet{a.refresh})
	if err != nil {
		return nil, openError(err)
	}
	if header.Type != RefreshType {
		return nil, WrongKind
	}
	c := &Claims{Kind: Refresh, payload: payload}
	err = jwt.Walk(payload, func(name string, v jwt.Value) (err error) {
		switch name {
		case "sid":
			c.Session, err = v.Text()
		case "gen":
			var gen int64
			gen, err = v.Int()
			c.Generation = int(gen)
		case "sub":
			c.Subject, err = v.Text()
		case "iat":
			c.IssuedAt, err = v.Time()
		case "exp":
			c.Expiry, err = v.Time()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", TokenMalformed, err)
	}
	var ok bool
	if c.Number, ok = a.numbers.Session(c.Session); !ok {
		return nil, fmt.Errorf("%w: sid", TokenMalformed)
	}
	return c, nil
}

// newSecret returns 32 random bytes as base64url.
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
