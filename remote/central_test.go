package remote_test

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/remote"
	"github.com/watchword-auth/watchword/store"
)

// central is a whole authority, with a feed and a directory written from their
// format and not from the code that serves them. Faults can be put before any
// of it.
type central struct {
	*watchword.Authority
	t      testing.TB
	store  *store.Memory
	seal   []byte
	feed   *store.Memory // whose facts are told
	id     string        // of its one machine client
	secret string
	hasher *password.Hasher
	mux    *http.ServeMux // the native profile
	own    *http.ServeMux // before it, the feed and the directory

	mu     sync.Mutex
	calls  map[string]int              // by method and path
	last   map[string]*http.Request    // likewise
	faults map[string]http.HandlerFunc // by path, "" for all; nil: none
	tweak  func(*watchword.FactPage)   // of pages, before they are written
	fields func(map[string]any)        // of records
	cuts   chan struct{}               // closed to end all streams
}

const (
	annID   = "1"
	annPass = "right horse"
)

// cheap hashes with the least work that is allowed.
func cheap(t testing.TB) *password.Hasher {
	t.Helper()
	h, err := password.New(password.Config{Preferred: password.Params{Scheme: "argon2id", Memory: 64, Time: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func newCentral(t testing.TB, edit func(*watchword.Config)) *central {
	t.Helper()
	c := &central{
		t: t, store: store.NewMemory(), seal: []byte("0123456789abcdef0123456789abcdef"), hasher: cheap(t),
		mux: http.NewServeMux(), own: http.NewServeMux(), calls: make(map[string]int), last: make(map[string]*http.Request), faults: make(map[string]http.HandlerFunc), cuts: make(chan struct{}),
	}
	c.feed = c.store
	config := watchword.Config{
		Issuer: issuer, Audience: "shop", Store: c.store, SealKey: c.seal, Hasher: c.hasher, InsecureUnlimited: true,
		Rotation: watchword.Rotation{Grace: -1},
	}
	if edit != nil {
		edit(&config)
	}
	var err error
	if c.Authority, err = watchword.New(config); err != nil {
		t.Fatal(err)
	}
	c.addUser("ann")
	var record watchword.ClientRecord
	c.id, c.secret, record = watchword.NewClientSecret("shop", []string{"revocations"}, time.Now())
	record.UserFields = []string{
		"login", "email", "first_name", "last_name", "phone", "active", "staff", "superuser", "scopes", "permissions", "groups", "created_at", "last_login_at", "extra",
	}
	if err := c.store.CreateClient(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	p := httpauth.Native(httpauth.NativePrefix, nil)
	p.Routes = append(p.Routes, httpauth.SignUpRoute())
	if err := httpauth.Mount(c.mux, c.Authority, p); err != nil {
		t.Fatal(err)
	}
	c.own.HandleFunc("GET /auth/v1/revocations", c.machine(c.revocations))
	c.own.HandleFunc("GET /auth/v1/directory", c.machine(c.directory))
	c.own.HandleFunc("GET /auth/v1/directory/{id}", c.machine(c.directoryUser))
	c.own.Handle("/", c.mux)
	return c
}

// withRoutesOf has the real feed and directory served, or the stand-ins.
func (c *central) withRoutesOf(real bool) *central {
	if real {
		c.own = c.mux
	}
	return c
}

// both runs a test in a bubble with the real routes, and with the stand-ins.
func both(t *testing.T, test func(t *testing.T, c *central)) {
	for name, real := range map[string]bool{"stand-in": false, "real": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, newCentral(t, nil).withRoutesOf(real)) })
		})
	}
}

