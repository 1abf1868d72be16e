package remote_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/remote"
)

// Tokens in the shape of other systems are verified by the shared secret, and
// their sessions are known from the feed.
func TestDialectTokens(t *testing.T) {
	const secret = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
	for name, test := range map[string]struct {
		settings map[string]any
		layout   remote.DialectLayout
	}{
		"easyjwt": {map[string]any{"SIGNING_KEY": secret}, remote.DialectLayout{User: "user_id", Kind: "token_type", Access: "access"}},
		"djwto":   {map[string]any{"DJWTO_SIGNING_KEY": secret, "DJWTO_MODE": "JSON"}, remote.DialectLayout{Kind: "type", Access: "access"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCentral(t, nil)
				d, err := dialect.ByName(name, dialect.Options{Settings: test.settings})
				if err != nil {
					t.Fatal(err)
				}
				config, err := d.Engine(watchword.Config{Issuer: issuer, Audience: "shop", Store: c.store, SealKey: c.seal, Hasher: c.hasher, InsecureUnlimited: true})
				if err != nil {
					t.Fatal(err)
				}
				face, err := watchword.New(config)
				if err != nil {
					t.Fatal(err)
				}
				key, err := jwt.NewSecret("", jwt.HS256, []byte(secret))
				if err != nil {
					t.Fatal(err)
				}
				client := c.service(t, func(r *remote.Config) {
					r.Profile, r.Audience = name, ""
					r.Verifier = func(n *watchword.Numbers) (watchword.Verifier, error) {
						layout := test.layout
						layout.Numbers = n
						return watchword.Verifier{
							Keys: jwt.KeySet{key}, Type: "JWT", Layout: layout, Audience: watchword.AnyAudience,
							InsecureIssuerOptional: true, InsecureSubjectOptional: true, InsecureIssuedAtOptional: true,
						}, nil
					}
				})
				tokens, err := face.SignIn(t.Context(), watchword.SignInRequest{Credentials: ann})
				if err != nil {
					t.Fatal(err)
				}
				claims, err := client.Verify(t.Context(), tokens.Access)
				if err != nil || claims.Number != tokens.Session.Number || claims.Session == "" {
					t.Fatalf("Verify = %+v, %v, want session %d", claims, err, tokens.Session.Number)
				}
				if name == "easyjwt" && claims.UserID != annID {
					t.Errorf("UserID = %q", claims.UserID)
				}
				if _, err := client.Verify(t.Context(), tokens.Refresh); !errors.Is(err, watchword.WrongKind) {
					t.Errorf("Verify = %v of the refresh token, want WrongKind", err)
				}
				if native := c.signIn("ann"); client != nil {
					if _, err := client.Verify(t.Context(), native.Access); err == nil {
						t.Error("a native token was accepted")
					}
				}
				if err := face.SignOut(t.Context(), watchword.SignOutRequest{Raw: tokens.Access}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(100 * time.Millisecond)
				if _, err := client.Verify(t.Context(), tokens.Access); !errors.Is(err, watchword.SessionEnded) {
					t.Errorf("Verify = %v after the sign-out", err)
				}
			})
		})
	}
}

