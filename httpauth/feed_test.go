package httpauth_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/jwt"
)

// newMirror makes a machine client that may copy those fields.
func (b *bench) newMirror(name string, fields ...string) (id, secret string) {
	b.t.Helper()
	id, secret, r := watchword.NewClientSecret(name, []string{watchword.FeedScope}, b.clock.Now())
	r.UserFields = fields
	if err := b.store.CreateClient(context.Background(), r); err != nil {
		b.t.Fatal(err)
	}
	return id, secret
}

// epoch is that of the store, which is random.
func (b *bench) epoch() string {
	b.t.Helper()
	epoch, err := b.store.Meta(context.Background(), "epoch")
	if err != nil {
		b.t.Fatal(err)
	}
	return string(epoch)
}

func (b *bench) addFact(f watchword.Fact) {
	b.t.Helper()
	if _, err := b.store.AddFact(context.Background(), f); err != nil {
		b.t.Fatal(err)
	}
	if err := b.auth.Follow(context.Background()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) token(id, secret string) string {
	b.t.Helper()
	a := b.do(formCall("/auth/v1/token", "grant_type=client_credentials", basic(id, secret)...))
	if a.status != 200 {
		b.t.Fatalf("client token: %d %s", a.status, a.body)
	}
	return a.text(b.t, "access_token")
}

func get(path string, header ...[]string) call {
	return call{"GET", path, "", slices.Concat(header...)}
}

func accept(media string) []string { return []string{"Accept", media} }

func TestServiceRoutesAuthentication(t *testing.T) {
	b := newBench(t)
	id, secret := b.newMirror("wiki", "email")
	plainID, plainSecret := b.newClient("shop", "orders")
	access, refresh := b.signIn()
	token, unscoped := b.token(id, secret), b.token(plainID, plainSecret)
	goneID, goneSecret := b.newMirror("gone", "email")
	gone := b.token(goneID, goneSecret)
	if err := b.auth.DeleteClient(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name        string
		header      []string
		status      int
		oauth, code string
		challenge   string
	}{
		{"a secret", basic(id, secret), 200, "", "", ""},
		{"a bearer", bearer(token), 200, "", "", ""},
		{"nothing", nil, 401, "unauthenticated", "unauthenticated", "Bearer"},
		{"a cookie", []string{"Cookie", "__Host-access=" + token}, 401, "unauthenticated", "unauthenticated", "Bearer"},
		{"a wrong secret", basic(id, secret+"x"), 401, "invalid_client", "invalid_client", "Basic"},
		{"an unknown client", basic("client_X", secret), 401, "invalid_client", "invalid_client", "Basic"},
		{"a deleted client", basic(goneID, goneSecret), 401, "invalid_client", "invalid_client", "Basic"},
		{"a user by Basic", basic(ann, annPass), 401, "invalid_client", "invalid_client", "Basic"},
		{"crooked Basic", []string{"Authorization", "Basic !!!"}, 401, "invalid_client", "invalid_client", "Basic"},
		{"two headers", append(basic(id, secret), basic(id, secret)...), 401, "invalid_client", "invalid_client", "Basic"},
		{"a token of a deleted client", bearer(gone), 401, "invalid_token", "session_ended", "Bearer error"},
		{"a token without the scope", bearer(unscoped), 403, "insufficient_scope", "insufficient_scope", "Bearer error"},
		{"a user's token", bearer(access), 403, "insufficient_scope", "insufficient_scope", "Bearer error"},
		{"a refresh token", bearer(refresh), 401, "invalid_token", "", "Bearer error"},
		{"no token at all", bearer(""), 401, "invalid_token", "token_malformed", "Bearer error"},
	}
	for _, path := range []string{"/auth/v1/revocations", "/auth/v1/status/0", "/auth/v1/directory", "/auth/v1/directory/1"} {
		for _, tt := range tests {
			t.Run(path+"/"+tt.name, func(t *testing.T) {
				a := b.do(get(path, tt.header))
				a.is(t, tt.status, tt.oauth, tt.code)
				if got := a.header.Get("WWW-Authenticate"); !strings.HasPrefix(got, tt.challenge) || tt.challenge == "" && got != "" {
					t.Errorf("WWW-Authenticate %q, want %q", got, tt.challenge)
				}
				if a.status != 200 && a.header.Get("Cache-Control") != "no-store" {
					t.Errorf("Cache-Control %q", a.header.Get("Cache-Control"))
				}
			})
		}
	}
}

// A user to whom the scope was given is no machine.
func TestFeedIsForMachines(t *testing.T) {
	b := newBench(t)
	scopes := []string{watchword.FeedScope}
	if _, err := b.store.UpdateUser(t.Context(), "1", watchword.UserChange{Scopes: &scopes}, 0, b.clock.Now().Add(time.Hour), b.clock.Now()); err != nil {
		t.Fatal(err)
	}
	b.clock.advance(2 * time.Second)
	access, _ := b.signIn()
	b.do(get("/auth/v1/revocations", bearer(access))).is(t, 403, "insufficient_scope", "permission_denied")
}

func TestServiceFailuresAreLimited(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) { c.InsecureUnlimited = false })
	b.profile.ClientOf = nil
	id, secret := b.newMirror("wiki")
	for i := range 100 {
		if a := b.do(get("/auth/v1/revocations", basic(id, "wrong"))); a.status != 401 {
			t.Fatalf("attempt %d: %d %s", i, a.status, a.body)
		}
	}
	a := b.do(get("/auth/v1/revocations", basic(id, "wrong")))
	a.is(t, 429, "temporarily_unavailable", "rate_limited")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	b.do(get("/auth/v1/revocations", basic(id, secret))).is(t, 200, "", "")
	if _, err := b.auth.AuthenticateService(t.Context(), id, "wrong", watchword.Client{Address: netip.MustParseAddr("198.51.100.7")}); watchword.CodeOf(err) != watchword.InvalidClient {
		t.Errorf("from elsewhere: %v", err)
	}
}

