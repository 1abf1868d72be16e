package openapi_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/openapi"
	"github.com/watchword-auth/watchword/store"
)

// doc is what the tests look at of a document.
type doc struct {
	Servers    []struct{ URL string }
	Paths      map[string]map[string]operation
	Components struct {
		Responses       map[string]response
		SecuritySchemes map[string]scheme
	}
}

type operation struct {
	OperationID, Summary, Description string
	Tags                              []string
	Security                          []map[string][]string
	Parameters                        []struct {
		Name, In string
		Required bool
	}
	RequestBody struct {
		Required bool
		Content  map[string]media
	}
	Responses map[string]response
}

type response struct {
	Ref     string `json:"$ref"`
	Headers map[string]any
	Content map[string]media
}

type media struct {
	Schema  schema
	Example any
}

type schema struct {
	Type       any
	Format     string
	Enum       []string
	Required   []string
	Properties map[string]schema
	Items      *schema
}

type scheme struct {
	Type, Scheme, In, Name, Description string
	Flows                               map[string]struct {
		TokenURL, RefreshURL string
		Scopes               map[string]string
	}
}

func base() watchword.Config {
	return watchword.Config{
		Issuer: "http://127.0.0.1:8000", Audience: "tests", Store: store.NewMemory(), SealKey: bytes.Repeat([]byte{9}, 32),
	}
}

// native is the face of the native profile.
func native(t *testing.T, transport httpauth.Transport) httpauth.Face {
	t.Helper()
	auth, err := watchword.New(base())
	if err != nil {
		t.Fatal(err)
	}
	return httpauth.Face{Service: auth, Profile: httpauth.Native(httpauth.NativePrefix, transport)}
}

