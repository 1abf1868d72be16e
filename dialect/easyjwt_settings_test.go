package dialect_test

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/httpauth"
)

// What are Python classes in the original are functions and values here:
// EZ-26 the authentication rule, EZ-33 token serializers, EZ-34 custom claims,
// EZ-43 the record, EZ-68 another scheme beside it.
func TestEasyJWTInGo(t *testing.T) {
	r := easyjwtRig(t, dialect.Options{})
	r.faces = nil
	r.base.Allow = func(_ context.Context, u watchword.User) error {
		if u.Staff {
			return context.Canceled
		}
		return nil
	}
	r.base.Claims = func(_ context.Context, u watchword.User, c *watchword.ClaimSet) error {
		c.Custom = map[string]any{"name": u.FirstName}
		return nil
	}
	r.face("easyjwt", dialect.Options{Settings: map[string]any{"SIGNING_KEY": testSecret}, UserFields: []string{"email"}})
	p := &r.faces[0].Profile
	p.Routes[0].Out.Members = append(p.Routes[0].Out.Members, httpauth.Member{Name: "lifetime", Value: httpauth.ExpiresIn})
	for i := range p.Routes {
		if p.Routes[i].Pattern == "GET user/" {
			p.Routes[i].Out.Encode = func(x *httpauth.Exchange, res httpauth.Result) (httpauth.Reply, error) {
				return x.JSON(http.StatusOK, httpauth.Object{{Name: "email", Value: res.User.Email}, {Name: "customuserfield", Value: httpauth.Object{{Name: "field1", Value: "x"}}}})
			}
		}
	}
	h := r.handler()
	status, o := post(t, h, "/auth/token/", easyjwtSignIn)
	access, _ := o["access"].(string)
	if status != 200 || o["lifetime"] != float64(300) {
		t.Fatalf("token = %d %v", status, o)
	}
	refresh, _ := o["refresh"].(string)
	_, o = post(t, h, "/auth/token/refresh/", `{"refresh":"`+refresh+`"}`)
	again, _ := o["access"].(string)
	for _, raw := range []string{access, again} {
		if claims, order := decodePart(t, raw, 1); claims["name"] != "Test" || strings.Join(order, " ") != "token_type exp iat jti user_id email name" {
			t.Errorf("claims %v in order %v", claims, order)
		}
	}
	if status, o := post(t, h, "/auth/token/", `{"email":"staff@test.com","password":"staff-pass"}`); status != 401 || o["detail"] != "No active account found with the given credentials" {
		t.Errorf("token of whom the rule refuses = %d %v", status, o)
	}
	if _, _, body := call(h, "GET", "/auth/user/", map[string]string{"Authorization": "Bearer " + access}, ""); body != `{"email":"user@test.com","customuserfield":{"field1":"x"}}` {
		t.Errorf("record %s", body)
	}
	guard := p.Guard(r.auth)
	either := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Signature") == "good" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		guard.Require()(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })).ServeHTTP(w, r)
	})
	for want, header := range map[int]map[string]string{204: {"X-Signature": "good"}, 202: {"Authorization": "Bearer " + access}, 401: nil} {
		if status, _, _ := call(either, "GET", "/", header, ""); status != want {
			t.Errorf("with %v = %d, want %d", header, status, want)
		}
	}
}

// EZ-40 EZ-43: the record has what the application keeps beside the nine
// fields; staff see everybody's, and nobody else anybody's (EZ-11).
func TestEasyJWTRecord(t *testing.T) {
	r, h := easyjwtHandler(t, dialect.Options{})
	extra := []byte(`{"customuserfield":{"field1":"field1 value"}}`)
	if _, err := r.store.UpdateUser(context.Background(), "3", watchword.UserChange{Extra: &extra}, 0, r.now().Add(time.Hour), r.now()); err != nil {
		t.Fatal(err)
	}
	access, _ := easyjwtTokens(t, h)
	bearer := map[string]string{"Authorization": "Bearer " + access}
	for _, path := range []string{"/auth/user/", "/auth/users/3/"} {
		status, header, body := call(h, "GET", path, bearer, "")
		if status != 200 || header.Get("Content-Type") != "application/json" || !strings.HasSuffix(body, `,"is_active":true,"is_staff":false,"is_superuser":false,"customuserfield":{"field1":"field1 value"}}`) {
			t.Errorf("GET %s = %d %v %s", path, status, header, body)
		}
	}
	_, _, other := call(h, "GET", "/auth/users/1/", bearer, "")
	if _, _, absent := call(h, "GET", "/auth/users/99/", bearer, ""); other != absent || other != `{"detail":"Not found."}` {
		t.Errorf("another's record %s, nobody's %s", other, absent)
	}
}

