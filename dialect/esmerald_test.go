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
)

func esmeraldRig(t *testing.T, o dialect.Options) *rig {
	t.Helper()
	r := newRig(t)
	r.user(watchword.User{Login: "test", Email: "foo@bar.com", Active: true}, "12345")
	r.user(watchword.User{Login: "off", Email: "off@bar.com"}, "12345")
	r.user(watchword.User{Login: "gone", Email: "gone@bar.com", Active: true}, "12345")
	settings := map[string]any{"signing_key": testSecret}
	for k, v := range o.Settings {
		settings[k] = v
	}
	o.Settings = settings
	r.face("esmerald", o)
	return r
}

// protect adds the view behind the framework's middleware.
func (r *rig) protect() {
	routes := &r.faces[0].Profile.Routes
	*routes = append(*routes, httpauth.Route{
		Pattern: "GET /protected", Op: httpauth.OpWhoami,
		Out: httpauth.Output{Encode: func(x *httpauth.Exchange, res httpauth.Result) (httpauth.Reply, error) {
			return x.JSON(http.StatusOK, httpauth.Object{{Name: "user", Value: res.User.Login}})
		}},
	})
}

// esmeraldTokens signs somebody in and returns both tokens.
func esmeraldTokens(t *testing.T, h http.Handler, path, body string) (access, refresh string) {
	t.Helper()
	status, header, answer := call(h, "POST", path, jsonBody, body)
	var tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal([]byte(answer), &tokens); err != nil || status != 200 || header.Get("Cache-Control") != "no-store" {
		t.Fatalf("POST %s = %d %v %s", path, status, header, answer)
	}
	return tokens.Access, tokens.Refresh
}

var jsonBody = map[string]string{"Content-Type": "application/json"}

const fooSignIn = `{"email":"foo@bar.com","password":"12345"}`

// ES-01 ES-02 ES-04 ES-05 ES-08 ES-09 ES-10 ES-11 ES-12 ES-17 ES-26 ES-27
// ES-33 ES-34
func TestGoldenEsmerald(t *testing.T) {
	differences := readDifferences(t, "esmerald")
	options := map[string]dialect.Options{
		"email":                {},
		"framework-middleware": {},
		"username":             {Settings: map[string]any{"login_model": "LoginUserIn", "backend_authentication": "BackendUsernameAuthentication"}},
		"default-mount":        {Prefix: "/simple-jwt"},
	}
	replays := make(map[string]*replay)
	for setup, o := range options {
		r := esmeraldRig(t, o)
		r.protect()
		h := r.handler()
		replays[setup] = &replay{t: t, server: h, now: r.now, tokens: make(map[string]string), differences: differences, make: r.esmeraldToken(h)}
	}
	for _, e := range readGolden(t, "esmerald").Exchanges {
		replays[e.Setup].play(e)
	}
	replays["email"].finish()
}

// esmeraldToken makes the tokens that the recording takes for granted.
func (r *rig) esmeraldToken(h http.Handler) func(string) string {
	now := r.now().Unix()
	return func(name string) string {
		access, refresh := "", ""
		if name != "expired access" && name != "expired refresh" {
			login := fooSignIn
			if strings.HasSuffix(name, "removed user") {
				login = strings.Replace(fooSignIn, "foo", "gone", 1)
			}
			access, refresh = esmeraldTokens(r.t, h, "/auth/signin", login)
		}
		switch name {
		case "refresh":
			return refresh
		case "tampered":
			return tamper(refresh)
		case "expired refresh":
			return forge(r.t, testSecret, jwt.HS256, map[string]any{"exp": now - 60, "iat": now - 360, "sub": "1", "token_type": "refresh_token"})
		case "expired access":
			return forge(r.t, testSecret, jwt.HS256, map[string]any{"exp": now - 60, "iat": now - 360, "sub": "1", "token_type": "access_token"})
		case "refresh of a removed user", "access of a removed user":
			if err := r.store.DeleteUser(context.Background(), "3", r.now().Add(time.Hour), r.now()); err != nil {
				r.t.Fatal(err)
			}
			if err := r.auth.Follow(context.Background()); err != nil {
				r.t.Fatal(err)
			}
			if name == "refresh of a removed user" {
				return refresh
			}
			return access
		default:
			return ""
		}
	}
}