func (c *central) addUser(login string) watchword.User {
	c.t.Helper()
	hash, err := c.hasher.Hash(c.t.Context(), annPass)
	if err != nil {
		c.t.Fatal(err)
	}
	u, err := c.store.CreateUser(c.t.Context(), watchword.NewUser{
		User: watchword.User{
			Login: login, Email: login + "@example.com", FirstName: strings.ToUpper(login), Active: true, Staff: true,
			Scopes: []string{"read", "write"}, Permissions: []string{"shop.buy"}, Extra: []byte(`{"plan":"paid"}`),
		},
		PasswordHash: hash,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return u
}

// change changes a user's record.
func (c *central) change(id, firstName string) {
	c.t.Helper()
	now := time.Now()
	if _, err := c.store.UpdateUser(c.t.Context(), id, watchword.UserChange{FirstName: &firstName}, 0, now.Add(time.Hour), now); err != nil {
		c.t.Fatal(err)
	}
}

func (c *central) signIn(login string) watchword.Tokens {
	c.t.Helper()
	t, err := c.SignIn(c.t.Context(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: login, Password: annPass}})
	if err != nil {
		c.t.Fatal(err)
	}
	return t
}

func (c *central) signOut(t watchword.Tokens) {
	c.t.Helper()
	if err := c.SignOut(c.t.Context(), watchword.SignOutRequest{Raw: t.Access}); err != nil {
		c.t.Fatal(err)
	}
}

// fail puts a handler before a path; nil takes it away. "stream" stands for
// the feed asked for events, "wait" for a long poll.
func (c *central) fail(path string, with http.HandlerFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if with == nil {
		delete(c.faults, path)
		return
	}
	c.faults[path] = with
}

// swap puts another database under the feed.
func (c *central) swap(next *store.Memory) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.feed = next
}

// cut ends all streams.
func (c *central) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.cuts)
	c.cuts = make(chan struct{})
}

func (c *central) count(call string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[call]
}

func (c *central) total() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for calls := range maps.Values(c.calls) {
		n += calls
	}
	return n
}

func (c *central) lastCall(call string) *http.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last[call]
}

func (c *central) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.calls[r.Method+" "+r.URL.Path]++
	c.last[r.Method+" "+r.URL.Path] = r
	kinds := []string{"", r.URL.Path}
	if strings.HasSuffix(r.URL.Path, "/revocations") {
		switch {
		case r.Header.Get("Accept") == "text/event-stream":
			kinds = append(kinds, "stream")
		case r.URL.Query().Has("wait"):
			kinds = append(kinds, "wait")
		default:
			kinds = append(kinds, "poll")
		}
	}
	var fault http.HandlerFunc
	for _, kind := range kinds {
		if c.faults[kind] != nil {
			fault = c.faults[kind]
		}
	}
	c.mu.Unlock()
	if fault != nil {
		fault(w, r)
		return
	}
	c.own.ServeHTTP(w, r)
}

// machine lets the machine client in.
func (c *central) machine(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if _, err := c.AuthenticateClient(r.Context(), id, secret); err != nil {
			refuse(http.StatusUnauthorized, "invalid_client")(w, r)
			return
		}
		next(w, r)
	}
}

// refuse answers in the native shape.
func refuse(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":"x","error_description":"inner text of the authority","code":%q}`, code)
	}
}