// Whoever may edit a user's extra data says nothing by it of who he is or what
// he may: services would believe the second "is_superuser" of a record.
func TestEasyJWTRecordIsNotOverridden(t *testing.T) {
	r, h := easyjwtHandler(t, dialect.Options{})
	extra := []byte(`{"is_superuser":true,"plan":"pro","is_staff":true,"id":1,"pk":1,"email":"admin@test.com","username":"admin","password":"pbkdf2_sha256$1$a$b","groups":[1],"user_permissions":[1]}`)
	if _, err := r.store.UpdateUser(t.Context(), "3", watchword.UserChange{Extra: &extra}, 0, r.now().Add(time.Hour), r.now()); err != nil {
		t.Fatal(err)
	}
	access, _ := easyjwtTokens(t, h)
	_, _, body := call(h, "GET", "/auth/user/", map[string]string{"Authorization": "Bearer " + access}, "")
	if !strings.HasPrefix(body, `{"id":3,`) || !strings.HasSuffix(body, `"is_active":true,"is_staff":false,"is_superuser":false,"plan":"pro"}`) {
		t.Errorf("the record is %s", body)
	}
}

// The printed settings, and what start-up refuses (EZ-44).
func TestEasyJWTStarts(t *testing.T) {
	printed := map[string]any{
		"ACCESS_TOKEN_LIFETIME": "5m", "REFRESH_TOKEN_LIFETIME": "24h", "ROTATE_REFRESH_TOKENS": false, "BLACKLIST_AFTER_ROTATION": false,
		"UPDATE_LAST_LOGIN": false, "ALGORITHM": "HS256", "SIGNING_KEY": "d577273ff885c3f84dadb8578bb40000", "VERIFYING_KEY": false,
		"AUDIENCE": false, "ISSUER": false, "JWK_URL": false, "LEEWAY": int64(0), "USER_ID_FIELD": "id", "USER_ID_CLAIM": "user_id",
		"USER_AUTHENTICATION_RULE": "remotejwt_auth.authentication.default_user_authentication_rule",
		"AUTH_TOKEN_CLASSES":       []any{"remotejwt_auth.tokens.AccessToken"}, "TOKEN_TYPE_CLAIM": "token_type",
		"TOKEN_USER_CLASS": "remotejwt_auth.models.TokenUser", "JTI_CLAIM": "jti", "SLIDING_TOKEN_REFRESH_EXP_CLAIM": "refresh_exp",
		"SLIDING_TOKEN_LIFETIME": "5m", "SLIDING_TOKEN_REFRESH_LIFETIME": "24h",
	}
	current := maps.Clone(printed)
	maps.Copy(current, map[string]any{
		"USER_AUTHENTICATION_RULE": "easyjwt_auth.authentication.default_user_authentication_rule", "TOKEN_USER_CLASS": "easyjwt_auth.models.TokenUser",
		"TOKEN_OBTAIN_SERIALIZER": "easyjwt_auth.serializers.TokenObtainPairSerializer", "AUTH_HEADER_TYPES": []any{"Bearer"},
		"AUTH_HEADER_NAME": "HTTP_AUTHORIZATION", "JSON_ENCODER": false, "CHECK_REVOKE_TOKEN": false, "REVOKE_TOKEN_CLAIM": "hash_password",
	})
	tests := []struct {
		name     string
		o        dialect.Options
		refusal  []string
		printing bool // the note about a printed secret
	}{
		{"as printed", dialect.Options{Settings: printed}, nil, true},
		{"under current names", dialect.Options{Settings: current}, nil, true},
		{"as printed, exposed", dialect.Options{Settings: printed, Exposed: true}, []string{"SIGNING_KEY", "public document"}, false},
		{"removed", dialect.Options{Settings: map[string]any{"AUTH_HEADER_TYPE": "x", "AUTH_TOKEN_CLASS": "x", "SECRET_KEY": "x", "TOKEN_BACKEND_CLASS": "x"}}, []string{"AUTH_HEADER_TYPES", "AUTH_TOKEN_CLASSES", "SIGNING_KEY", "TOKEN_BACKEND_CLASS"}, false},
		{"algorithm", dialect.Options{Settings: map[string]any{"ALGORITHM": "none"}}, []string{"ALGORITHM"}, false},
		{"classes of one's own", dialect.Options{Settings: map[string]any{"USER_MODEL_SERIALIZER": "custom.S", "TOKEN_OBTAIN_SERIALIZER": "custom.T", "USER_AUTHENTICATION_RULE": "f", "JSON_ENCODER": "E"}}, []string{"Output.Encode", "Config.Claims", "Config.Allow", "MarshalJSON"}, false},
		{"refresh tokens at routes", dialect.Options{Settings: map[string]any{"AUTH_TOKEN_CLASSES": []any{"RefreshToken"}}}, []string{"AUTH_TOKEN_CLASSES"}, false},
		{"one claim for two", dialect.Options{Settings: map[string]any{"JTI_CLAIM": "token_type", "USER_ID_CLAIM": "exp"}}, []string{"JTI_CLAIM", "USER_ID_CLAIM"}, false},
		{"leeway", dialect.Options{Settings: map[string]any{"LEEWAY": "1h"}}, []string{"LEEWAY"}, false},
		{"settings of the client service", dialect.Options{Settings: map[string]any{"REMOTE_AUTH_SERVICE_URL": "http://127.0.0.1:8000"}}, []string{"REMOTE_AUTH_SERVICE_URL"}, false},
		{"public key alone", dialect.Options{Settings: map[string]any{"ALGORITHM": "RS256", "VERIFYING_KEY": "x"}}, []string{"VERIFYING_KEY", "SIGNING_KEY"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := dialect.ByName("easyjwt", tt.o)
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
			if got := len(d.Notes) == 1 && strings.Contains(d.Notes[0], "public document"); got != tt.printing {
				t.Errorf("notes %q", d.Notes)
			}
			c, err := d.Engine(newRig(t).base)
			if err != nil {
				t.Fatal(err)
			}
			auth, err := watchword.New(c)
			if err != nil {
				t.Fatal(err)
			}
			if err := httpauth.Mount(http.NewServeMux(), auth, d.Profile); err != nil {
				t.Error(err)
			}
		})
	}
}

