package jwt_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/watchword-auth/watchword/jwt"
)

func ring(t testing.TB, keys ...jwt.RingKey) *jwt.Keyring {
	t.Helper()
	r, err := jwt.NewKeyring(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestStateString(t *testing.T) {
	for s, want := range map[jwt.State]string{
		jwt.Next: "next", jwt.Active: "active", jwt.Retiring: "retiring", jwt.Gone: "gone", 9: "State(9)",
	} {
		if got := s.String(); got != want {
			t.Errorf("State %d = %q, want %q", s, got, want)
		}
	}
}

func TestKeyringStates(t *testing.T) {
	keys := map[jwt.State]*jwt.Key{}
	var entries []jwt.RingKey
	for _, s := range []jwt.State{jwt.Next, jwt.Active, jwt.Retiring, jwt.Gone} {
		k, err := jwt.GenerateKey(jwt.ES256)
		if err != nil {
			t.Fatal(err)
		}
		keys[s] = k
		entries = append(entries, jwt.RingKey{Key: k, State: s})
	}
	r := ring(t, entries...)
	if r.Signer() != keys[jwt.Active] {
		t.Errorf("Signer = %v, want the active key", r.Signer())
	}
	data, err := r.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	published := string(data)
	for s, k := range keys {
		for _, token := range []string{sign(t, k, "at+jwt", "{}"), nameless(t, k)} {
			_, _, err := jwt.Open(context.Background(), token, r)
			if want := s != jwt.Gone; want != (err == nil) {
				t.Errorf("Open of a token by the key that is %v: %v", s, err)
			}
		}
		if want := s != jwt.Gone; want != strings.Contains(published, k.ID()) {
			t.Errorf("the key that is %v published: %v", s, !want)
		}
	}
	if strings.Contains(published, `"d":`) {
		t.Errorf("private numbers published: %s", published)
	}
	if got := r.Keys(); fmt.Sprint(got) != fmt.Sprint(entries) {
		t.Errorf("Keys = %v, want %v", got, entries)
	}
}

// nameless signs with a header that names no key.
func nameless(t *testing.T, k *jwt.Key) string {
	t.Helper()
	token, err := jwt.SignHeader(k, []byte(`{"typ":"x","alg":"`+string(k.Algorithm())+`"}`), []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestKeyringRefuses(t *testing.T) {
	es, hs := keyFor(t, jwt.ES256), keyFor(t, jwt.HS256)
	short, err := jwt.InsecureSecret("short", jwt.HS256, []byte("short"))
	if err != nil {
		t.Fatal(err)
	}
	signOnly, err := jwt.ParseKey(with(t, jwkOct, set{"kid": "s", "key_ops": []string{"sign"}}))
	if err != nil {
		t.Fatal(err)
	}
	var many []jwt.RingKey
	for i := range 65 {
		many = append(many, jwt.RingKey{Key: hs.WithID(fmt.Sprint(i))})
	}
	for _, tt := range []struct {
		name   string
		keys   []jwt.RingKey
		reason string
	}{
		{"empty", nil, "0 active keys"},
		{"none active", []jwt.RingKey{{es, jwt.Next}}, "0 active keys"},
		{"two active", []jwt.RingKey{{es, jwt.Active}, {es.WithID("x"), jwt.Active}}, "2 active keys"},
		{"active public key", []jwt.RingKey{{es.Public(), jwt.Active}}, "cannot both"},
		{"active short secret", []jwt.RingKey{{short, jwt.Active}}, "cannot both"},
		{"active secret that may not verify", []jwt.RingKey{{signOnly, jwt.Active}}, "cannot both"},
		{"id twice", []jwt.RingKey{{es, jwt.Active}, {keyFor(t, jwt.EdDSA).WithID(es.ID()), jwt.Next}}, "twice"},
		{"id twice, one gone", []jwt.RingKey{{es, jwt.Active}, {es, jwt.Gone}}, "twice"},
		{"two without ids", []jwt.RingKey{{hs.WithID(""), jwt.Active}, {short.WithID(""), jwt.Retiring}}, "twice"},
		{"secret without an id beside a public key", []jwt.RingKey{{es, jwt.Active}, {hs.WithID(""), jwt.Retiring}}, "without an id"},
		{"nil", []jwt.RingKey{{es, jwt.Active}, {nil, jwt.Next}}, "nil"},
		{"unknown state", []jwt.RingKey{{es, jwt.Active}, {hs, 9}}, "State(9)"},
		{"too many", many, "more than 64"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := jwt.NewKeyring(tt.keys...)
			if !errors.Is(err, jwt.ErrKey) || !strings.Contains(err.Error(), tt.reason) || r != nil {
				t.Errorf("NewKeyring = %v, want ErrKey about %q", err, tt.reason)
			}
		})
	}
	_, err = jwt.NewKeyring(jwt.RingKey{Key: nil}, jwt.RingKey{Key: hs, State: 9})
	for _, fault := range []string{"nil", "State(9)", "0 active keys"} {
		if !strings.Contains(fmt.Sprint(err), fault) {
			t.Errorf("all faults together: %v, want %q among them", err, fault)
		}
	}
}

// TestKeyringChangesAlgorithm: a secret and a pair side by side, each verifying its own tokens only.
func TestKeyringChangesAlgorithm(t *testing.T) {
	es, hs := keyFor(t, jwt.ES256), keyFor(t, jwt.HS256)
	r := ring(t, jwt.RingKey{Key: es, State: jwt.Active}, jwt.RingKey{Key: hs, State: jwt.Retiring})
	for _, k := range []*jwt.Key{es, hs} {
		if _, _, err := jwt.Open(context.Background(), sign(t, k, "at+jwt", "{}"), r); err != nil {
			t.Errorf("token of %v: %v", k, err)
		}
	}
	// An attacker takes the published key for a secret and names it in the header.
	point, err := es.Public().MarshalPrivate()
	if err == nil {
		t.Fatalf("a public key was written as a private one: %s", point)
	}
	data, err := r.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	forger, err := jwt.NewSecret(es.ID(), jwt.HS256, data)
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []string{"at+jwt", "x"} {
		if _, _, err := jwt.Open(context.Background(), sign(t, forger, typ, "{}"), r); !errors.Is(err, jwt.ErrAlgorithm) {
			t.Errorf("forged token: %v, want ErrAlgorithm", err)
		}
	}
	if strings.Contains(string(data), hs.ID()) || strings.Contains(string(data), "oct") {
		t.Errorf("the secret is in the JWKS: %s", data)
	}
}

// TestKeyringSignOnly: a private key that may only sign is verified by its public half.
func TestKeyringSignOnly(t *testing.T) {
	k, err := jwt.ParseKey(with(t, jwkEC, set{"kid": "s", "key_ops": []string{"sign"}}))
	if err != nil {
		t.Fatal(err)
	}
	r := ring(t, jwt.RingKey{Key: k, State: jwt.Active})
	if _, _, err := jwt.Open(context.Background(), sign(t, r.Signer(), "at+jwt", "{}"), r); err != nil {
		t.Errorf("Open: %v", err)
	}
	data, err := r.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var jwks struct{ Keys []map[string]any }
	if err := json.Unmarshal(data, &jwks); err != nil || len(jwks.Keys) != 1 || jwks.Keys[0]["key_ops"] != nil {
		t.Errorf("JWKS = %s, %v; want the public half without key_ops", data, err)
	}
}

// TestRecognisedHeaders: a header that is known as bytes gets the answer that decoding it gives.
func TestRecognisedHeaders(t *testing.T) {
	es, hs := keyFor(t, jwt.ES256), keyFor(t, jwt.HS256)
	rings := map[string]*jwt.Keyring{
		"one":          ring(t, jwt.RingKey{Key: es, State: jwt.Active}),
		"two":          ring(t, jwt.RingKey{Key: hs, State: jwt.Active}, jwt.RingKey{Key: es, State: jwt.Next}),
		"without ids":  ring(t, jwt.RingKey{Key: hs.WithID(""), State: jwt.Active}, jwt.RingKey{Key: secret(t, "old"), State: jwt.Retiring}),
		"others alone": ring(t, jwt.RingKey{Key: keyFor(t, jwt.EdDSA), State: jwt.Active}),
	}
	for name, r := range rings {
		for _, k := range []*jwt.Key{es, hs, hs.WithID(""), secret(t, "old"), secret(t, "")} {
			for _, typ := range []string{"at+jwt", "JWT", "", "other"} {
				token := sign(t, k, typ, `{"a":1}`)
				h1, p1, err1 := jwt.Open(context.Background(), token, r)
				h2, p2, err2 := jwt.Open(context.Background(), token, plain{r})
				if h1 != h2 || string(p1) != string(p2) || fmt.Sprint(err1) != fmt.Sprint(err2) {
					t.Errorf("%s, %v, %q: recognised %+v, %v; decoded %+v, %v", name, k, typ, h1, err1, h2, err2)
				}
			}
		}
	}
}

// plain hides everything of a source but its one method.
type plain struct{ jwt.KeySource }

func TestKeyringReplace(t *testing.T) {
	first, second := keyFor(t, jwt.ES256), keyFor(t, jwt.EdDSA)
	r := ring(t, jwt.RingKey{Key: first, State: jwt.Active})
	token := sign(t, first, "at+jwt", "{}")
	if r.Version() != 1 {
		t.Errorf("Version = %d, want 1", r.Version())
	}
	if err := r.Replace(jwt.RingKey{Key: second, State: jwt.Next}); !errors.Is(err, jwt.ErrKey) {
		t.Errorf("Replace without an active key: %v, want ErrKey", err)
	}
	if r.Version() != 1 || r.Signer() != first {
		t.Errorf("after a refused Replace: version %d, signer %v", r.Version(), r.Signer())
	}
	if err := r.Replace(jwt.RingKey{Key: second, State: jwt.Active}, jwt.RingKey{Key: first, State: jwt.Gone}); err != nil {
		t.Fatal(err)
	}
	if r.Version() != 2 || r.Signer() != second {
		t.Errorf("after Replace: version %d, signer %v", r.Version(), r.Signer())
	}
	if _, _, err := jwt.Open(context.Background(), token, r); !errors.Is(err, jwt.ErrUnknownKey) {
		t.Errorf("token of the key that is gone: %v, want ErrUnknownKey", err)
	}
}

// TestKeyringSnapshots: what a ring hands out can be changed without changing the ring.
func TestKeyringSnapshots(t *testing.T) {
	entries := []jwt.RingKey{{Key: keyFor(t, jwt.ES256), State: jwt.Active}}
	r := ring(t, entries...)
	entries[0].Key = nil
	r.Keys()[0].Key = nil
	data, err := r.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	if again, err := r.JWKS(); err != nil || !json.Valid(again) || r.Keys()[0].Key == nil {
		t.Errorf("the ring changed: %v, %s, %v", r.Keys(), again, err)
	}
}

func TestZeroKeyring(t *testing.T) {
	var r jwt.Keyring
	if _, err := r.VerifyingKeys(context.Background(), jwt.Header{Algorithm: jwt.HS256}); !errors.Is(err, jwt.ErrUnknownKey) {
		t.Errorf("VerifyingKeys: %v, want ErrUnknownKey", err)
	}
	if _, _, err := jwt.Open(context.Background(), sign(t, secret(t, ""), "JWT", "{}"), &r); !errors.Is(err, jwt.ErrUnknownKey) {
		t.Errorf("Open: %v, want ErrUnknownKey", err)
	}
	if data, err := r.JWKS(); err != nil || string(data) != `{"keys":[]}` {
		t.Errorf("JWKS = %s, %v", data, err)
	}
	if r.Signer() != nil || r.Version() != 0 || r.Keys() != nil {
		t.Errorf("signer %v, version %d, keys %v", r.Signer(), r.Version(), r.Keys())
	}
}

// TestKeyringConcurrently replaces while others sign and open; -race watches.
func TestKeyringConcurrently(t *testing.T) {
	a, b := keyFor(t, jwt.HS256), keyFor(t, jwt.HS512)
	r := ring(t, jwt.RingKey{Key: a, State: jwt.Active}, jwt.RingKey{Key: b, State: jwt.Next})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				token, err := jwt.Sign(r.Signer(), "at+jwt", []byte("{}"))
				if err != nil {
					t.Error(err)
					return
				}
				if _, _, err := jwt.Open(context.Background(), token, r); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	const replaced = 100
	for range 2 {
		wg.Go(func() {
			for i := range replaced {
				states := []jwt.State{jwt.Active, jwt.Retiring}
				err := r.Replace(jwt.RingKey{Key: a, State: states[i%2]}, jwt.RingKey{Key: b, State: states[(i+1)%2]})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if r.Version() != 1+2*replaced {
		t.Errorf("Version = %d after %d replacements", r.Version(), 2*replaced)
	}
}