func TestEsmeraldSettings(t *testing.T) {
	tests := []struct {
		name, rows string
		settings   map[string]any
		path       string
		claims     string // of the access token, in order
		kind       string
		lifetime   float64
		refreshFor float64
	}{
		{"defaults", "ES-12 ES-13 ES-29", nil, "/auth/signin", "exp iat sub token_type jti", "access_token", 300, 86400},
		{"lifetimes", "ES-13", map[string]any{"access_token_lifetime": "1m", "refresh_token_lifetime": int64(3600)}, "/auth/signin", "exp iat sub token_type jti", "access_token", 60, 3600},
		{"names", "ES-14", map[string]any{"access_token_name": "a", "refresh_token_name": "r"}, "/auth/signin", "exp iat sub token_type jti", "a", 300, 86400},
		{"algorithm", "ES-15", map[string]any{"algorithm": "HS384"}, "/auth/signin", "exp iat sub token_type jti", "access_token", 300, 86400},
		{"paths", "ES-16", map[string]any{"signin_url": "/login", "refresh_url": "/again"}, "/auth/login", "exp iat sub token_type jti", "access_token", 300, 86400},
		{"claims", "ES-29", map[string]any{"jti_claim": "tid", "user_id_claim": "uid", "audience": "A", "issuer": "I"}, "/auth/signin", "exp iat sub iss aud token_type uid tid", "access_token", 300, 86400},
		{"subject", "ES-28", map[string]any{"user_id_field": "email"}, "/auth/signin", "exp iat sub token_type jti", "access_token", 300, 86400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := esmeraldRig(t, dialect.Options{Settings: tt.settings})
			r.protect()
			h := r.handler()
			access, refresh := esmeraldTokens(t, h, tt.path, fooSignIn)
			claims, order := decodePart(t, access, 1)
			if got := strings.Join(order, " "); got != tt.claims || claims["token_type"] != tt.kind || claims["exp"].(float64)-claims["iat"].(float64) != tt.lifetime {
				t.Errorf("claims %v in order %s", claims, got)
			}
			if claims, _ := decodePart(t, refresh, 1); claims["exp"].(float64)-claims["iat"].(float64) != tt.refreshFor {
				t.Errorf("claims of the refresh token %v", claims)
			}
			want := "1"
			if tt.settings["user_id_field"] != nil {
				want = "foo@bar.com"
			}
			if claims["sub"] != want {
				t.Errorf("sub %v, want %s", claims["sub"], want)
			}
			path := "/auth/refresh-access"
			if tt.settings["refresh_url"] != nil {
				path = "/auth/again"
			}
			if status, _, body := call(h, "POST", path, jsonBody, `{"refresh_token":"`+refresh+`"}`); status != 200 || strings.Contains(body, "refresh_token") {
				t.Errorf("POST %s = %d %s", path, status, body)
			}
			if status, _, body := call(h, "GET", "/protected", map[string]string{"Authorization": "Bearer " + access}, ""); status != 200 || body != `{"user":"test"}` {
				t.Errorf("GET /protected = %d %s", status, body)
			}
		})
	}
}