// create-user and password-change are off unless asked for; the limiter
// bounds both (SPEC 7.10).
func TestEasyJWTAccounts(t *testing.T) {
	_, h := easyjwtHandler(t, dialect.Options{})
	for _, path := range []string{"/auth/create-user/", "/auth/password-change/"} {
		if status, _, _ := call(h, "POST", path, jsonBody, `{}`); status != 404 {
			t.Errorf("POST %s = %d without being asked for", path, status)
		}
	}
	r := easyjwtRig(t, dialect.Options{})
	r.faces, r.base.InsecureUnlimited = nil, false
	r.face("easyjwt", dialect.Options{Settings: map[string]any{"SIGNING_KEY": testSecret, "create_user": true, "password_change": true}})
	h = r.handler()
	limited := func(path, body string) {
		t.Helper()
		for range 500 {
			if status, header, body := call(h, "POST", path, jsonBody, body); status == 429 {
				if header.Get("Retry-After") == "" || !strings.Contains(body, "Request was throttled.") {
					t.Errorf("POST %s = %v %s", path, header, body)
				}
				return
			}
		}
		t.Errorf("POST %s was never limited", path)
	}
	limited("/auth/password-change/", `{"email":"gone@test.com","password":"wrong","new_password":"N3wP@ss!2026"}`)
	if status, o := post(t, h, "/auth/create-user/", `{"email":"n@test.com","password":"n@test.com","phone":"0123456789012345","first_name":5}`); status != 400 || len(o) != 2 || o["phone"] == nil || o["password"] == nil {
		t.Errorf("create-user = %d %v", status, o)
	}
	limited("/auth/create-user/", `{"email":"user@test.com","password":"quite long 77"}`)
}

// EZ-36: what the original lists as outstanding and blacklisted tokens are
// sessions, open and ended; and what has expired is purged.
func TestEasyJWTOutstanding(t *testing.T) {
	r, h := easyjwtHandler(t, dialect.Options{})
	_, first := easyjwtTokens(t, h)
	easyjwtTokens(t, h)
	if status, o := post(t, h, "/auth/token/blacklist/", `{"refresh":"`+first+`"}`); status != 200 {
		t.Fatalf("blacklist = %d %v", status, o)
	}
	ctx := context.Background()
	count := func(all bool, at time.Time) int {
		t.Helper()
		list, err := r.store.ListSessions(ctx, watchword.SessionFilter{UserID: "3", All: all}, at)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	now := time.Now()
	if open, all := count(false, now), count(true, now); open != 1 || all != 2 {
		t.Errorf("%d tokens are outstanding of %d, want 1 of 2", open, all)
	}
	later := now.Add(48 * time.Hour)
	if _, err := r.store.Purge(ctx, later, later, later); err != nil {
		t.Fatal(err)
	}
	if all := count(true, later); all != 0 {
		t.Errorf("%d tokens are left once all have expired", all)
	}
}
