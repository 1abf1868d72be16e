package dialect_test

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// djwtoSecret is long enough for all of HMAC.
const djwtoSecret = testSecret + testSecret

// A djwtoRig is a djwto in one setup, with the people of the recording.
type djwtoRig struct {
	*rig
	profile httpauth.Profile
	guards  *dialect.DjwtoGuards
	handler http.Handler
	base    map[string]any // claims of every forged token
	key     *jwt.Key
}

func newDjwto(t *testing.T, values map[string]any, hooks dialect.DjwtoHooks, options ...func(*dialect.Options)) *djwtoRig {
	t.Helper()
	r := &djwtoRig{rig: newRig(t)}
	for _, u := range []watchword.User{
		{Login: "alice", Email: "alice@djwto.com", Active: true},
		{Login: "bob"},
		{Login: "carol", Active: true, Permissions: []string{"testapp.add_thing", "testapp.change_thing"}},
		{Login: "dave", Active: true, Permissions: []string{"testapp.add_thing"}},
		{Login: "erin", Active: true},
		{Login: "frank", Active: true},
	} {
		r.user(u, "pass")
	}
	o := dialect.Options{Settings: map[string]any{"DJWTO_SIGNING_KEY": djwtoSecret}, SampleRoutes: true, AdoptUntil: r.now().Add(48 * time.Hour)}
	maps.Copy(o.Settings, values)
	for _, change := range options {
		change(&o)
	}
	d, err := dialect.DjwtoWith(o, hooks)
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.Engine(r.rig.base)
	if err != nil {
		t.Fatal(err)
	}
	if r.auth, err = watchword.New(c); err != nil {
		t.Fatal(err)
	}
	r.profile = d.Profile
	if r.guards, err = dialect.NewDjwtoGuards(r.auth, d.Profile); err != nil {
		t.Fatal(err)
	}
	routes, err := httpauth.Handler(r.auth, d.Profile)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", routes)
	two := r.guards.RequirePerms("testapp.add_thing", "testapp.change_thing")
	mux.Handle("GET /testapp/two_perms/", r.guards.RequireLogin(two(djwtoView("two perms worked!"))))
	mux.Handle("GET /testapp/perms_nologin/", two(djwtoView("")))
	r.handler = mux
	r.forge(values)
	return r
}

// djwtoView answers text.
func djwtoView(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(text))
	})
}

// ServeHTTP stands for the proxy of the recording, which spoke https.
func (r *djwtoRig) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Header.Get("X-Forwarded-Proto") == "https" {
		req.TLS, req.Host = &tls.ConnectionState{}, "localhost"
	}
	r.handler.ServeHTTP(w, req)
}

// forge prepares what forged tokens are made from.
func (r *djwtoRig) forge(values map[string]any) {
	now := r.now().Unix()
	r.base = map[string]any{
		"iat": now, "exp": now + 300, "jti": "0b2d199d-f233-4203-bdab-693c03bca505", "type": "access",
		"user": map[string]any{"username": "alice", "id": 1, "perms": []string{}},
	}
	for claim, setting := range map[string]string{"iss": "DJWTO_ISS_CLAIM", "sub": "DJWTO_SUB_CLAIM", "aud": "DJWTO_AUD_CLAIM"} {
		if v, ok := values[setting]; ok {
			r.base[claim] = v
		}
	}
	algorithm := jwt.HS256
	if a, ok := values["DJWTO_ALGORITHM"].(string); ok {
		algorithm = jwt.Algorithm(a)
	}
	var err error
	if r.key, err = jwt.NewSecret("", algorithm, []byte(djwtoSecret)); err != nil {
		r.t.Fatal(err)
	}
}

// sign makes a token from the base and changes to it; nil takes a claim away.
func (r *djwtoRig) sign(key *jwt.Key, changes map[string]any) string {
	r.t.Helper()
	claims := maps.Clone(r.base)
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	payload, err := json.Marshal(claims)
	if err != nil {
		r.t.Fatal(err)
	}
	raw, err := jwt.Sign(key, "JWT", payload)
	if err != nil {
		r.t.Fatal(err)
	}
	return raw
}

