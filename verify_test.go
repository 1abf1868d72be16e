package watchword_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
)

// signed makes a token with any payload by the authority's own key.
func signed(t testing.TB, k *jwt.Key, typ, payload string) string {
	t.Helper()
	raw, err := jwt.Sign(k, typ, []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func fixedRing(t testing.TB) (*jwt.Key, *jwt.Keyring) {
	t.Helper()
	k, err := jwt.GenerateKey(jwt.ES256)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := jwt.NewKeyring(jwt.RingKey{Key: k, State: jwt.Active})
	if err != nil {
		t.Fatal(err)
	}
	return k, ring
}

const goodPayload = `{"iss":"https://issuer.example","sub":"9","aud":"shop","exp":1777896300,"iat":1777896000}`

func TestVerifyRefusals(t *testing.T) {
	k, ring := fixedRing(t)
	b := newBench(t, func(c *watchword.Config) { c.Keys = ring })
	if noon.Unix() != 1777896000 {
		t.Fatalf("noon is %d", noon.Unix())
	}
	edit := func(old, new string) string {
		if !strings.Contains(goodPayload, old) {
			t.Fatalf("no %s in the payload", old)
		}
		return strings.Replace(goodPayload, old, new, 1)
	}
	foreign, _ := fixedRing(t)
	tests := []struct {
		name, raw string
		code      watchword.Code
		check     string
	}{
		{"another issuer with our key, without sid and status", signed(t, k, "at+jwt", goodPayload), fine, ""},
		{"typ with application/ and capitals", signed(t, k, "Application/AT+JWT", goodPayload), fine, ""},
		{"audience among several", signed(t, k, "at+jwt", edit(`"shop"`, `["other","shop"]`)), fine, ""},
		{"nothing", "", watchword.TokenMalformed, "shape"},
		{"garbage", "garbage", watchword.TokenMalformed, "shape"},
		{"foreign key", signed(t, foreign, "at+jwt", goodPayload), watchword.BadSignature, "signature"},
		{"tampered", tampered(signed(t, k, "at+jwt", goodPayload)), watchword.BadSignature, "signature"},
		{"signature of one character more", signed(t, k, "at+jwt", goodPayload) + "x", watchword.BadSignature, "signature"},
		{"signature that is no base64url", signed(t, k, "at+jwt", goodPayload) + "*", watchword.BadSignature, "signature"},
		{"typ JWT", signed(t, k, "JWT", goodPayload), watchword.WrongKind, "type"},
		{"no typ", signed(t, k, "", goodPayload), watchword.WrongKind, "type"},
		{"refresh typ", signed(t, k, "rt+jwt", goodPayload), watchword.WrongKind, "type"},
		{"no JSON", signed(t, k, "at+jwt", "x"), watchword.TokenMalformed, "payload"},
		{"exp twice", signed(t, k, "at+jwt", edit(`"exp"`, `"exp":1,"exp"`)), watchword.TokenMalformed, "payload"},
		{"exp a string", signed(t, k, "at+jwt", edit(`1777896300`, `"1777896300"`)), watchword.TokenMalformed, "payload"},
		{"exp a fraction", signed(t, k, "at+jwt", edit(`1777896300`, `1777896300.5`)), watchword.TokenMalformed, "payload"},
		{"EXP", signed(t, k, "at+jwt", edit(`"exp"`, `"EXP"`)), watchword.TokenMalformed, "payload"},
		{"no exp", signed(t, k, "at+jwt", edit(`"exp":1777896300,`, ``)), watchword.TokenMalformed, "expiry"},
		{"no iat", signed(t, k, "at+jwt", edit(`,"iat":1777896000`, ``)), watchword.TokenMalformed, "issued"},
		{"expired now", signed(t, k, "at+jwt", edit(`1777896300`, `1777896000`)), watchword.TokenExpired, "expiry"},
		{"iat in the future", signed(t, k, "at+jwt", edit(`"iat":1777896000`, `"iat":1777896001`)), watchword.TokenNotYetValid, "issued"},
		{"nbf in the future", signed(t, k, "at+jwt", edit(`"iat"`, `"nbf":1777896001,"iat"`)), watchword.TokenNotYetValid, "issued"},
		{"no iss", signed(t, k, "at+jwt", edit(`"iss":"https://issuer.example",`, ``)), watchword.WrongIssuer, "issuer"},
		{"longer iss", signed(t, k, "at+jwt", edit(`issuer.example"`, `issuer.example/"`)), watchword.WrongIssuer, "issuer"},
		{"no sub", signed(t, k, "at+jwt", edit(`"sub":"9",`, ``)), watchword.TokenMalformed, "subject"},
		{"empty sub", signed(t, k, "at+jwt", edit(`"9"`, `""`)), watchword.TokenMalformed, "subject"},
		{"no aud", signed(t, k, "at+jwt", edit(`"aud":"shop",`, ``)), watchword.WrongAudience, "audience"},
		{"empty aud", signed(t, k, "at+jwt", edit(`"shop"`, `[]`)), watchword.WrongAudience, "audience"},
		{"aud by prefix", signed(t, k, "at+jwt", edit(`"shop"`, `"shopping"`)), watchword.WrongAudience, "audience"},
		{"aud a star", signed(t, k, "at+jwt", edit(`"shop"`, `"*"`)), watchword.WrongAudience, "audience"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // a token is refused the second time too
				_, err := b.Verify(ctx, tt.raw)
				want(t, "Verify", err, tt.code)
			}
			checks, claims := b.Explain(ctx, tt.raw)
			last := checks[len(checks)-1]
			if tt.code == fine {
				if claims == nil || !last.Passed {
					t.Errorf("Explain disagrees: %+v", last)
				}
				return
			}
			if claims != nil || last.Passed || last.Name != tt.check || last.Code != tt.code || last.Fix == "" {
				t.Errorf("Explain ends with %+v, want %s to fail with %v", last, tt.check, tt.code)
			}
			if slices.ContainsFunc(checks[:len(checks)-1], func(c watchword.Check) bool { return !c.Passed }) {
				t.Errorf("Explain went on after a failure: %+v", checks)
			}
		})
	}
}

