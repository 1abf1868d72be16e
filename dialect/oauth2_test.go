package dialect_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/password"
)

const testSecret = "4242424242424242424242424242424242424242424242424242424242424242"

// janeHash is the guide's hash of "hashsecret".
const janeHash = "$2a$12$KplebFTPwFcgGQosJgI4De0PyB2AoRCSxasxHpFoYZPp6uQV/xLzm"

// forge signs claims as the old system did.
func forge(t *testing.T, secret string, alg jwt.Algorithm, claims map[string]any) string {
	t.Helper()
	k, err := jwt.NewSecret("", alg, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jwt.Sign(k, "JWT", payload)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func tamper(raw string) string {
	i := strings.LastIndex(raw, ".") + 5
	c := "A"
	if raw[i] == 'A' {
		c = "B"
	}
	return raw[:i] + c + raw[i+1:]
}

// oauth2Rig is the recorder's application: the guide's routes, the chapter on
// scopes under /scoped, the strict form under /strict, optional
// authentication under /optional.
func oauth2Rig(t *testing.T, base map[string]any) *rig {
	t.Helper()
	r := newRig(t)
	r.user(watchword.User{
		Login: "janedoe", Email: "janedoe@example.com", FirstName: "Jane", LastName: "Doe", Active: true,
		Scopes: []string{"me", "items"},
	}, janeHash)
	r.user(watchword.User{Login: "off"}, janeHash)
	with := func(more map[string]any) dialect.Options {
		settings := map[string]any{"SECRET_KEY": testSecret, "ACCESS_TOKEN_EXPIRE_MINUTES": int64(30)}
		for k, v := range base {
			settings[k] = v
		}
		for k, v := range more {
			settings[k] = v
		}
		return dialect.Options{Settings: settings, SampleRoutes: true}
	}
	scoped := with(map[string]any{"always_scopes": true})
	scoped.Prefix = "/scoped"
	r.face("oauth2", scoped)
	routes := r.faces[0].Profile.Routes
	routes[1].Scopes, routes[2].Scopes = []string{"me"}, []string{"me", "items"}
	strict := with(map[string]any{"strict_form": true})
	strict.Prefix, strict.SampleRoutes = "/strict", false
	r.face("oauth2", strict)
	r.face("oauth2", with(nil))
	plain := &r.faces[2].Profile
	plain.Routes = append(plain.Routes, httpauth.Route{
		Pattern: "GET optional", Serve: func(x *httpauth.Exchange) (httpauth.Reply, error) {
			var token any
			if raw, ok := x.Transport().Access(x.Request); ok {
				token = raw
			}
			return x.JSON(http.StatusOK, httpauth.Object{{Name: "token", Value: token}})
		},
	})
	return r
}

func (r *rig) oauth2Forgeries() func(string) string {
	exp := r.now().Add(30 * time.Minute).Unix()
	claims := func(sub string) map[string]any { return map[string]any{"sub": sub, "exp": exp} }
	return func(name string) string {
		switch name {
		case "token tampered":
			return tamper(forge(r.t, testSecret, jwt.HS256, claims("janedoe")))
		case "forged expired":
			return forge(r.t, testSecret, jwt.HS256, map[string]any{"sub": "janedoe", "exp": r.now().Unix() - 60})
		case "forged without sub":
			return forge(r.t, testSecret, jwt.HS256, map[string]any{"exp": exp})
		case "forged empty sub":
			return forge(r.t, testSecret, jwt.HS256, claims(""))
		case "forged unknown sub":
			return forge(r.t, testSecret, jwt.HS256, claims("ghost"))
		case "forged disabled user":
			return forge(r.t, testSecret, jwt.HS256, claims("off"))
		case "forged prefixed sub":
			return forge(r.t, testSecret, jwt.HS256, claims("username:janedoe"))
		case "forged without exp":
			return forge(r.t, testSecret, jwt.HS256, map[string]any{"sub": "janedoe"})
		case "forged HS512":
			return forge(r.t, testSecret, jwt.HS512, claims("janedoe"))
		case "token without scope me", "token without scope":
			return forge(r.t, testSecret, jwt.HS256, claims("janedoe"))
		default:
			return ""
		}
	}
}

// The document itself comes with another part of the product.
func oauth2Documents(id string) bool { return id == "fastapi/openapi" || id == "fastapi/docs" }

func TestGoldenOAuth2(t *testing.T) {
	differences := readDifferences(t, "oauth2")
	settings := map[string]map[string]any{
		"fastapi":  nil,
		"esmerald": {"success_status": int64(201), "validation": "esmerald"},
	}
	replays := make(map[string]*replay)
	for setup, s := range settings {
		r := oauth2Rig(t, s)
		replays[setup] = &replay{
			t: t, server: r.handler(), now: r.now, tokens: make(map[string]string), differences: differences, make: r.oauth2Forgeries(),
		}
	}
	for _, e := range readGolden(t, "oauth2").Exchanges {
		if oauth2Documents(e.ID) {
			continue
		}
		if e.ID == "esmerald/me-missing-scope" {
			e.Request.Path = "/scoped/users/me"
		}
		if e.ID == "esmerald/scope-403-variant" {
			r := oauth2Rig(t, map[string]any{"missing_scope": int64(403)})
			e.Request.Path = "/scoped/users/me"
			p := *replays["esmerald"]
			p.server = r.handler()
			p.play(e)
			continue
		}
		replays[e.Setup].play(e)
	}
	replays["fastapi"].finish()
}

func TestOAuth2IsSafeWhereTheGuideIsNot(t *testing.T) {
	r := oauth2Rig(t, map[string]any{"sub_prefix": "username:"})
	h := r.handler()
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	token := func(body string) string {
		t.Helper()
		status, header, answer := call(h, "POST", "/token", form, body)
		if status != 200 || header.Get("Cache-Control") != "no-store" {
			t.Fatalf("POST /token = %d %v %s", status, header, answer)
		}
		var tokens struct {
			AccessToken string `json:"access_token"`
		}
		if err := json.Unmarshal([]byte(answer), &tokens); err != nil {
			t.Fatal(err)
		}
		return tokens.AccessToken
	}
	for asked, want := range map[string]string{"": "", "&scope=me": "", "&scope=me+root": `,"scope":"me"`, "&scope=root": `,"scope":""`} {
		_, _, answer := call(h, "POST", "/token", form, "username=janedoe&password=hashsecret"+asked)
		if _, rest, _ := strings.Cut(answer, `"token_type":"bearer"`); rest != want+"}" {
			t.Errorf("asked for %q, the answer ends in %s, want the scope only where it is another (RFC 6749, section 5.1)", asked, rest)
		}
	}
	raw := token("username=janedoe&password=hashsecret&scope=me+root")
	claims, order := decodePart(t, raw, 1)
	if claims["sub"] != "username:janedoe" || strings.Join(order, " ") != "sub scopes exp jti" {
		t.Errorf("claims %v in order %v", claims, order)
	}
	if scopes, ok := claims["scopes"].([]any); !ok || len(scopes) != 1 || scopes[0] != "me" {
		t.Errorf("granted %v, want only what the user may have", claims["scopes"])
	}
	bearer := map[string]string{"Authorization": "Bearer " + raw}
	if status, _, body := call(h, "GET", "/users/me", bearer, ""); status != 200 || body != `{"username":"janedoe","email":"janedoe@example.com","full_name":"Jane Doe","disabled":false}` {
		t.Errorf("GET /users/me = %d %s", status, body)
	}
	off := false
	if _, err := r.store.UpdateUser(context.Background(), "1", watchword.UserChange{Active: &off}, 0, r.now().Add(time.Hour), r.now()); err != nil {
		t.Fatal(err)
	}
	if err := r.auth.Follow(context.Background()); err != nil {
		t.Fatal(err)
	}
	if status, _, body := call(h, "GET", "/users/me", bearer, ""); status != 400 || body != `{"detail":"Inactive user"}` {
		t.Errorf("GET /users/me of a disabled user = %d %s", status, body)
	}
	if status, _, body := call(h, "POST", "/token", form, "username=janedoe&password=hashsecret"); status != 401 || body != `{"detail":"Incorrect username or password"}` {
		t.Errorf("POST /token of a disabled user = %d %s", status, body)
	}
}

func TestSettingsRefuse(t *testing.T) {
	tests := []struct {
		name, dialect string
		o             dialect.Options
		want          []string
	}{
		{"short secret", "ellar", dialect.Options{Settings: map[string]any{"signing_secret_key": "your-secret-key"}}, []string{"signing_secret_key", "15", "32", "watchword key secret"}},
		{"unknown and wrong, all at once", "oauth2", dialect.Options{Settings: map[string]any{"secret": "x", "ALGORITHM": "none", "strict_form": "yes"}}, []string{"secret", "ALGORITHM", "strict_form"}},
		{"printed secret, exposed", "oauth2", dialect.Options{Exposed: true, Settings: map[string]any{"SECRET_KEY": "adec4de83525abdd446b258d0df8a3cc151ee65e95ae8b8ccf51b643df71afcf"}}, []string{"SECRET_KEY", "public document"}},
		{"password as a field", "ellar", dialect.Options{UserFields: []string{"password"}}, []string{"user_fields"}},
		{"sliding without rotation", "ellar", dialect.Options{Settings: map[string]any{"sliding": true}}, []string{"sliding", "rotate_refresh_tokens"}},
		{"private key that is none", "ellar", dialect.Options{Settings: map[string]any{"algorithm": "RS256", "signing_secret_key": "x"}}, []string{"signing_secret_key"}},
		{"unknown dialect", "nobody", dialect.Options{}, []string{"nobody", "ellar", "oauth2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := dialect.ByName(tt.dialect, tt.o)
			for _, word := range tt.want {
				if err == nil || !strings.Contains(err.Error(), word) {
					t.Errorf("ByName = %v, want it to name %q", err, word)
				}
			}
		})
	}
	d, err := dialect.ByName("oauth2", dialect.Options{Settings: map[string]any{"SECRET_KEY": "adec4de83525abdd446b258d0df8a3cc151ee65e95ae8b8ccf51b643df71afcf"}})
	if err != nil || len(d.Notes) != 1 || !strings.Contains(d.Notes[0], "public document") {
		t.Errorf("a printed secret on loopback: %v, notes %q", err, d.Notes)
	}
}

// TestOAuth2HashesOfOtherSystems: people of one table, hashed by bcrypt,
// Django and Werkzeug, all sign in, and their hashes become the preferred
// one's.
func TestOAuth2HashesOfOtherSystems(t *testing.T) {
	r := newRig(t)
	r.face("oauth2", dialect.Options{Settings: map[string]any{"SECRET_KEY": testSecret}})
	h := r.handler()
	for login, hash := range map[string]string{
		"bcrypt":   janeHash,
		"django":   djangoHash(t, "hashsecret"),
		"werkzeug": "pbkdf2:sha256:1000$qoC8ABYi8muPeGar$0ae41789e60d124fd0182cc7510197f88e4f5443072e66b05a7d3849ccc8833c",
	} {
		pass := "hashsecret"
		if login == "werkzeug" {
			pass = "correct horse battery staple"
		}
		made, err := r.store.CreateUser(context.Background(), watchword.NewUser{User: watchword.User{Login: login, Active: true}, PasswordHash: hash})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			status, _, body := call(h, "POST", "/token", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, "username="+login+"&password="+strings.ReplaceAll(pass, " ", "+"))
			if status != 200 {
				t.Errorf("%s: POST /token = %d %s", login, status, body)
			}
		}
		_, stored, err := r.store.UserByLogin(context.Background(), login)
		if err != nil || r.base.Hasher.NeedsUpgrade(stored) {
			t.Errorf("user %s is still hashed as %q, %v", made.ID, r.base.Hasher.Class(stored), err)
		}
	}
}

func djangoHash(t *testing.T, pass string) string {
	t.Helper()
	h, err := password.New(password.Config{Preferred: password.Params{Scheme: "django-pbkdf2-sha256", Rounds: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := h.Hash(context.Background(), pass)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// TestOAuth2SubjectsThatAreNoUsers: a car has no account; its token is issued
// and opens what its scope allows.
func TestOAuth2SubjectsThatAreNoUsers(t *testing.T) {
	r := newRig(t)
	p := r.face("oauth2", dialect.Options{Settings: map[string]any{"SECRET_KEY": testSecret, "sub_prefix": "username:"}})
	tokens, err := r.auth.Issue(context.Background(), watchword.IssueRequest{Subject: "car:42", Scopes: []string{"drive"}})
	if err != nil {
		t.Fatal(err)
	}
	claims, _ := decodePart(t, tokens.Access, 1)
	if claims["sub"] != "car:42" {
		t.Errorf("sub = %v", claims["sub"])
	}
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	guard := p.Guard(r.auth)
	api := guard.Require(watchword.Scope("drive")) // the level of the API …
	mux := http.NewServeMux()
	mux.Handle("GET /drive", api(ok))
	mux.Handle("GET /park", api(guard.Require(watchword.Scope("park"))(ok))) // … and of the resource add up
	bearer := map[string]string{"Authorization": "Bearer " + tokens.Access}
	if status, _, _ := call(mux, "GET", "/drive", bearer, ""); status != 204 {
		t.Errorf("GET /drive = %d", status)
	}
	status, header, body := call(mux, "GET", "/park", bearer, "")
	if status != 401 || body != `{"detail":"Not enough permissions"}` || header.Get("WWW-Authenticate") != `Bearer scope="park"` {
		t.Errorf("GET /park = %d %v %s", status, header, body)
	}
	if status, _, body := call(r.handler(), "GET", "/users/me", bearer, ""); status != 400 || body != `{"detail":"Inactive user"}` {
		t.Errorf("GET /users/me of a car = %d %s", status, body)
	}
}