func (c *central) page(ctx context.Context, after watchword.Cursor, limit int) (watchword.FactPage, error) {
	c.mu.Lock()
	facts, seal := c.feed, c.seal
	c.mu.Unlock()
	p := watchword.FactPage{Now: time.Now()}
	var err error
	if p.Facts, p.Cursor, err = facts.FactsSince(ctx, after, p.Now, limit); err != nil {
		return p, err
	}
	p.More = len(p.Facts) == limit
	if after == (watchword.Cursor{}) {
		if p.StatusKey, err = hkdf.Key(sha256.New, seal, nil, "watchword status", 32); err != nil {
			return p, err
		}
		p.Profiles = []string{"native"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tweak != nil {
		c.tweak(&p)
	}
	return p, nil
}

func (c *central) revocations(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	text := q.Get("cursor")
	stream := r.Header.Get("Accept") == "text/event-stream"
	if id := r.Header.Get("Last-Event-ID"); stream && id != "" {
		text = id
	}
	var after watchword.Cursor
	var err error
	if text != "" {
		if after, err = watchword.ParseCursor(text); err != nil {
			refuse(http.StatusBadRequest, "invalid_request")(w, r)
			return
		}
	}
	if stream {
		c.events(w, r, after)
		return
	}
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil {
		limit = 10_000
	}
	p, err := c.page(r.Context(), after, limit)
	for wait, _ := strconv.Atoi(q.Get("wait")); err == nil && wait > 0 && p.Cursor == after; wait-- {
		select {
		case <-time.After(time.Second):
		case <-r.Context().Done():
			return
		}
		p, err = c.page(r.Context(), after, limit)
	}
	if err != nil {
		refuse(http.StatusConflict, "conflict")(w, r)
		return
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

// events sends facts as they come, and says each second that it is alive.
func (c *central) events(w http.ResponseWriter, r *http.Request, after watchword.Cursor) {
	c.mu.Lock()
	cuts := c.cuts
	c.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream")
	_ = http.NewResponseController(w).Flush()
	for idle := 0; ; idle++ {
		p, err := c.page(r.Context(), after, 1000)
		if err != nil {
			_, _ = fmt.Fprint(w, "event: reset\ndata: {}\n\n")
			return
		}
		name := "facts"
		if p.Cursor == after {
			name = "alive"
		}
		if name == "facts" || idle%50 == 0 {
			at := p.Cursor
			p.Cursor, p.StatusKey, p.Profiles = watchword.Cursor{}, nil, nil
			body, err := json.Marshal(p)
			if err != nil {
				panic(err)
			}
			if _, err := fmt.Fprintf(w, "event: %s\nid: %s\ndata: %s\n\n", name, at, body); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			after = at
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-cuts:
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (c *central) record(u watchword.User) json.RawMessage {
	body, err := httpauth.UserRecord(u).MarshalJSON()
	if err != nil {
		panic(err)
	}
	var o map[string]any
	if err := json.Unmarshal(body, &o); err != nil {
		panic(err)
	}
	o["phone"], o["extra"] = u.Phone, json.RawMessage(u.Extra)
	c.mu.Lock()
	if c.fields != nil {
		c.fields(o)
	}
	c.mu.Unlock()
	if body, err = json.Marshal(o); err != nil {
		panic(err)
	}
	return body
}

func (c *central) directory(w http.ResponseWriter, r *http.Request) {
	_, cursor, err := c.store.FactsSince(r.Context(), watchword.Cursor{}, time.Now(), 1_000_000)
	if err != nil {
		panic(err)
	}
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	users, err := c.store.ListUsers(r.Context(), r.URL.Query().Get("after"), limit)
	if err != nil {
		panic(err)
	}
	answer := map[string]any{"cursor": cursor.String(), "next": ""}
	records := []json.RawMessage{}
	for _, u := range users {
		records = append(records, c.record(u))
	}
	if len(users) == limit {
		answer["next"] = users[limit-1].ID
	}
	answer["users"] = records
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

func (c *central) directoryUser(w http.ResponseWriter, r *http.Request) {
	u, err := c.store.UserByID(r.Context(), r.PathValue("id"))
	if err != nil {
		refuse(http.StatusNotFound, "not_found")(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(c.record(u))
}

// service is a client of c inside a bubble, over pipes. It ends with the test.
func (c *central) service(t testing.TB, edit func(*remote.Config)) *remote.Client {
	t.Helper()
	client, err := c.open(t, edit)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (c *central) open(t testing.TB, edit func(*remote.Config)) (*remote.Client, error) {
	t.Helper()
	config := remote.Config{
		URL: issuer, Audience: "shop", ClientID: c.id, ClientSecret: c.secret,
		Transport: transport(t, c), Report: func(err error) { t.Logf("report: %v", err) },
	}
	if edit != nil {
		edit(&config)
	}
	client, err := remote.New(t.Context(), config)
	if err == nil {
		t.Cleanup(client.Close)
	}
	return client, err
}

// counted counts what goes over a transport.
type counted struct {
	http.RoundTripper
	n atomic.Int64
}

func (c *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.RoundTripper.RoundTrip(r)
}