func tampered(raw string) string {
	i := strings.Index(raw, ".") + 10
	c := byte('A')
	if raw[i] == c {
		c = 'B'
	}
	return raw[:i] + string(c) + raw[i+1:]
}

func TestTheZeroVerifierRefusesEverything(t *testing.T) {
	k, ring := fixedRing(t)
	raw := signed(t, k, "at+jwt", goodPayload)
	now := func() time.Time { return noon }
	for name, v := range map[string]watchword.Verifier{
		"nothing":              {Now: now},
		"keys":                 {Now: now, Keys: ring},
		"keys and issuer":      {Now: now, Keys: ring, Issuer: "https://issuer.example"},
		"keys and audience":    {Now: now, Keys: ring, Audience: "shop"},
		"keys and any for all": {Now: now, Keys: ring, Audience: watchword.AnyAudience},
	} {
		if _, err := v.Verify(ctx, raw); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	v := watchword.Verifier{Now: now, Keys: ring, Issuer: "https://issuer.example", Audience: "shop"}
	_, err := v.Verify(ctx, raw)
	want(t, "complete", err, fine)
}

func TestTheMemoryForgetsWhatNoLongerCounts(t *testing.T) {
	b := newBench(t, nil)
	tokens := b.signIn(t)
	for range 2 {
		_, err := b.Verify(ctx, tokens.Access)
		want(t, "Verify", err, fine)
	}
	_, err := b.Verify(ctx, tokens.Access, watchword.Refresh)
	want(t, "another kind", err, watchword.WrongKind)
	b.pass(5 * time.Minute)
	_, err = b.Verify(ctx, tokens.Access)
	want(t, "expired", err, watchword.TokenExpired)

	b = newBench(t, nil)
	tokens = b.signIn(t)
	_, err = b.Verify(ctx, tokens.Access)
	want(t, "Verify", err, fine)
	keys, err := b.Keys(ctx)
	want(t, "Keys", err, fine)
	for _, k := range keys {
		if k.State == "active" {
			want(t, "RetireKey", b.RetireKey(ctx, k.ID), fine)
		}
	}
	_, err = b.Verify(ctx, tokens.Access)
	want(t, "after its key was retired", err, watchword.BadSignature)
}

func TestVerifiedIsBounded(t *testing.T) {
	k, ring := fixedRing(t)
	v := watchword.Verifier{
		Now: func() time.Time { return noon }, Keys: ring, Issuer: "https://issuer.example", Audience: "shop",
		Memory: watchword.NewVerified(64),
	}
	raw := signed(t, k, "at+jwt", goodPayload)
	for i := range 500 {
		_, err := v.Verify(ctx, signed(t, k, "at+jwt", strings.Replace(goodPayload, `"9"`, `"`+strings.Repeat("9", i%50+1)+`"`, 1)))
		want(t, "Verify", err, fine)
	}
	_, err := v.Verify(ctx, raw)
	want(t, "Verify", err, fine)
}

func TestPolicies(t *testing.T) {
	c := (&watchword.ClaimSet{Scopes: []string{"a", "b"}, Permissions: []string{"p"}}).Freeze(nil)
	yes, no := watchword.Scope("a"), watchword.Scope("x")
	tests := []struct {
		name   string
		p      watchword.Policy
		code   watchword.Code
		refuse string
	}{
		{"scope", yes, fine, ""},
		{"both scopes", watchword.Scope("a", "b"), fine, ""},
		{"scope missing", no, watchword.InsufficientScope, "x"},
		{"part of a scope", watchword.Scope("ab"), watchword.InsufficientScope, "ab"},
		{"permission", watchword.Permission("p"), fine, ""},
		{"permission missing", watchword.Permission("p", "q"), watchword.PermissionDenied, `"q"`},
		{"all", watchword.All(yes, watchword.Permission("p")), fine, ""},
		{"all of nothing", watchword.All(), fine, ""},
		{"not all", watchword.All(yes, no), watchword.InsufficientScope, "x"},
		{"any", watchword.Any(no, yes), fine, ""},
		{"any of nothing", watchword.Any(), watchword.PermissionDenied, ""},
		{"none", watchword.Any(no, watchword.Permission("q")), watchword.PermissionDenied, "q"},
		{"not", watchword.Not(no), fine, ""},
		{"not yes", watchword.Not(yes), watchword.PermissionDenied, ""},
		{"because", watchword.Because("Members only", no), watchword.InsufficientScope, "Members only"},
	}
	for _, tt := range tests {
		err := tt.p(c)
		want(t, tt.name, err, tt.code)
		if err != nil && !strings.Contains(err.Error(), tt.refuse) {
			t.Errorf("%s: %v does not say %s", tt.name, err, tt.refuse)
		}
	}
}

func BenchmarkVerifySeenBefore(b *testing.B) {
	w := newBench(b, nil)
	v := w.Verifier()
	v.Now = time.Now
	k, ring := fixedRing(b)
	raw := signed(b, k, "at+jwt", strings.NewReplacer("1777896300", "9999999999").Replace(goodPayload))
	v.Keys = ring
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(ctx, raw); err != nil {
			b.Fatal(err)
		}
	}
}