// face is that of a dialect.
func face(t *testing.T, name string, o dialect.Options) httpauth.Face {
	t.Helper()
	d, err := dialect.ByName(name, o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.Engine(base())
	if err != nil {
		t.Fatal(err)
	}
	auth, err := watchword.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return httpauth.Face{Service: auth, Profile: d.Profile}
}

func write(t *testing.T, info openapi.Info, faces ...httpauth.Face) doc {
	t.Helper()
	text, err := openapi.Write(info, faces...)
	if err != nil {
		t.Fatal(err)
	}
	var d doc
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// names are those of the schemes that an operation may be called by.
func (o operation) names() string {
	var list []string
	for _, one := range o.Security {
		name := "-" // nothing
		for n := range one {
			name = n
		}
		list = append(list, name)
	}
	return strings.Join(list, " ")
}

func (o operation) statuses() string {
	var list []string
	for status := range o.Responses {
		list = append(list, status)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestNative(t *testing.T) {
	d := write(t, openapi.Info{}, native(t, nil))
	token := d.Paths["/auth/v1/token"]["post"]
	if got := token.RequestBody.Content["application/json"].Schema.Required; !slices.Equal(got, []string{"login", "password"}) {
		t.Errorf("token demands %v", got)
	}
	if got := token.Responses["200"].Content["application/json"].Schema; got.Properties["expires_in"].Type != "integer" || slices.Contains(got.Required, "refresh_token") {
		t.Errorf("token answers %+v, want a refresh token to be optional: machines get none", got)
	}
	me := d.Paths["/auth/v1/me"]["get"]
	if me.names() != "oauth2 bearer" || me.statuses() != "200 401 403 500 503" {
		t.Errorf("GET me: by %s, answers %s", me.names(), me.statuses())
	}
	if got := me.Responses["200"].Content["application/json"].Schema.Properties["last_login_at"]; got.Format != "date-time" || len(got.Type.([]any)) != 2 {
		t.Errorf("last_login_at is %+v, want a time or null", got)
	}
	if got := d.Components.Responses["native_401"]; got.Headers["WWW-Authenticate"] == nil {
		t.Errorf("401 has no challenge: %+v", got)
	}
	flow := d.Components.SecuritySchemes["oauth2"].Flows["password"]
	if flow.TokenURL != "/auth/v1/token" || flow.RefreshURL != flow.TokenURL {
		t.Errorf("password flow %+v", flow)
	}
	if end := d.Paths["/auth/v1/sessions/{id}"]["delete"]; len(end.Parameters) != 1 || end.Parameters[0].In != "path" || end.Responses["204"].Content != nil {
		t.Errorf("DELETE sessions/{id}: %+v", end)
	}
}

// Cookies are named as they are set, and nobody is told to look for a token
// in a body that has none.
func TestCookies(t *testing.T) {
	c := base()
	c.Issuer = "https://example.com/identity"
	auth, err := watchword.New(c)
	if err != nil {
		t.Fatal(err)
	}
	profile := httpauth.Native(httpauth.NativePrefix, httpauth.OneCookie{}).WithCSRF(httpauth.CSRFToken{Key: bytes.Repeat([]byte{1}, 32)})
	d := write(t, openapi.Info{Server: "/identity"}, httpauth.Face{Service: auth, Profile: profile})
	if got := d.Components.SecuritySchemes["Host_ww_access"]; got.In != "cookie" || got.Name != "__Host-ww_access" {
		t.Errorf("schemes %+v", d.Components.SecuritySchemes)
	}
	if got := d.Components.SecuritySchemes["oauth2"].Flows; got["password"].TokenURL != "" || got["clientCredentials"].TokenURL != "/identity/auth/v1/token" {
		t.Errorf("flows %+v, want machines' alone", got)
	}
	refresh := d.Paths["/auth/v1/refresh"]["post"]
	if refresh.names() != "- Secure_ww_refresh" || refresh.Responses["403"].Ref == "" || refresh.Responses["200"].Headers["Set-Cookie"] == nil {
		t.Errorf("refresh %+v", refresh)
	}
	if len(refresh.Parameters) != 1 || refresh.Parameters[0].Name != "X-Csrf-Token" {
		t.Errorf("refresh has parameters %+v, want the CSRF token", refresh.Parameters)
	}
}

// ES-23, ES-24: both routes with bearer security, summaries and tags, as the
// settings have them, and neither where a switch is off.
func TestEsmerald(t *testing.T) {
	d := write(t, openapi.Info{}, face(t, "esmerald", dialect.Options{Settings: map[string]any{
		"signin_url": "/login", "signin_summary": "Log in", "signin_description": "By e-mail.", "tags": "people",
		"auth_header_types": []any{"Bearer"}, "backend_authentication": "BackendUsernameAuthentication",
	}}))
	if got := d.Components.SecuritySchemes["Bearer"]; got.Type != "http" || got.Scheme != "bearer" {
		t.Errorf("schemes %+v", d.Components.SecuritySchemes)
	}
	login := d.Paths["/auth/login"]["post"]
	if login.Summary != "Log in" || login.Description != "By e-mail." || !slices.Equal(login.Tags, []string{"people"}) || login.names() != "Bearer" {
		t.Errorf("login %+v", login)
	}
	if got := login.RequestBody.Content["application/json"].Schema.Required; !slices.Equal(got, []string{"username", "password"}) {
		t.Errorf("login demands %v", got)
	}
	refresh := d.Paths["/auth/refresh-access"]["post"]
	if got := refresh.Responses["200"].Content["application/json"].Schema.Properties; len(got) != 1 || refresh.names() != "Bearer" || refresh.Summary == "" {
		t.Errorf("refresh %+v", refresh)
	}
	for name, settings := range map[string]map[string]any{
		"include_in_schema": {"include_in_schema": false}, "enable_openapi": {"enable_openapi": false},
	} {
		if d := write(t, openapi.Info{}, face(t, "esmerald", dialect.Options{Settings: settings})); len(d.Paths) != 0 {
			t.Errorf("%s: paths %v", name, d.Paths)
		}
	}
	open := write(t, openapi.Info{}, face(t, "esmerald", dialect.Options{Settings: map[string]any{"security": []any{}}}))
	if got := open.Paths["/auth/signin"]["post"].Security; got != nil {
		t.Errorf("security %v, want none", got)
	}
}

// OA-20, OA-31: the password flow with tokenUrl, refreshUrl and what
// each scope permits.
func TestOAuth2(t *testing.T) {
	f := face(t, "oauth2", dialect.Options{SampleRoutes: true, Prefix: "/app", Settings: map[string]any{
		"scopes": map[string]any{"me": "Read your record."}, "refreshUrl": "/renew", "description": "Ask Ann for an account.",
	}})
	f.Profile.Routes[2].Scopes = []string{"items"}
	d := write(t, openapi.Info{}, f)
	got := d.Components.SecuritySchemes["OAuth2PasswordBearer"]
	flow := got.Flows["password"]
	if got.Type != "oauth2" || len(got.Flows) != 1 || flow.TokenURL != "/app/token" || flow.RefreshURL != "/renew" || got.Description != "Ask Ann for an account." {
		t.Errorf("scheme %+v", got)
	}
	if len(d.Components.SecuritySchemes) != 1 || len(flow.Scopes) != 2 || flow.Scopes["me"] != "Read your record." {
		t.Errorf("schemes %+v", d.Components.SecuritySchemes)
	}
	items := d.Paths["/app/users/me/items"]["get"]
	if len(items.Security) != 1 || !slices.Equal(items.Security[0]["OAuth2PasswordBearer"], []string{"items"}) {
		t.Errorf("items by %v", items.Security)
	}
	renamed := write(t, openapi.Info{}, face(t, "oauth2", dialect.Options{Settings: map[string]any{"scheme_name": "Shop", "include_in_schema": true}}))
	if _, ok := renamed.Components.SecuritySchemes["Shop"]; !ok {
		t.Errorf("schemes %+v", renamed.Components.SecuritySchemes)
	}
}

// EL-15, EL-40: the class of either strategy names the scheme, the route has
// the controller's tag, and scopes that it demands stand beside the scheme.
func TestEllar(t *testing.T) {
	for want, settings := range map[string]map[string]any{
		"JWTAuthentication": nil, "JWTGuard": {"strategy": "guard"}, "Tokens": {"openapi_name": "Tokens"},
	} {
		f := face(t, "ellar", dialect.Options{Settings: settings})
		f.Profile.Routes[2].Scopes = []string{"profile"}
		d := write(t, openapi.Info{}, f)
		profile := d.Paths["/auth/profile"]["get"]
		if got := d.Components.SecuritySchemes[want]; got.Scheme != "bearer" || profile.names() != want || !slices.Equal(profile.Security[0][want], []string{"profile"}) {
			t.Errorf("%s: schemes %+v, profile by %v", want, d.Components.SecuritySchemes, profile.Security)
		}
		if !slices.Equal(profile.Tags, []string{"auth"}) || d.Paths["/auth/login"]["post"].names() != "" {
			t.Errorf("%s: profile has tags %v", want, profile.Tags)
		}
	}
}

// A header that no scheme of OpenAPI can name is described in words.
func TestOtherHeaders(t *testing.T) {
	d := write(t, openapi.Info{}, face(t, "easyjwt", dialect.Options{Settings: map[string]any{
		"AUTH_HEADER_TYPES": []any{"JWT"}, "AUTH_HEADER_NAME": "HTTP_X_ACCESS",
	}}))
	if got := d.Components.SecuritySchemes["jwtAuth"]; got.Type != "apiKey" || got.In != "header" || got.Name != "X-Access" || !strings.Contains(got.Description, "JWT") {
		t.Errorf("scheme %+v", got)
	}
}

// Two faces with schemes of one name that are not the same keep both; what is
// the same is there once.
func TestSeveralFaces(t *testing.T) {
	d := write(t, openapi.Info{}, native(t, nil), face(t, "oauth2", dialect.Options{Settings: map[string]any{"scheme_name": "oauth2"}}),
		face(t, "djwto", dialect.Options{SampleRoutes: true}))
	if d.Components.SecuritySchemes["oauth2"].Flows["password"].TokenURL != "/auth/v1/token" ||
		d.Components.SecuritySchemes["oauth2_2"].Flows["password"].TokenURL != "/token" {
		t.Errorf("schemes %+v", d.Components.SecuritySchemes)
	}
	if got := d.Paths["/testapp/protect/"]; got["options"].OperationID != "" || got["get"].Responses["200"].Content["text/html; charset=utf-8"].Schema.Type != "string" {
		t.Errorf("GET /testapp/protect/: %+v", got)
	}
	if d.Paths["/api/token/refresh/logout/"]["delete"].Responses["204"].Content != nil {
		t.Error("DELETE logout/ has a body")
	}
}

// A program's own routes say by examples what they read and answer.
func TestOwnRoutes(t *testing.T) {
	nothing := func(*httpauth.Exchange) (httpauth.Reply, error) { return httpauth.Reply{}, nil }
	post := func(members ...httpauth.Pair) httpauth.Object { return members }
	p := httpauth.Profile{Name: "blog", Prefix: "/", Routes: []httpauth.Route{{
		Pattern: "POST posts/{id}", Guarded: true, Scopes: []string{"posts:write"}, Serve: nothing,
		Doc: httpauth.Doc{
			ID: "editPost", Refusals: []watchword.Code{watchword.Conflict},
			Query:  []httpauth.Parameter{{Name: "limit", Example: 10}},
			Header: []httpauth.Parameter{{Name: "Idempotency-Key", Required: true}},
			Body: []any{
				post(httpauth.Pair{Name: "text", Value: "x"}, httpauth.Pair{Name: "tags", Value: []string{"a"}}),
				post(httpauth.Pair{Name: "text", Value: nil}),
			},
			Answers: []httpauth.Answer{{Status: http.StatusCreated, Description: "Written.", Examples: []any{post(httpauth.Pair{Name: "id", Value: 1})}}},
		},
	}, {Pattern: "GET hidden", Serve: nothing, Doc: httpauth.Doc{Hidden: true}}}}
	d := write(t, openapi.Info{}, httpauth.Face{Service: native(t, nil).Service, Profile: p})
	edit := d.Paths["/posts/{id}"]["post"]
	if edit.OperationID != "editPost" || edit.statuses() != "201 400 401 403 409 413 415 500 503" || len(edit.Parameters) != 3 {
		t.Errorf("%+v", edit)
	}
	body := edit.RequestBody.Content["application/json"].Schema
	if !slices.Equal(body.Required, []string{"text"}) || body.Properties["tags"].Items.Type != "string" {
		t.Errorf("body %+v", body)
	}
	if d.Paths["/hidden"] != nil {
		t.Error("a hidden route is there")
	}
	p.Routes = append(p.Routes, p.Routes[0])
	if _, err := openapi.Write(openapi.Info{}, httpauth.Face{Service: native(t, nil).Service, Profile: p}); err == nil {
		t.Error("two operations of one name are taken")
	}
}