// ES-28: a token of the old system is looked up by the field that its sub
// holds. ES-29: leeway.
func TestEsmeraldForeignTokens(t *testing.T) {
	claims := func(sub string, exp time.Duration, kind string) map[string]any {
		now := time.Now()
		return map[string]any{"exp": now.Add(exp).Unix(), "iat": now.Add(-10 * time.Minute).Unix(), "sub": sub, "token_type": kind}
	}
	tests := []struct {
		name     string
		settings map[string]any
		claims   map[string]any
		status   int
		body     string
	}{
		{"by id", nil, claims("1", time.Minute, "access_token"), 200, `{"user":"test"}`},
		{"by e-mail", map[string]any{"user_id_field": "email"}, claims("foo@bar.com", time.Minute, "access_token"), 200, `{"user":"test"}`},
		{"nobody", nil, claims("99", time.Minute, "access_token"), 401, `{"detail":"Not Authorized."}`},
		{"expired", nil, claims("1", -time.Minute/2, "access_token"), 401, `{"detail":"Signature has expired"}`},
		{"expired within leeway", map[string]any{"leeway": int64(60)}, claims("1", -time.Minute/2, "access_token"), 200, `{"user":"test"}`},
		{"refresh token", nil, claims("1", time.Minute, "refresh_token"), 401, `{"detail":"Not Authorized."}`},
		{"no type", nil, claims("1", time.Minute, ""), 401, `{"detail":"Not Authorized."}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := esmeraldRig(t, dialect.Options{Settings: tt.settings})
			r.protect()
			raw := forge(t, testSecret, jwt.HS256, tt.claims)
			status, _, body := call(r.handler(), "GET", "/protected", map[string]string{"Authorization": "Bearer " + raw}, "")
			if status != tt.status || body != tt.body {
				t.Errorf("GET /protected = %d %s, want %d %s", status, body, tt.status, tt.body)
			}
		})
	}
}

func TestEsmeraldStory(t *testing.T) {
	// ES-32: whatever the local zone is, times are UTC.
	zone := time.FixedZone("Asia/Tokyo", 9*3600)
	r := newRig(t)
	now := r.now()
	r.base.Now = func() time.Time { return now.In(zone) }
	// ES-31: hashes of the bcrypt family, upgraded at sign-in.
	r.user(watchword.User{Login: "jane", Email: "jane@bar.com", Active: true}, janeHash)
	r.face("esmerald", dialect.Options{UserFields: []string{"email"}, Settings: map[string]any{
		"signing_key": testSecret, "rotate_refresh_tokens": true, "blacklist": true, "auth_header_types": []any{"JWT", "Token"}, "authorization_header": "X-Access",
	}})
	r.protect()
	h := r.handler()
	access, refresh := esmeraldTokens(t, h, "/auth/signin", `{"email":"jane@bar.com","password":"hashsecret"}`)
	claims, _ := decodePart(t, access, 1)
	if left := claims["exp"].(float64) - float64(now.Unix()); left != 300 || claims["email"] != "jane@bar.com" {
		t.Errorf("claims %v: %v s to live", claims, left)
	}
	if _, hash, err := r.store.UserByLogin(context.Background(), "jane"); err != nil || hash == janeHash {
		t.Errorf("hash after sign-in = %q, %v; want it upgraded", hash, err)
	}
	// ES-27: other header and schemes, compared exactly.
	for header, want := range map[string]int{"JWT " + access: 200, "Token " + access: 200, "jwt " + access: 401, "Bearer " + access: 401, access: 401} {
		status, _, body := call(h, "GET", "/protected", map[string]string{"X-Access": header}, "")
		if status != want || strings.Contains(body, access) {
			t.Errorf("GET /protected with %q = %d %s, want %d", header[:5], status, body, want)
		}
	}
	status, _, body := call(h, "POST", "/auth/refresh-access", jsonBody, `{"refresh_token":"`+refresh+`"}`)
	if status != 200 || !strings.Contains(body, `"refresh_token":"`) {
		t.Errorf("refresh with rotation = %d %s", status, body)
	}
	if status, _, body := call(h, "POST", "/auth/logout", jsonBody, `{"refresh_token":"`+refresh+`"}`); status != 200 {
		t.Errorf("logout = %d %s", status, body)
	}
	if status, _, body := call(h, "GET", "/protected", map[string]string{"X-Access": "JWT " + access}, ""); status != 401 || body != `{"detail":"Not Authorized."}` {
		t.Errorf("GET /protected after logout = %d %s", status, body)
	}
	if status, header, _ := call(h, "POST", "/auth/signin/", jsonBody, ""); status != 307 || header.Get("Location") != "/auth/signin" {
		t.Errorf("POST /auth/signin/ = %d %v", status, header)
	}
}

// carLogin is somebody's own way to prove who one is. His users have no
// active flag (ES-07).
type carLogin struct{}

func (carLogin) Authenticate(_ context.Context, c watchword.Credentials) (watchword.User, error) {
	if c.Login != "car" || c.Password != "brumm" {
		return watchword.User{}, watchword.InvalidCredentials
	}
	return watchword.User{ID: "car:7", Login: "car", Active: true}, nil
}

func (carLogin) UserByID(_ context.Context, id string) (watchword.User, error) {
	return watchword.User{ID: id, Login: "car", Active: true}, nil
}

// What are Python classes in the original are functions and values here:
// ES-03 the login model, ES-19 the authentication backend, ES-20 the refresh
// backend, ES-21 the token class, ES-22 the answers, ES-18 mounting.
func TestEsmeraldInGo(t *testing.T) {
	d, err := dialect.Esmerald(dialect.Options{Settings: map[string]any{"signing_key": testSecret}})
	if err != nil {
		t.Fatal(err)
	}
	signin, refresh := &d.Profile.Routes[0], &d.Profile.Routes[1]
	signin.Serve = nil
	signin.In.JSON = []httpauth.Field{{Param: httpauth.ParamLogin, Name: "plate"}, {Param: httpauth.ParamPassword, Name: "key"}}
	signin.Out.Members = append(signin.Out.Members, httpauth.Member{Name: "kind", Text: "car"})
	refresh.Serve = func(x *httpauth.Exchange) (httpauth.Reply, error) {
		if _, err := x.Do(); err != nil {
			return httpauth.Reply{}, err
		}
		return x.JSON(http.StatusAccepted, httpauth.Object{{Name: "again", Value: true}})
	}
	r := newRig(t)
	r.base.Authenticator, r.base.Users = carLogin{}, carLogin{}
	r.base.Claims = func(_ context.Context, _ watchword.User, c *watchword.ClaimSet) error {
		c.Custom = map[string]any{"wheels": 4}
		return nil
	}
	c, err := d.Engine(r.base)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := watchword.New(c)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := httpauth.Handler(auth, d.Profile)
	if err != nil {
		t.Fatal(err)
	}
	h := http.StripPrefix("/app", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Own", "middleware")
		inner.ServeHTTP(w, r)
	}))
	status, header, body := call(h, "POST", "/app/auth/signin", jsonBody, `{"plate":"car","key":"brumm"}`)
	var tokens map[string]string
	if err := json.Unmarshal([]byte(body), &tokens); err != nil || status != 200 || tokens["kind"] != "car" || header.Get("X-Own") == "" {
		t.Fatalf("signin = %d %v %s", status, header, body)
	}
	if claims, order := decodePart(t, tokens["access_token"], 1); claims["sub"] != "car:7" || strings.Join(order, " ") != "exp iat sub token_type wheels jti" {
		t.Errorf("claims %v in order %v", claims, order)
	}
	if status, _, body := call(h, "POST", "/app/auth/refresh-access", jsonBody, `{"refresh_token":"`+tokens["refresh_token"]+`"}`); status != 202 || body != `{"again":true}` {
		t.Errorf("refresh = %d %s", status, body)
	}
}