// swapping changes the ring right after a look-up, as a rotation that comes
// between the two would.
type swapping struct {
	ring *jwt.Keyring
	swap func()
}

func (s *swapping) Version() uint64 { return s.ring.Version() }

func (s *swapping) VerifyingKeys(ctx context.Context, h jwt.Header) ([]*jwt.Key, error) {
	keys, err := s.ring.VerifyingKeys(ctx, h)
	s.swap()
	return keys, err
}

// A token that was being verified while its key was taken away is not
// remembered under the keys that follow.
func TestAKeyTakenAwayDuringAVerification(t *testing.T) {
	old, ring := fixedRing(t)
	next, _ := fixedRing(t)
	source := &swapping{ring: ring}
	source.swap = func() {
		source.swap = func() {}
		if err := ring.Replace(jwt.RingKey{Key: next, State: jwt.Active}); err != nil {
			t.Error(err)
		}
	}
	v := watchword.Verifier{
		Now: func() time.Time { return noon }, Keys: source, Issuer: "https://issuer.example", Audience: "shop",
		Memory: watchword.NewVerified(64),
	}
	raw := signed(t, old, "at+jwt", goodPayload)
	_, err := v.Verify(ctx, raw)
	want(t, "Verify while the key goes", err, fine)
	_, err = v.Verify(ctx, raw)
	want(t, "Verify after it has gone", err, watchword.BadSignature)
}

// Claims lead back to their token, seen before or not, and printed by mistake
// they do not.
func TestClaimsToken(t *testing.T) {
	k, ring := fixedRing(t)
	b := newBench(t, func(c *watchword.Config) { c.Keys = ring })
	raw := signed(t, k, "at+jwt", goodPayload)
	forgetful := b.Verifier()
	forgetful.Memory = nil
	for name, verify := range map[string]func(context.Context, string, ...watchword.Kind) (*watchword.Claims, error){
		"first": b.Verify, "seen before": b.Verify, "without memory": forgetful.Verify,
	} {
		c, err := verify(t.Context(), raw)
		if err != nil {
			t.Fatal(err)
		}
		if c.Token() != raw {
			t.Errorf("%s: Token = %q, want %q", name, c.Token(), raw)
		}
		for how, text := range renderings(c) {
			if signature := raw[strings.LastIndexByte(raw, '.')+1:]; strings.Contains(text, signature) {
				t.Errorf("%s: %s shows the token: %.200s", name, how, text)
			}
		}
	}
	if token := new(watchword.Claims).Token(); token != "" {
		t.Errorf("Token of claims that nobody verified = %q", token)
	}
}