// forged makes the tokens that the recorder made.
func (r *djwtoRig) forged(name string, tokens map[string]string) string {
	if of, ok := strings.CutSuffix(name, " with tampered signature"); ok {
		raw := []byte(tokens[of])
		i := bytes.LastIndexByte(raw, '.') + 3
		raw[i] = map[bool]byte{true: 'B', false: 'A'}[raw[i] == 'A']
		return string(raw)
	}
	now := r.now().Unix()
	other := func(a jwt.Algorithm, secret string) *jwt.Key {
		k, err := jwt.NewSecret("", a, []byte(secret))
		if err != nil {
			r.t.Fatal(err)
		}
		return k
	}
	user := func(id int, login string) map[string]any {
		return map[string]any{"username": login, "id": id, "perms": []string{}}
	}
	refresh := func(more map[string]any) map[string]any {
		c := map[string]any{"type": "refresh", "exp": now + 86400}
		maps.Copy(c, more)
		return c
	}
	changes := map[string]map[string]any{
		"forged expired access":                {"iat": now - 600, "exp": now - 300},
		"forged access nbf in the future":      {"nbf": now + 600},
		"forged access iat in the future":      {"iat": now + 600, "exp": now + 900},
		"forged access without iat":            {"iat": nil},
		"forged access without jti":            {"jti": nil},
		"forged access without exp":            {"exp": nil},
		"forged access without user":           {"user": nil},
		"forged access user has only id":       {"user": map[string]any{"id": 1}},
		"forged access user has only username": {"user": map[string]any{"username": "alice"}},
		"forged token without type":            {"type": nil},
		"forged expired refresh":               refresh(map[string]any{"iat": now - 90000, "exp": now - 3600}),
		"forged refresh of inactive bob":       refresh(map[string]any{"user": user(2, "bob"), "jti": "5f1b2f34-9c7b-4f0e-8c6d-1d4f86a1b201"}),
		"forged refresh of unknown ghost":      refresh(map[string]any{"user": user(999, "ghost"), "jti": "5f1b2f34-9c7b-4f0e-8c6d-1d4f86a1b202"}),
		"forged refresh without jti":           refresh(map[string]any{"jti": nil, "exp": now + 894}),
		"forged access missing-iss":            {"iss": nil},
		"forged access wrong-iss":              {"iss": "other"},
		"forged access missing-aud":            {"aud": nil},
		"forged access wrong-aud":              {"aud": "other"},
		"forged access missing-sub":            {"sub": nil},
		"forged access wrong-sub":              {"sub": "other"},
	}
	switch name {
	case "forged access signed HS384":
		return r.sign(other(jwt.HS384, djwtoSecret), nil)
	case "forged access wrong key":
		return r.sign(other(jwt.HS256, strings.Repeat("w", 32)), nil)
	case "alg none token":
		part := strings.Split(r.sign(r.key, nil), ".")
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + part[1] + "."
	case "csrf64":
		return strings.Repeat("c0S7", 16)
	}
	c, ok := changes[name]
	if !ok {
		return ""
	}
	return r.sign(r.key, c)
}

// djwtoValues are settings as TOML has them.
func djwtoValues(t *testing.T, recorded map[string]any) map[string]any {
	t.Helper()
	values := make(map[string]any)
	for k, v := range recorded {
		switch {
		case v == nil:
			v = false
		case v == "60 seconds":
			v = int64(60)
		}
		values[k] = v
	}
	return values
}

// djwtoPage is what the recording keeps of a page.
type djwtoPage struct {
	ID       string
	Response struct {
		Title    string `json:"html_title"`
		Contains any    `json:"html_text_contains"`
		Payload  *struct {
			Quoted bool
			Text   string `json:"decoded_text"`
		} `json:"access_payload_cookie"`
	}
}