// ES-05 ES-06: an unknown user is answered with the same bytes; that it takes
// as long is the engine's business, whose tests measure it.
func TestEsmeraldTellsNobodyApart(t *testing.T) {
	h := esmeraldRig(t, dialect.Options{}).handler()
	answer := func(email string) string {
		status, header, body := call(h, "POST", "/auth/signin", jsonBody, `{"email":"`+email+`","password":"wrong"}`)
		return http.StatusText(status) + header.Get("Content-Type") + body
	}
	want := answer("foo@bar.com")
	for _, email := range []string{"ghost@bar.com", "off@bar.com"} {
		if got := answer(email); got != want {
			t.Errorf("%s is answered %s, want %s", email, got, want)
		}
	}
}

// The printed settings, and what start-up refuses (ES-30, ES-35).
func TestEsmeraldStarts(t *testing.T) {
	tests := []struct {
		name     string
		settings map[string]any
		refusal  []string
	}{
		{"as printed", map[string]any{"signing_key": testSecret, "backend_authentication": "BackendAuthentication", "backend_refresh": "RefreshAuthentication"}, nil},
		{"with modules", map[string]any{"backend_authentication": "accounts.backends.BackendAuthentication", "login_model": "esmerald_simple_jwt.schemas.LoginEmailIn"}, nil},
		{"unread settings at their defaults", map[string]any{
			"sliding_token_lifetime": "5m", "sliding_token_refresh_lifetime": "24h", "api_key_header": "X_API_TOKEN", "verifying_key": "", "leeway": int64(0),
			"signin_summary": "Login", "tags": []any{"auth"}, "security": []any{}, "auth_header_types": []any{"Bearer"},
		}, nil},
		{"classes of one's own", map[string]any{"backend_authentication": "mine.Backend", "login_model": "Car", "backend_refresh": "R", "token_model": "T"}, []string{"Config.Authenticator", "Routes[0].In", "Routes[1].Serve", "Routes[0].Out"}},
		{"sliding", map[string]any{"sliding_token_lifetime": "1h", "api_key_header": "X"}, []string{"sliding_token_lifetime", "api_key_header"}},
		{"short key", map[string]any{"signing_key": "secret"}, []string{"signing_key", "watchword key secret"}},
		{"public key alone", map[string]any{"algorithm": "ES256", "verifying_key": "x"}, []string{"verifying_key", "signing_key"}},
		{"one name for both", map[string]any{"refresh_token_name": "access_token"}, []string{"refresh_token_name"}},
		{"leeway", map[string]any{"leeway": "2m"}, []string{"leeway"}},
		{"path", map[string]any{"signin_url": "login"}, []string{"signin_url"}},
		{"misspelled", map[string]any{"signing_kee": "x"}, []string{"signing_kee"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := dialect.ByName("esmerald", dialect.Options{Settings: tt.settings})
			for _, word := range tt.refusal {
				if err == nil || !strings.Contains(err.Error(), word) {
					t.Errorf("ByName = %v, want it to name %q", err, word)
				}
			}
			if len(tt.refusal) > 0 {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			c, err := d.Engine(newRig(t).base)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := watchword.New(c); err != nil {
				t.Error(err)
			}
		})
	}
}

// A disabled user's token opens nothing, at routes that look at no store
// either, whatever its sub is.
func TestEsmeraldDisabledUser(t *testing.T) {
	for _, field := range []string{"id", "email", "username"} {
		r := esmeraldRig(t, dialect.Options{Settings: map[string]any{"user_id_field": field}})
		h := r.handler()
		access, refresh := esmeraldTokens(t, h, "/auth/signin", fooSignIn)
		off := false
		if _, err := r.store.UpdateUser(context.Background(), "1", watchword.UserChange{Active: &off}, 0, r.now().Add(time.Hour), r.now()); err != nil {
			t.Fatal(err)
		}
		if err := r.auth.Follow(context.Background()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.auth.Verify(context.Background(), access); watchword.CodeOf(err) != watchword.SessionEnded {
			t.Errorf("user_id_field %s: Verify = %v, want %v", field, err, watchword.SessionEnded)
		}
		if status, _, body := call(h, "POST", "/auth/refresh-access", jsonBody, `{"refresh_token":"`+refresh+`"}`); status != 401 || body != `{"detail":"Invalid credentials."}` {
			t.Errorf("user_id_field %s: refresh = %d %s", field, status, body)
		}
	}
}
