package dialect_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/dialect"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/store"
)

// Golden exchanges are recorded from the real systems; testdata/README.md
// has their format and origin. They are replayed in order against the built
// handler. What we answer otherwise stands in differences/NAME.txt, with
// the reason: a difference that is not listed fails, and so does a listed one
// that no longer differs.

type golden struct {
	Seed      string
	Exchanges []exchange
}

type exchange struct {
	ID, Setup, Origin, Note string
	Call                    string
	Request                 struct {
		Method, Path string
		Headers      map[string]string
		Form         map[string]string
		JSON         json.RawMessage
		Body         *string
	}
	Response struct {
		Status  int
		Headers [][2]string
		JSON    json.RawMessage
		Body    *string
		Tokens  map[string]goldenToken
	}
}

type goldenToken struct {
	Header     map[string]any
	Claims     map[string]any
	ClaimOrder []string          `json:"claim_order"`
	ClaimTypes map[string]string `json:"claim_types"`
}

func readGolden(t *testing.T, name string) golden {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// A difference is one that is listed, and whether it was met.
type difference struct {
	dialect.Difference

	used bool
}

func readDifferences(t *testing.T, name string) []*difference {
	t.Helper()
	listed, err := dialect.Differences(name)
	if err != nil {
		t.Fatal(err)
	}
	var list []*difference
	for _, d := range listed {
		list = append(list, &difference{Difference: d})
	}
	return list
}

// A replay is a server under a recording.
type replay struct {
	t           *testing.T
	server      http.Handler
	now         func() time.Time
	tokens      map[string]string // by placeholder
	differences []*difference
	// make turns a placeholder of a request that no answer has brought, such
	// as "forged expired", into a token.
	make func(placeholder string) string
	// cookies compares the answer's Set-Cookie headers; nil: the first one is
	// compared as any header is.
	cookies func(e exchange, answer *http.Response)
	// after sees the exchange once it is judged.
	after func(e exchange, answer *http.Response, body string)
}

var placeholder = regexp.MustCompile(`\{\{([^{}]+)\}\}`)

func (r *replay) fill(s string) string {
	return placeholder.ReplaceAllStringFunc(s, func(m string) string {
		name := m[2 : len(m)-2]
		if raw, ok := r.tokens[name]; ok {
			return raw
		}
		if name == "host" {
			return "example.com"
		}
		raw := r.make(name)
		if raw == "" {
			r.t.Fatalf("no token for placeholder %s", m)
		}
		return raw
	})
}

// play sends an exchange's request and reports every difference.
func (r *replay) play(e exchange) {
	target := r.fill(e.Request.Path)
	var body io.Reader
	headers := maps.Clone(e.Request.Headers)
	if headers == nil {
		headers = map[string]string{}
	}
	switch {
	case e.Request.Form != nil:
		form := url.Values{}
		for k, v := range e.Request.Form {
			form.Set(k, r.fill(v))
		}
		body = strings.NewReader(form.Encode())
		if headers["Content-Type"] == "" {
			headers["Content-Type"] = "application/x-www-form-urlencoded"
		}
	case e.Request.JSON != nil:
		body = strings.NewReader(r.fill(string(e.Request.JSON)))
		if headers["Content-Type"] == "" {
			headers["Content-Type"] = "application/json"
		}
	case e.Request.Body != nil:
		body = strings.NewReader(r.fill(*e.Request.Body))
	}
	req := httptest.NewRequest(e.Request.Method, target, body)
	for k, v := range headers {
		req.Header.Set(k, r.fill(v))
	}
	w := httptest.NewRecorder()
	r.server.ServeHTTP(w, req)
	answer := w.Result()
	text := w.Body.String()
	r.compare(e, answer, text)
	if r.after != nil {
		r.after(e, answer, text)
	}
}

func (r *replay) compare(e exchange, answer *http.Response, text string) {
	if answer.StatusCode != e.Response.Status {
		r.differs(e, "status", fmt.Sprint(answer.StatusCode), fmt.Sprint(e.Response.Status))
	}
	for _, h := range e.Response.Headers {
		if h[0] == "Set-Cookie" && r.cookies != nil {
			continue
		}
		want := h[1]
		got := answer.Header.Get(h[0])
		if strings.Contains(want, "{{csrf64}}") {
			if !r.same(e, want, got) {
				r.differs(e, "header "+strings.ToLower(h[0]), got, want)
			}
			continue
		}
		if placeholder.MatchString(want) {
			want = r.fill(want)
		}
		if got != want {
			r.differs(e, "header "+strings.ToLower(h[0]), got, want)
		}
	}
	if r.cookies != nil {
		r.cookies(e, answer)
	}
	switch {
	case e.Response.JSON != nil:
		var want any
		if err := json.Unmarshal(e.Response.JSON, &want); err != nil {
			r.t.Fatal(err)
		}
		if s, ok := want.(string); ok && strings.HasPrefix(s, "{{as ") {
			break // the recording says: as another exchange
		}
		var got any
		err := json.Unmarshal([]byte(text), &got)
		r.dropSurplus(e, want, got)
		if err != nil || !r.same(e, want, got) {
			r.differs(e, "body", text, string(e.Response.JSON))
		}
	case e.Response.Body != nil:
		if text != *e.Response.Body {
			r.differs(e, "body", text, *e.Response.Body)
		}
	}
}

// dropSurplus takes members out of an answer that has all of the recording's
// and more, so that those are compared.
func (r *replay) dropSurplus(e exchange, want, got any) {
	w, _ := want.(map[string]any)
	g, _ := got.(map[string]any)
	for name := range w {
		if _, ok := g[name]; !ok {
			return
		}
	}
	for name, v := range g {
		if _, ok := w[name]; !ok && len(w) > 0 {
			r.differs(e, "member "+name, fmt.Sprintf("%#v", v), "absent")
			delete(g, name)
		}
	}
}

// same compares JSON values, with the recording's placeholders, and looks
// into tokens.
func (r *replay) same(e exchange, want, got any) bool {
	switch want := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(want) {
			return false
		}
		for k := range want {
			if v, ok := g[k]; !ok || !r.same(e, want[k], v) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		return ok && len(g) == len(want) && !slices.ContainsFunc(indices(want), func(i int) bool { return !r.same(e, want[i], g[i]) })
	case string:
		m := placeholder.FindStringSubmatch(want)
		if m == nil {
			return want == got
		}
		if m[0] != want { // {{url}} or {{text}} within a sentence
			var pattern strings.Builder
			for i, part := range placeholder.Split(want, -1) {
				if i > 0 {
					pattern.WriteString("[^ ]+")
				}
				pattern.WriteString(regexp.QuoteMeta(part))
			}
			ok, err := regexp.MatchString("^"+pattern.String()+"$", fmt.Sprint(got))
			return ok && err == nil
		}
		return r.fits(e, m[1], got)
	default:
		return want == got
	}
}

func indices(list []any) []int {
	n := make([]int, len(list))
	for i := range n {
		n[i] = i
	}
	return n
}

var (
	hex32     = regexp.MustCompile(`^[0-9a-f]{32}$`)
	uuid4     = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	sha256Hex = regexp.MustCompile(`^[0-9A-F]{64}$`)
)

// fits compares a value with a placeholder.
func (r *replay) fits(e exchange, name string, got any) bool {
	if strings.HasPrefix(name, "now") {
		n, ok := got.(float64)
		var offset int64
		if _, err := fmt.Sscanf(strings.TrimPrefix(name, "now"), "%d", &offset); err != nil {
			offset = 0
		}
		d := int64(n) - r.now().Unix() - offset
		return ok && d >= -4 && d <= 4
	}
	s, ok := got.(string)
	switch {
	case !ok:
		return false
	case name == "hex32":
		return hex32.MatchString(s)
	case name == "uuid4":
		return uuid4.MatchString(s)
	case name == "iso8601.usZ":
		_, err := time.Parse("2006-01-02T15:04:05.999999Z", s)
		return err == nil
	case name == "SHA256HEX":
		return sha256Hex.MatchString(s)
	case name == "text":
		return s != ""
	}
	if golden, ok := e.Response.Tokens["{{"+name+"}}"]; ok {
		r.compareToken(e, golden, s)
	} else if strings.Count(s, ".") != 2 {
		return false
	}
	r.tokens[name] = s
	return true
}

func (r *replay) compareToken(e exchange, golden goldenToken, raw string) {
	header, _ := decodePart(r.t, raw, 0)
	if fmt.Sprint(header) != fmt.Sprint(golden.Header) {
		r.differs(e, "header of the token", fmt.Sprint(header), fmt.Sprint(golden.Header))
	}
	claims, order := decodePart(r.t, raw, 1)
	for name, want := range golden.Claims {
		got, ok := claims[name]
		if !ok || !r.same(e, want, got) {
			r.differs(e, "claim "+name, fmt.Sprintf("%#v", got), fmt.Sprintf("%#v", want))
		}
	}
	var known []string
	for _, name := range order {
		if _, ok := golden.Claims[name]; !ok {
			r.differs(e, "claim "+name, fmt.Sprintf("%#v", claims[name]), "absent")
			continue
		}
		known = append(known, name)
	}
	if !slices.Equal(known, golden.ClaimOrder) {
		r.differs(e, "order of claims", fmt.Sprint(known), fmt.Sprint(golden.ClaimOrder))
	}
}

// decodePart decodes a part of a token, and the order of its members.
func decodePart(t *testing.T, raw string, part int) (map[string]any, []string) {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[part])
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(b, &members); err != nil {
		t.Fatal(err)
	}
	var order []string
	for d, depth := json.NewDecoder(bytes.NewReader(b)), 0; ; {
		tok, err := d.Token()
		if err != nil {
			return members, order
		}
		switch tok := tok.(type) {
		case json.Delim:
			if tok == '{' || tok == '[' {
				depth++
			} else {
				depth--
			}
		case string:
			if _, member := members[tok]; member && depth == 1 && !slices.Contains(order, tok) {
				order = append(order, tok)
			}
		}
	}
}

