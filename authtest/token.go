package authtest

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
)

// Option changes a token that [Issuer.Token] makes.
type Option func(*draft)

// draft is a token before it is signed.
type draft struct {
	request watchword.IssueRequest
	typ     string
	signer  *signer
	claims  map[string]any // nil values take a claim out
	times   map[string]time.Duration
}

// Scopes gives the token scopes.
func Scopes(scopes ...string) Option {
	return func(d *draft) { d.request.Scopes = append(d.request.Scopes, scopes...) }
}

// Permissions gives the token permissions.
func Permissions(permissions ...string) Option {
	return func(d *draft) { d.request.Permissions = append(d.request.Permissions, permissions...) }
}

// Lifetime sets how long the token lives. Below a second it has expired by
// that much when it is made: Lifetime(-time.Second) is "expired by 1 s".
func Lifetime(life time.Duration) Option { return At("exp", life) }

// Claim sets a claim, good or bad; nil takes it out.
func Claim(name string, value any) Option {
	return func(d *draft) { d.claims[name] = value }
}

// At sets a claim that is a time to so long after now.
func At(name string, after time.Duration) Option {
	return func(d *draft) { d.times[name] = after }
}

// Type sets the header's typ in place of at+jwt.
func Type(typ string) Option { return func(d *draft) { d.typ = typ } }

// token makes a token of the authority's, with a session behind it, and signs
// it anew where options change it.
func (i *Issuer) token(subject string, options ...Option) (string, error) {
	d := draft{
		request: watchword.IssueRequest{Subject: subject}, typ: watchword.AccessType,
		claims: make(map[string]any), times: make(map[string]time.Duration),
	}
	for _, option := range options {
		option(&d)
	}
	made, err := i.auth.Issue(context.Background(), d.request)
	if err != nil {
		return "", err
	}
	payload, err := d.payload(made.Claims.JSON(), i.Now())
	if err != nil {
		return "", err
	}
	by := i.key()
	if d.signer != nil {
		by = *d.signer
	}
	return by.sign(map[string]any{"alg": "ES256", "kid": by.key.ID(), "typ": d.typ}, payload)
}

// payload changes the claims of a token as the draft says.
func (d *draft) payload(raw []byte, now time.Time) ([]byte, error) {
	var claims map[string]any
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	if err := decoder.Decode(&claims); err != nil {
		return nil, fmt.Errorf("read the claims back: %w", err)
	}
	for name, after := range d.times {
		claims[name] = now.Add(after).Unix()
	}
	for name, value := range d.claims {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	return json.Marshal(claims)
}

// sign makes a compact token with whatever header: ES256 (RFC 7518, section
// 3.4), as no library would for most of them.
func (s signer) sign(header map[string]any, payload []byte) (string, error) {
	h, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	signed := encode(h) + "." + encode(payload)
	digest := sha256.Sum256([]byte(signed))
	r, t, err := ecdsa.Sign(rand.Reader, s.private, digest[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	t.FillBytes(signature[32:])
	return signed + "." + encode(signature), nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// parts takes a token apart; it is one of ours, and so has three.
func parts(raw string) (header, payload, signature string) {
	header, rest, _ := strings.Cut(raw, ".")
	payload, signature, _ = strings.Cut(rest, ".")
	return header, payload, signature
}

func decode(segment string) []byte {
	b, _ := base64.RawURLEncoding.DecodeString(segment) // of a token of ours
	return b
}
