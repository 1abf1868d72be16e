package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

func testKeys(t *testing.T) keys {
	t.Helper()
	k, err := newKeys()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func reference(t *testing.T, k keys, alg string, change func(*claims)) string {
	t.Helper()
	c := newClaims(time.Now())
	if change != nil {
		change(&c)
	}
	token, err := newLimit(k, alg).sign(c.payload())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestReference pins what is measured to the shape of earlier measurements,
// so that their figures can be set beside each other.
func TestReference(t *testing.T) {
	k := testKeys(t)
	if n := len(newClaims(time.Now()).payload()); n != 407 {
		t.Errorf("the payload has %d bytes, want 407", n)
	}
	for alg, want := range map[string]int{"HS256": 624, "ES256": 667, "EdDSA": 667, "RS256": 923} {
		if n := len(reference(t, k, alg, nil)); n != want {
			t.Errorf("the %s token has %d bytes, want %d", alg, n, want)
		}
	}
}

// TestAgree has every entry judge the same tokens.
func TestAgree(t *testing.T) {
	k, others := testKeys(t), testKeys(t)
	everybody := append(entries(), seen()...)
	for _, alg := range algorithms {
		good := reference(t, k, alg, nil)
		// In the middle of the signature: the last character may carry bits
		// that say nothing.
		at := strings.LastIndexByte(good, '.') + 20
		forged := good[:at] + string('A'+(good[at]+1)%26) + good[at+1:]
		tokens := []struct {
			name, token string
			ok          bool
			unread      bool // the limit reads no claims and so cannot refuse it
		}{
			{"good", good, true, false},
			{"good again", good, true, false},
			{"forged", forged, false, false},
			{"another's", reference(t, others, alg, nil), false, false},
			{"expired", reference(t, k, alg, func(c *claims) { c.Expiry = c.IssuedAt }), false, true},
			{"not yet valid", reference(t, k, alg, func(c *claims) { c.NotBefore += 60 }), false, true},
			{"another issuer's", reference(t, k, alg, func(c *claims) { c.Issuer += "/" }), false, true},
			{"for others", reference(t, k, alg, func(c *claims) { c.Audience += "/" }), false, true},
		}
		for _, e := range everybody {
			verify, err := e.verifier(k, alg)
			if err != nil {
				t.Fatal(err)
			}
			for _, test := range tokens {
				if test.unread && e.name == nameLimit {
					continue
				}
				id, err := verify(test.token)
				if (err == nil) != test.ok {
					t.Errorf("%s, %s, %s: %v, want accepted %v", alg, e.name, test.name, err, test.ok)
				}
				if want := newClaims(time.Now()).ID; err == nil && e.name != nameLimit && id != want {
					t.Errorf("%s, %s, %s: jti %q, want %q", alg, e.name, test.name, id, want)
				}
			}
		}
	}
}

// TestSignersAgree has every entry accept what every other signs, with the
// same claims in it.
func TestSignersAgree(t *testing.T) {
	k := testKeys(t)
	c := newClaims(time.Now())
	for _, alg := range algorithms {
		for _, signs := range entries() {
			if signs.signer == nil {
				continue
			}
			sign, err := signs.signer(k, alg)
			if err != nil {
				t.Fatal(err)
			}
			token, err := sign(c)
			if err != nil {
				t.Fatalf("%s, %s: %v", alg, signs.name, err)
			}
			for _, e := range entries() {
				verify, err := e.verifier(k, alg)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := verify(token); err != nil {
					t.Errorf("%s: %s does not accept what %s signed: %v", alg, e.name, signs.name, err)
				}
			}
			payload, err := newLimit(k, alg).open(token)
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				claims
				Audience any `json:"aud"` // some write a list of one
			}
			if err := json.Unmarshal(payload, &got); err != nil {
				t.Fatal(err)
			}
			if got.ID != c.ID || got.Expiry != c.Expiry || got.Scope != c.Scope || got.User.Email != c.User.Email {
				t.Errorf("%s, %s wrote %s", alg, signs.name, payload)
			}
		}
	}
}

// TestSeenBefore makes sure that the memory is what the entries measure.
func TestSeenBefore(t *testing.T) {
	k := testKeys(t)
	v, err := newVerifier(k, "ES256", watchword.NewVerified(0))
	if err != nil {
		t.Fatal(err)
	}
	token := reference(t, k, "ES256", nil)
	first, err := v.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	again, err := v.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if first != again {
		t.Error("the second look at a token read it anew")
	}
}
