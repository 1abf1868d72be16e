package docs_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/store"
)

const testSecret = "4242424242424242424242424242424242424242424242424242424242424242"

// recorded is an exchange with an original, as dialect/testdata has it.
type recorded struct {
	ID, Setup string
	Request   struct {
		Method, Path string
		Headers      map[string]string
		Form         map[string]string
		JSON         json.RawMessage
		Body         *string
	}
	Response struct {
		Status   int
		Headers  [][2]string
		JSON     json.RawMessage
		Body     *string
		BodyKind string `json:"body_kind"`
	}
}

// faceOf is a dialect over an engine that nobody signs in to.
func faceOf(t *testing.T, name string, o dialect.Options) httpauth.Face {
	t.Helper()
	d, err := dialect.ByName(name, o)
	if err != nil {
		t.Fatal(err)
	}
	c := watchword.Config{
		Issuer: "http://127.0.0.1:8000", Audience: "tests", Store: store.NewMemory(), SealKey: bytes.Repeat([]byte{9}, 32),
	}
	if d.Engine != nil { // a client service has its authority elsewhere
		if c, err = d.Engine(c); err != nil {
			t.Fatal(err)
		}
	}
	auth, err := watchword.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return httpauth.Face{Service: auth, Profile: d.Profile}
}

// setups are the originals' settings in the recordings; a set-up that is not
// here has routes or a face of another kind.
func setups() map[string]map[string]dialect.Options {
	with := func(key string, more ...any) dialect.Options {
		o := dialect.Options{SampleRoutes: true, Settings: map[string]any{key: testSecret}}
		for i := 0; i < len(more); i += 2 {
			o.Settings[more[i].(string)] = more[i+1]
		}
		return o
	}
	djwto := func(more ...any) dialect.Options { return with("DJWTO_SIGNING_KEY", more...) }
	easyjwt := func(more ...any) dialect.Options {
		return with("SIGNING_KEY", append(more, "create_user", true, "password_change", true)...)
	}
	return map[string]map[string]dialect.Options{
		"djwto": {
			"json": djwto(), "json-options": djwto("DJWTO_JTI_CLAIM", false), "json-no-refresh-exp": djwto(),
			"one-cookie":                  djwto("DJWTO_MODE", "ONE-COOKIE"),
			"two-cookies":                 djwto("DJWTO_MODE", "TWO-COOKIES"),
			"one-cookie-nocsrf":           djwto("DJWTO_MODE", "ONE-COOKIE", "DJWTO_CSRF", false, "DJWTO_REFRESH_COOKIE_PATH", "auth/r"),
			"two-cookies-nocsrf-noupdate": djwto("DJWTO_MODE", "TWO-COOKIES", "DJWTO_CSRF", false, "DJWTO_ALLOW_REFRESH_UPDATE", false),
			"two-cookies-perm1":           djwto("DJWTO_MODE", "TWO-COOKIES", "DJWTO_CSRF", false),
		},
		"easyjwt": {
			"auth-1.1.0": easyjwt(), "auth-0.5.1": easyjwt(), "auth-1.1.0-revoke": easyjwt("CHECK_REVOKE_TOKEN", true),
			"auth-1.1.0-rotate-blacklist": easyjwt("ROTATE_REFRESH_TOKENS", true, "BLACKLIST_AFTER_ROTATION", true),
		},
		"easyjwt-client": {
			"client-1.1.0": {SampleRoutes: true}, "client-1.1.0-auth-down": {SampleRoutes: true}, "client-1.1.0-odd-upstream": {SampleRoutes: true},
			"client-0.5.1":        {SampleRoutes: true, Settings: map[string]any{"surface": "0.5.1"}},
			"client-1.1.0-cookie": {SampleRoutes: true, Settings: map[string]any{"REFRESH_TOKEN_IN_COOKIE": true}},
		},
		"ellar": {
			"handler": with("signing_secret_key", "numeric_sub", true, "numeric_id", true),
			"guard":   with("signing_secret_key", "numeric_sub", true, "numeric_id", true, "strategy", "guard"),
		},
		"esmerald": {
			"email":    with("signing_key"),
			"username": with("signing_key", "login_model", "LoginUserIn", "backend_authentication", "BackendUsernameAuthentication"),
		},
		"oauth2": {
			"fastapi":  with("SECRET_KEY"),
			"esmerald": with("SECRET_KEY", "success_status", int64(201), "validation", "esmerald"),
		},
	}
}

// recordings are the exchanges with an original.
func recordings(t *testing.T, name string) []recorded {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "dialect", "testdata", name, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Exchanges []recorded }
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all.Exchanges
}