func TestDialectLayout(t *testing.T) {
	numbers, err := watchword.NewStatusNumbers(make([]byte, 32), "easyjwt")
	if err != nil {
		t.Fatal(err)
	}
	other, err := watchword.NewStatusNumbers(make([]byte, 32), "djwto")
	if err != nil {
		t.Fatal(err)
	}
	id := watchword.TokenID{Number: 7, Kind: watchword.Access}
	renewal := watchword.TokenID{Number: 7, Kind: watchword.Refresh}
	easy := remote.DialectLayout{Numbers: numbers, User: "user_id", Kind: "token_type", Access: "access"}
	byID := remote.DialectLayout{Numbers: numbers}
	for name, test := range map[string]struct {
		layout  remote.DialectLayout
		payload string
		kind    watchword.Kind
		number  int64
		user    string
		err     error
	}{
		"access":                     {easy, `{"user_id":3,"token_type":"access","jti":"` + numbers.Hex(id) + `"}`, watchword.Access, 7, "3", nil},
		"id as text":                 {easy, `{"user_id":"3","token_type":"access","jti":"` + numbers.Hex(id) + `"}`, watchword.Access, 7, "3", nil},
		"refresh":                    {easy, `{"user_id":3,"token_type":"refresh","jti":"` + numbers.Hex(renewal) + `"}`, watchword.Refresh, 7, "3", nil},
		"claim and jti disagree":     {easy, `{"user_id":3,"token_type":"access","jti":"` + numbers.Hex(renewal) + `"}`, watchword.Refresh, 7, "3", nil},
		"pair that shares a jti":     {easy, `{"user_id":3,"token_type":"access","jti":"` + numbers.Hex(watchword.TokenID{Number: 9}) + `"}`, watchword.Access, 9, "3", nil},
		"no kind":                    {easy, `{"user_id":3,"jti":"` + numbers.Hex(id) + `"}`, watchword.Refresh, 7, "3", nil},
		"old system's":               {easy, `{"user_id":3,"token_type":"access","jti":"f00"}`, watchword.Access, 0, "3", nil},
		"another profile's":          {easy, `{"user_id":3,"token_type":"access","jti":"` + other.Hex(id) + `"}`, 0, 0, "", watchword.WrongKind},
		"by jti alone":               {byID, `{"sub":3,"jti":"` + numbers.UUID(id) + `"}`, watchword.Access, 7, "3", nil},
		"by jti alone, old system's": {byID, `{"sub":"3","jti":"x"}`, 0, 0, "3", nil},
		"without numbers":            {remote.DialectLayout{Kind: "t", Access: "a"}, `{"sub":"3","t":"a"}`, watchword.Access, 0, "3", nil},
		"without numbers and kind":   {remote.DialectLayout{}, `{"sub":"3"}`, 0, 0, "3", nil},
		"id under another name":      {remote.DialectLayout{Numbers: numbers, ID: "tid"}, `{"sub":"3","tid":"` + numbers.Hex(id) + `","jti":"x"}`, watchword.Access, 7, "3", nil},
		"user is a list":             {easy, `{"user_id":[3],"token_type":"access"}`, 0, 0, "", watchword.TokenMalformed},
		"kind twice":                 {easy, `{"token_type":"refresh","token_type":"access"}`, 0, 0, "", watchword.TokenMalformed},
		"kind is a number":           {easy, `{"token_type":1}`, 0, 0, "", watchword.TokenMalformed},
		"no object":                  {easy, `[]`, 0, 0, "", watchword.TokenMalformed},
	} {
		c, err := test.layout.Unmarshal([]byte(test.payload))
		if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
			t.Errorf("%s: %v, want %v", name, err, test.err)
		}
		if err == nil && (c.Kind != test.kind || c.Number != test.number || c.UserID != test.user) {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if _, err := easy.Marshal(&watchword.ClaimSet{}); err == nil {
		t.Error("Marshal wrote something")
	}
}

// Dialects' faces are served over an authority elsewhere, but for those that
// look into refresh tokens, which the authority alone can read: they say so
// when they are mounted.
func TestDialectsMounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCentral(t, nil)
		client := c.service(t, nil)
		const secret = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
		settings := map[string]map[string]any{
			"djwto":    {"DJWTO_SIGNING_KEY": secret, "DJWTO_MODE": "JSON"},
			"easyjwt":  {"SIGNING_KEY": secret},
			"ellar":    {"signing_secret_key": secret},
			"esmerald": {"signing_key": secret},
			"oauth2":   {"SECRET_KEY": secret, "ALGORITHM": "HS256"},
		}
		for name, s := range settings {
			d, err := dialect.ByName(name, dialect.Options{Settings: s, Prefix: "/x"})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			err = httpauth.Mount(http.NewServeMux(), client, d.Profile)
			if looks := name == "djwto" || name == "easyjwt"; looks != (err != nil) {
				t.Errorf("%s: Mount = %v", name, err)
			}
		}
	})
}