// TestDjwtoGolden replays what was recorded of djwto 0.0.4, in every setup
//
// Rows: DJ-01 DJ-02 DJ-03 DJ-04 DJ-05 DJ-06 DJ-07 DJ-08 DJ-09 DJ-10 DJ-11
// DJ-12 DJ-14 DJ-15 DJ-16 DJ-17 DJ-18 DJ-19 DJ-20 DJ-21 DJ-23 DJ-24 DJ-25
// DJ-26 DJ-27 DJ-28 DJ-29 DJ-30 DJ-31 DJ-32 DJ-36 DJ-37 DJ-38 DJ-45 DJ-46
// DJ-47 DJ-48.
func TestDjwtoGolden(t *testing.T) {
	g := readGolden(t, "djwto")
	b, err := os.ReadFile(filepath.Join("testdata", "djwto", "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var more struct {
		Setups    map[string]struct{ Settings map[string]any }
		Exchanges []djwtoPage
	}
	if err := json.Unmarshal(b, &more); err != nil {
		t.Fatal(err)
	}
	r := &replay{t: t, differences: readDifferences(t, "djwto")}
	rigs := make(map[string]*djwtoRig)
	tokens := make(map[string]map[string]string)
	for i, e := range g.Exchanges {
		values := djwtoValues(t, more.Setups[e.Setup].Settings)
		if e.Setup == "bad-mode" {
			if _, err := dialect.Djwto(dialect.Options{Settings: values}); err == nil || !strings.Contains(err.Error(), "NOPE") {
				t.Errorf("an unknown mode: %v", err)
			}
			r.differs(e, "status", "no server", "an answer")
			continue
		}
		d := rigs[e.Setup]
		if d == nil {
			hooks := dialect.DjwtoHooks{}
			if e.Setup == "two-cookies-perm1" {
				hooks.Permissions = func(watchword.User) []string { return []string{"perm1"} }
			}
			d = newDjwto(t, values, hooks)
			rigs[e.Setup], tokens[e.Setup] = d, make(map[string]string)
		}
		r.server, r.tokens, r.now = d, tokens[e.Setup], d.now
		r.make = func(name string) string { return d.forged(name, r.tokens) }
		r.cookies = func(e exchange, answer *http.Response) { compareDjwtoCookies(r, e, answer, more.Exchanges[i]) }
		r.after = func(e exchange, _ *http.Response, body string) { afterDjwto(t, r, d, e, body, more.Exchanges[i]) }
		if strings.HasSuffix(e.ID, "/csrf-wrong-header") {
			e.Request.Headers = maps.Clone(e.Request.Headers)
			e.Request.Headers["X-Csrftoken"] = strings.Repeat("w", 64)
			delete(e.Request.Headers, "X-CSRFToken")
		}
		r.play(e)
	}
	r.finish()
}

// afterDjwto compares what the replay does not know: bytes and pages. After
// a DELETE, which here ends the session, it signs in again, so that what
// follows is about a session that is open, as it was in the recording.
func afterDjwto(t *testing.T, r *replay, d *djwtoRig, e exchange, body string, page djwtoPage) {
	t.Helper()
	if want := string(e.Response.JSON); want != "" && !strings.Contains(want, "{{") && sameJSON(body, want) && body != want {
		r.differs(e, "bytes", body, want)
	}
	if page.Response.Title != "" && !strings.Contains(body, "<title>"+page.Response.Title+"</title>") {
		r.differs(e, "title", body, page.Response.Title)
	}
	if text, ok := page.Response.Contains.(string); ok && !strings.Contains(body, text) {
		r.differs(e, "text", body, text)
	}
	if strings.Contains(e.ID, "/logout-delete-") && !strings.HasSuffix(e.ID, "-no-csrf") {
		status, header, answer := call(d, "POST", "/login/", map[string]string{
			"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-Proto": "https",
		}, "username=alice&password=pass")
		if status != 200 {
			t.Fatalf("sign in again: %d %s", status, answer)
		}
		jar := cookieJar(header)
		r.tokens["refresh.1"], r.tokens["csrf64"] = jar["jwt_refresh"], jar["csrftoken"]
		r.tokens["access.1"] = jar["jwt_access"] + jar["jwt_access_token"]
	}
}

// sameJSON reports whether two texts differ in nothing but their layout.
func sameJSON(a, b string) bool {
	var va, vb any
	return json.Unmarshal([]byte(a), &va) == nil && json.Unmarshal([]byte(b), &vb) == nil && reflect.DeepEqual(va, vb)
}

// cookieJar returns the values of the cookies that an answer sets.
func cookieJar(h http.Header) map[string]string {
	jar := make(map[string]string)
	for _, line := range h["Set-Cookie"] {
		pair, _, _ := strings.Cut(line, ";")
		name, value, _ := strings.Cut(pair, "=")
		jar[name] = value
	}
	return jar
}

var csrf64 = regexp.MustCompile(`^[0-9A-Za-z]{64}$`)

// compareDjwtoCookies compares every Set-Cookie, attribute by attribute and
// in order.
func compareDjwtoCookies(r *replay, e exchange, answer *http.Response, page djwtoPage) {
	var want []string
	for _, h := range e.Response.Headers {
		if h[0] == "Set-Cookie" {
			want = append(want, h[1])
		}
	}
	got := answer.Header["Set-Cookie"]
	if len(got) != len(want) {
		names := make([]string, len(got))
		for i, line := range got {
			names[i], _, _ = strings.Cut(line, "=")
		}
		r.differs(e, "cookies", strings.Join(names, " "), strings.Join(want, "\n"))
		return
	}
	for i := range want {
		w, g := strings.Split(want[i], "; "), strings.Split(got[i], "; ")
		if len(w) != len(g) {
			name, _, _ := strings.Cut(g[0], "=")
			r.differs(e, "attributes of "+name, strings.Join(g[1:], "; "), strings.Join(w[1:], "; "))
			g = g[:min(len(w), len(g))]
		}
		for j := range g {
			name, value, _ := strings.Cut(w[j], "=")
			gotName, gotValue, _ := strings.Cut(g[j], "=")
			if name != gotName || !fitsCookie(r, e, value, gotValue, page) {
				r.differs(e, "cookie "+name, g[j], w[j])
			}
		}
	}
}

func fitsCookie(r *replay, e exchange, want, got string, page djwtoPage) bool {
	m := placeholder.FindStringSubmatch(want)
	if m == nil {
		return want == got
	}
	switch m[1] {
	case "date":
		_, err := time.Parse(http.TimeFormat, got)
		return err == nil
	case "csrf64":
		r.tokens["csrf64"] = got
		return csrf64.MatchString(got)
	case "access payload b64":
		return fitsPayload(r.t, got, page.Response.Payload.Text)
	default:
		return r.fits(e, m[1], got)
	}
}

// fitsPayload compares the readable cookie (DJ-04): padded base64 of a text
// whose names are in order.
func fitsPayload(t *testing.T, got, want string) bool {
	text, err := base64.StdEncoding.DecodeString(got)
	if err != nil {
		t.Errorf("payload cookie %s: %v", got, err)
		return false
	}
	pattern := regexp.QuoteMeta(want)
	for name, like := range map[string]string{"epoch": `\d+`, "uuid4": `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`} {
		pattern = strings.ReplaceAll(pattern, regexp.QuoteMeta("{{"+name+"}}"), like)
	}
	return regexp.MustCompile("^" + pattern + "$").Match(text)
}