func TestFeedAnswers(t *testing.T) {
	b := newBench(t)
	id, secret := b.newMirror("wiki")
	me := basic(id, secret)
	until := b.clock.Now().Add(time.Hour)
	b.addFact(watchword.Fact{Kind: watchword.SessionFact, Number: 7, Until: until})
	b.addFact(watchword.Fact{Kind: watchword.UserFact, ID: "3", UpTo: 9, Except: 8, Before: b.clock.Now(), Until: until})
	b.addFact(watchword.Fact{Kind: watchword.TokenFact, ID: "jti", Until: until})
	b.addFact(watchword.Fact{Kind: watchword.ClaimsFact, ID: "3", Before: b.clock.Now(), Until: until})
	b.addFact(watchword.Fact{Kind: watchword.ProfileFact, ID: "3", Until: until})
	status := base64.RawURLEncoding.EncodeToString(b.auth.StatusKey())

	// The store has a fact about ann's record at first, and one about the key.
	const session = `{"kind":"session","number":7,"until":1777899600}`
	const rest = `{"kind":"user","id":"3","up_to":9,"except":8,"before":1777896000,"until":1777899600},` +
		`{"kind":"token","id":"jti","until":1777899600},{"kind":"claims","id":"3","before":1777896000,"until":1777899600}`
	const key = `{"kind":"key","until":1777896420}`
	const now = `"now":1777896000000000`
	tests := []struct{ name, query, want string }{
		{"a snapshot", "", `{"cursor":"E.7","more":false,` + now + `,"status_key":"` + status + `","profiles":["native"],"facts":[` + key + `,` + session + `,` + rest + `]}`},
		{"a page of one", "?limit=1&cursor=E.2", `{"cursor":"E.3","more":true,` + now + `,"facts":[` + session + `]}`},
		{"after a cursor", "?cursor=E.3", `{"cursor":"E.7","more":false,` + now + `,"facts":[` + rest + `]}`},
		{"from the start by a cursor", "?cursor=E.0", `{"cursor":"E.7","more":false,` + now + `,"facts":[` + key + `,` + session + `,` + rest + `]}`},
		{"nothing new", "?cursor=E.7", `{"cursor":"E.7","more":false,` + now + `,"facts":[]}`},
		{"nothing that it may see", "?cursor=E.6", `{"cursor":"E.7","more":false,` + now + `,"facts":[]}`},
		{"the whole of a wait", "?cursor=E.7&wait=1", `{"cursor":"E.7","more":false,` + now + `,"facts":[]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := b.do(get("/auth/v1/revocations"+strings.ReplaceAll(tt.query, "E.", b.epoch()+"."), me))
			if got := strings.ReplaceAll(a.body, b.epoch(), "E"); a.status != 200 || got != tt.want {
				t.Errorf("%d\n got %s\nwant %s", a.status, got, tt.want)
			}
			if a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("header %v", a.header)
			}
		})
	}
	mirror := basic(b.newMirror("mirror", "email"))
	if a := b.do(get("/auth/v1/revocations?cursor="+b.epoch()+".6", mirror)); !strings.Contains(a.body, `"facts":[{"kind":"profile","id":"3","until":1777899600}]`) {
		t.Errorf("who may copy users is told %s", a.body)
	}
	head := b.do(call{"HEAD", "/auth/v1/revocations?wait=30&cursor=" + b.epoch() + ".7", "", me})
	if head.status != 200 {
		t.Errorf("HEAD = %d", head.status)
	}
}

func TestFeedRefusesHostileQueries(t *testing.T) {
	b := newBench(t)
	me := basic(b.newMirror("wiki"))
	for _, q := range []string{
		"cursor=x", "cursor=.1", "cursor=a.-1", "cursor=a.01", "cursor=a.1.2", "cursor=%00.1", "cursor=" + strings.Repeat("a", 65) + ".1",
		"cursor=a.9223372036854775808", "cursor=a.1&cursor=a.1", "cursor=%zz", "cursor=a.1;b", "limit=0", "limit=-1", "limit=10001", "limit=1e3", "limit=01",
		"wait=31", "wait=-1", "wait=1.5", "wait=99999999999999999999",
	} {
		b.do(get("/auth/v1/revocations?"+q, me)).is(t, 400, "invalid_request", "invalid_request")
	}
	b.do(get("/auth/v1/revocations", me, accept("text/event-stream"), []string{"Last-Event-ID", "x"})).is(t, 400, "invalid_request", "invalid_request")
	for _, q := range []string{"another.1", b.epoch() + ".99", "another.0"} {
		b.do(get("/auth/v1/revocations?cursor="+q, me)).is(t, 409, "conflict", "conflict")
		b.do(get("/auth/v1/revocations?wait=5&cursor="+q, me)).is(t, 409, "conflict", "conflict")
	}
	for _, media := range []string{"text/html", "application/xml, text/plain;q=0.5", "*/*;q=0", "application/json;q=2", "nonsense"} {
		b.do(get("/auth/v1/revocations", me, accept(media))).is(t, 406, "invalid_request", "not_acceptable")
	}
	for _, media := range []string{"application/json", "*/*", "application/*", "text/html, application/json;q=0.1", "text/event-stream;q=0.1, */*"} {
		b.do(get("/auth/v1/revocations", me, accept(media))).is(t, 200, "", "")
	}
	b.do(get("/auth/v1/revocations", me, accept(strings.Repeat("a/b,", 300)))).is(t, 400, "invalid_request", "invalid_request")
	b.do(jsonCall("POST", "/auth/v1/revocations", "{}", me...)).is(t, 405, "", "method_not_allowed")
}

func TestDirectory(t *testing.T) {
	b := newBench(t)
	bob := b.addUser(cheap(t), watchword.User{Login: "bob", Email: "bob@example.com", Phone: "7", Extra: []byte(`{"plan":"gold"}`), Active: true}, "bob-pass-77")
	if err := b.auth.Follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	me := basic(b.newMirror("wiki", "email", "extra", "phone"))
	tests := []struct {
		name, path string
		status     int
		want       string
	}{
		{"all", "", 200, `{"users":[{"id":"1","email":"ann@example.com","phone":"","extra":null},` +
			`{"id":"2","email":"bob@example.com","phone":"7","extra":{"plan":"gold"}}],"next":"","cursor":"E.3"}`},
		{"a page", "?limit=1", 200, `{"users":[{"id":"1","email":"ann@example.com","phone":"","extra":null}],"next":"1","cursor":"E.3"}`},
		{"the next page", "?limit=1&after=1", 200, `{"users":[{"id":"2","email":"bob@example.com","phone":"7","extra":{"plan":"gold"}}],"next":"2","cursor":"E.3"}`},
		{"the last page", "?limit=1&after=2", 200, `{"users":[],"next":"","cursor":"E.3"}`},
		{"one", "/" + bob.ID, 200, `{"id":"2","email":"bob@example.com","phone":"7","extra":{"plan":"gold"}}`},
		{"nobody", "/77", 404, ""},
		{"no id", "/x", 404, ""},
		{"a number that is none", "/02", 404, ""},
		{"after what is no id", "?after=x", 400, ""},
		{"too many", "?limit=1001", 400, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := b.do(get("/auth/v1/directory"+tt.path, me))
			if got := strings.ReplaceAll(a.body, b.epoch(), "E"); a.status != tt.status || tt.want != "" && got != tt.want {
				t.Errorf("%d\n got %s\nwant %s", a.status, got, tt.want)
			}
		})
	}
	b.do(get("/auth/v1/directory", basic(b.newMirror("plain")))).is(t, 403, "insufficient_scope", "permission_denied")
	b.do(get("/auth/v1/directory/1", basic(b.newMirror("plain2")))).is(t, 403, "insufficient_scope", "permission_denied")
	if fields := httpauth.UserFields(); slices.Contains(fields, "id") || !slices.Contains(fields, "email") || !slices.Contains(fields, "extra") {
		t.Errorf("UserFields = %v", fields)
	}
}

// statusBits opens a status list token as any verifier would: by the public
// keys, and the draft's own words.
func statusBits(t *testing.T, b *bench, token, uri string) []byte {
	t.Helper()
	keys, err := b.auth.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwt.ParseKeySet(keys)
	if err != nil {
		t.Fatal(err)
	}
	header, payload, err := jwt.Open(t.Context(), token, jwt.KeySet(set))
	if err != nil || header.Type != "statuslist+jwt" || header.KeyID == "" {
		t.Fatalf("Open = %+v, %v", header, err)
	}
	var claims struct {
		Sub        string `json:"sub"`
		IssuedAt   int64  `json:"iat"`
		Expiry     int64  `json:"exp"`
		TTL        int64  `json:"ttl"`
		StatusList struct {
			Bits int    `json:"bits"`
			List string `json:"lst"`
		} `json:"status_list"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Sub != uri || claims.IssuedAt != b.clock.Now().Unix() || claims.Expiry != claims.IssuedAt+600 || claims.TTL != 60 || claims.StatusList.Bits != 1 {
		t.Errorf("claims %s", payload)
	}
	compressed, err := base64.RawURLEncoding.DecodeString(claims.StatusList.List)
	if err != nil {
		t.Fatal(err)
	}
	r, err := zlib.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	list, err := io.ReadAll(r)
	if err != nil || len(list) != 1<<20/8 {
		t.Fatalf("%d bytes, %v", len(list), err)
	}
	return list
}

func TestStatusListTellsWhatHasEnded(t *testing.T) {
	b := newBench(t)
	me := basic(b.newMirror("wiki"))
	b.do(get("/auth/v1/status/0", me)).is(t, 404, "not_found", "not_found")
	var ended, open []int64
	var uri string
	for i := range 20 {
		access, _ := b.signIn()
		var claims struct {
			Status struct {
				List struct {
					Index int64  `json:"idx"`
					URI   string `json:"uri"`
				} `json:"status_list"`
			} `json:"status"`
		}
		_, payload, _ := strings.Cut(access, ".")
		payload, _, _ = strings.Cut(payload, ".")
		plain, err := base64.RawURLEncoding.DecodeString(payload)
		if err != nil || json.Unmarshal(plain, &claims) != nil {
			t.Fatalf("%s, %v", plain, err)
		}
		uri = claims.Status.List.URI
		if i%2 == 0 {
			b.do(jsonCall("POST", "/auth/v1/logout", "{}", bearer(access)...)).is(t, 200, "", "")
			ended = append(ended, claims.Status.List.Index)
		} else {
			open = append(open, claims.Status.List.Index)
		}
	}
	a := b.do(get("/auth/v1/status/0", me, accept("application/statuslist+jwt")))
	if a.status != 200 || a.header.Get("Content-Type") != "application/statuslist+jwt" || a.header.Get("Cache-Control") != "private, max-age=60" {
		t.Fatalf("%d %v", a.status, a.header)
	}
	list := statusBits(t, b, a.body, uri)
	bit := func(idx int64) byte { return list[idx/8] >> (idx % 8) & 1 } // draft 21, section 4.1
	for _, idx := range ended {
		if bit(idx) != 1 {
			t.Errorf("the bit %d of an ended session is not set", idx)
		}
	}
	for _, idx := range open {
		if bit(idx) != 0 {
			t.Errorf("the bit %d of an open session is set", idx)
		}
	}
	set := 0
	for _, by := range list {
		for ; by != 0; by &= by - 1 {
			set++
		}
	}
	if set != len(ended) {
		t.Errorf("%d bits are set, want %d", set, len(ended))
	}

	tag := a.header.Get("Etag")
	if again := b.do(get("/auth/v1/status/0", me, []string{"If-None-Match", tag})); again.status != 304 || again.body != "" {
		t.Errorf("nothing has changed: %d %q", again.status, again.body)
	}
	access, _ := b.signIn()
	b.do(jsonCall("POST", "/auth/v1/logout", "{}", bearer(access)...)).is(t, 200, "", "")
	if again := b.do(get("/auth/v1/status/0", me, []string{"If-None-Match", tag})); again.status != 200 || again.header.Get("Etag") == tag {
		t.Errorf("one more has ended: %d", again.status)
	}
	b.clock.advance(6 * time.Minute)
	if again := b.do(get("/auth/v1/status/0", me)); again.status != 200 || again.body == a.body {
		t.Errorf("half of its life is over: %d", again.status)
	}
	for _, path := range []string{"1", "-1", "00", "x", "16777216", "99999999999999999999"} {
		b.do(get("/auth/v1/status/"+path, me)).is(t, 404, "not_found", "not_found")
	}
	b.do(get("/auth/v1/status/0", me, accept("application/statuslist+cwt"))).is(t, 406, "invalid_request", "not_acceptable")
}

// Section 4.1 of the draft packs the statuses 1,0,0,1,1,1,0,1,1,1,0,0,0,1,0,1
// into 0xB9A3, and gives this list.
func TestStatusListExampleOfTheDraft(t *testing.T) {
	compressed, err := base64.RawURLEncoding.DecodeString("eNrbuRgAAhcBXQ")
	if err != nil {
		t.Fatal(err)
	}
	r, err := zlib.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	list, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(list, []byte{0xb9, 0xa3}) {
		t.Fatalf("%x, %v", list, err)
	}
	for i, want := range []byte{1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1} {
		if got := list[i/8] >> (i % 8) & 1; got != want {
			t.Errorf("status %d = %d, want %d", i, got, want)
		}
	}
}

// A list in which every other session has ended does not fit into a token.
func TestStatusListOfManySessions(t *testing.T) {
	list := watchword.NewRevocationList(nil)
	b := newBench(t, func(c *watchword.Config) { c.Revocations = list })
	b.signIn()
	facts := make([]watchword.Fact, 0, 1<<19)
	for n := int64(2); n < 1<<20; n += 2 {
		facts = append(facts, watchword.Fact{Kind: watchword.SessionFact, Number: n, Until: b.clock.Now().Add(time.Hour)})
	}
	list.Apply(b.clock.Now(), facts...)
	a := b.do(get("/auth/v1/status/0", basic(b.newMirror("wiki"))))
	if a.status != 200 || len(a.body) < 150_000 || len(a.body) > 250_000 {
		t.Errorf("%d, %d bytes", a.status, len(a.body))
	}
}

// A fact about everybody, which a restored backup begins with, sets the bits
// of all sessions that there can have been.
func TestStatusListAfterARestore(t *testing.T) {
	b := newBench(t)
	me := basic(b.newMirror("wiki"))
	b.signIn()
	b.addFact(watchword.Fact{Kind: watchword.UserFact, UpTo: 1<<20 + 2, Before: b.clock.Now(), Until: b.clock.Now().Add(time.Hour)})
	a := b.do(get("/auth/v1/status/0", me))
	list := statusBits(t, b, a.body, issuer+"/auth/v1/status/0")
	if i := bytes.IndexFunc(list, func(rune) bool { return false }); i >= 0 || !bytes.Equal(list, bytes.Repeat([]byte{0xff}, len(list))) {
		t.Error("a session of before the restore has no bit")
	}
}

// What a service lacks, the native profile does without.
func TestServiceRoutesAreOptional(t *testing.T) {
	type four struct{ httpauth.Service }
	h, err := httpauth.Handler(four{newBench(t).auth}, httpauth.Profile{Name: "p", Prefix: "/p", Routes: httpauth.ServiceRoutes()})
	if err != nil {
		t.Fatal(err)
	}
	if a := serve(h, get("/p/revocations")); a.status != 404 {
		t.Errorf("a service without a feed answers %d", a.status)
	}
}