// TestRecordedExchanges holds what the originals answered against the
// documents of our dialects, but for what is a listed difference.
func TestRecordedExchanges(t *testing.T) {
	for name, options := range setups() {
		t.Run(name, func(t *testing.T) {
			// Both services of django-easyjwt are in one recording.
			all := recordings(t, strings.TrimSuffix(name, "-client"))
			listed, err := dialect.Differences(name)
			if err != nil {
				t.Fatal(err)
			}
			contracts := make(map[string]*contract)
			for setup, o := range options {
				contracts[setup] = write(t, faceOf(t, name, o))
			}
			checked := 0
			for _, e := range all {
				c := contracts[e.Setup]
				if c == nil || e.Request.Method == "" || differs(listed, e.ID) {
					continue
				}
				c.t = t
				if c.check(e.exchange()) {
					checked++
				}
			}
			t.Logf("%d exchanges", checked)
			if checked == 0 {
				t.Error("no exchange was about a described route")
			}
		})
	}
}

// differs reports whether our answer is another one, by status or body.
func differs(listed []dialect.Difference, id string) bool {
	for _, d := range listed {
		if ok, _ := path.Match(d.Exchange, id); ok && (d.What == "status" || d.What == "body" || d.What == "header content-type") {
			return true
		}
	}
	return false
}

var (
	when  = regexp.MustCompile(`"\{\{now[^{}]*\}\}"`)
	aDate = regexp.MustCompile(`\{\{iso8601[^{}]*\}\}`)
)

// exchange puts values of the right kind in the place of the recording's
// names.
func (e recorded) exchange() exchange {
	fill := func(text string) []byte {
		return []byte(aDate.ReplaceAllString(when.ReplaceAllString(text, "1769860800"), "2026-01-31T12:00:00Z"))
	}
	x := exchange{
		name: e.ID, method: e.Request.Method, path: e.Request.Path, status: e.Response.Status, header: make(http.Header), answer: make(http.Header),
	}
	for name, value := range e.Request.Headers {
		x.header.Set(name, value)
	}
	for _, h := range e.Response.Headers {
		x.answer.Set(h[0], h[1])
	}
	media := ""
	switch {
	case e.Request.Form != nil:
		form := url.Values{}
		for name, value := range e.Request.Form {
			form.Set(name, value)
		}
		x.body, media = []byte(form.Encode()), "application/x-www-form-urlencoded"
	case e.Request.JSON != nil:
		x.body, media = fill(string(e.Request.JSON)), "application/json"
	case e.Request.Body != nil:
		x.body = []byte(*e.Request.Body)
	}
	if x.header.Get("Content-Type") == "" && media != "" {
		x.header.Set("Content-Type", media)
	}
	switch {
	case bytes.HasPrefix(e.Response.JSON, []byte(`"{{as `)), e.Response.BodyKind == "html":
		x.unrecorded = true // as another exchange; or its title alone
	case e.Response.JSON != nil:
		x.text = fill(string(e.Response.JSON))
		if x.answer.Get("Content-Type") == "" {
			x.answer.Set("Content-Type", "application/json")
		}
	case e.Response.Body != nil:
		x.text = []byte(*e.Response.Body)
	}
	return x
}

// The guide's own document, as it was recorded: its scheme and the routes'
// parts about security are in ours. Where the token endpoint is is written
// from the root.
func TestRecordedDocument(t *testing.T) {
	o := setups()["oauth2"]["fastapi"]
	o.Settings = maps.Clone(o.Settings)
	o.Settings["scopes"] = map[string]any{"me": "Read information about the current user.", "items": "Read items."}
	c := write(t, faceOf(t, "oauth2", o))
	for _, e := range recordings(t, "oauth2") {
		if e.ID != "fastapi/openapi" {
			continue
		}
		want := object(t, bytes.ReplaceAll(e.Response.JSON, []byte(`"tokenUrl": "token"`), []byte(`"tokenUrl": "/token"`)))
		delete(want["components"].(map[string]any)["securitySchemes"].(map[string]any), "optional") // the recorder's own
		want["paths"].(map[string]any)["/token"] = nil                                              // its schema has a name; ours stands in its place
		contains(t, "", c.doc, want)
		return
	}
	t.Error("the document is not among the exchanges")
}

// contains reports what of want is not in got.
func contains(t *testing.T, at string, got, want any) {
	t.Helper()
	switch w := want.(type) {
	case nil:
	case map[string]any:
		g, ok := got.(map[string]any)
		for name, v := range w {
			if _, there := g[name]; !ok || !there {
				t.Errorf("%s/%s is missing", at, name)
				continue
			}
			contains(t, at+"/"+name, g[name], v)
		}
	case []any:
		g, _ := got.([]any)
		if len(g) != len(w) {
			t.Errorf("%s is %v, want %v", at, got, want)
			return
		}
		for i := range w {
			contains(t, at, g[i], w[i])
		}
	default:
		if got != want {
			t.Errorf("%s is %v, want %v", at, got, want)
		}
	}
}