// differs finds the line that allows a difference, or fails.
func (r *replay) differs(e exchange, what, got, want string) {
	for _, d := range r.differences {
		if ok, _ := path.Match(d.Exchange, e.ID); ok && d.What == what && (d.Answer == "*" || d.Answer == got) {
			d.used = true
			return
		}
	}
	r.t.Errorf("%s: %s is %s, want %s\n\t%s | %s | %s | ROW | REASON", e.ID, what, got, want, e.ID, what, got)
}

func (r *replay) finish() {
	for _, d := range r.differences {
		if !d.used {
			r.t.Errorf("differences: %s | %s no longer differs", d.Exchange, d.What)
		}
	}
}

// A rig is what dialects are tested on: a store with people, a clock, and
// handlers made from options.
type rig struct {
	t       *testing.T
	store   *store.Memory
	now     func() time.Time
	skipped atomic.Int64 // what the clock is ahead, in nanoseconds
	base    watchword.Config
	faces   []httpauth.Face
	auth    *watchword.Authority
}

func newRig(t *testing.T) *rig {
	t.Helper()
	h, err := password.New(password.Config{Preferred: password.Params{Memory: 8192, Time: 1}, Wait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	// The clock stands still but for pass: however slow the machine, what is
	// dated is dated as the recordings are.
	r, start := &rig{t: t, store: store.NewMemory()}, time.Now()
	r.now = func() time.Time { return start.Add(time.Duration(r.skipped.Load())) }
	r.base = watchword.Config{
		Issuer: "http://127.0.0.1:8000", Audience: "http://127.0.0.1:8000", Store: r.store,
		SealKey: bytes.Repeat([]byte{9}, 32), Hasher: h, InsecureUnlimited: true, Now: r.now,
	}
	return r
}

// pass moves the clock on.
func (r *rig) pass(d time.Duration) { r.skipped.Add(int64(d)) }

// user adds somebody; a password that begins with a dollar sign is a hash.
func (r *rig) user(u watchword.User, pass string) watchword.User {
	r.t.Helper()
	hash := pass
	if !strings.HasPrefix(pass, "$") {
		var err error
		if hash, err = r.base.Hasher.Hash(context.Background(), pass); err != nil {
			r.t.Fatal(err)
		}
	}
	made, err := r.store.CreateUser(context.Background(), watchword.NewUser{User: u, PasswordHash: hash})
	if err != nil {
		r.t.Fatal(err)
	}
	return made
}

// face makes a dialect and its authority; the first one's authority is kept
// for further faces with the same engine.
func (r *rig) face(name string, o dialect.Options) httpauth.Profile {
	r.t.Helper()
	d, err := dialect.ByName(name, o)
	if err != nil {
		r.t.Fatal(err)
	}
	c, err := d.Engine(r.base)
	if err != nil {
		r.t.Fatal(err)
	}
	if r.auth, err = watchword.New(c); err != nil {
		r.t.Fatal(err)
	}
	r.faces = append(r.faces, httpauth.Face{Service: r.auth, Profile: d.Profile})
	return d.Profile
}

func (r *rig) handler() http.Handler {
	r.t.Helper()
	mux := http.NewServeMux()
	if err := httpauth.MountAll(mux, r.faces...); err != nil {
		r.t.Fatal(err)
	}
	return mux
}
