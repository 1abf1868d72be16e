package httpauth_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// digestClient answers challenges, written from RFC 7616 alone.
type digestClient struct {
	username, realm, password, nonce, cnonce string
}

func hash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, ":")))
	return hex.EncodeToString(sum[:])
}

func (c digestClient) response(method, uri, nc string) string {
	return hash(hash(c.username, c.realm, c.password), c.nonce, nc, c.cnonce, "auth", hash(method, uri))
}

func (c digestClient) header(method, uri string, count int) string {
	nc := fmt.Sprintf("%08x", count)
	return fmt.Sprintf(`Digest username=%q, realm=%q, uri=%q, algorithm=SHA-256, nonce=%q, nc=%s, cnonce=%q, qop=auth, response=%q`,
		c.username, c.realm, uri, c.nonce, nc, c.cnonce, c.response(method, uri, nc))
}

// RFC 7616, section 3.9.1.
func TestDigestClientOfTheRFC(t *testing.T) {
	c := digestClient{
		username: "Mufasa", realm: "http-auth@example.org", password: "Circle of Life",
		nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
	}
	if got := c.response("GET", "/dir/index.html", "00000001"); got != "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1" {
		t.Errorf("response %s", got)
	}
}

const digestRealm = "devices"

// newDigest knows user cam with password p "q\.
func newDigest(t testing.TB, now func() time.Time) *httpauth.Digest {
	t.Helper()
	d, err := httpauth.NewDigest(httpauth.DigestConfig{Realm: digestRealm, Now: now, Secret: func(_ context.Context, name string) ([32]byte, httpauth.Identity, error) {
		switch name {
		case "cam":
			return httpauth.DigestSecret("cam", digestRealm, "circle"), httpauth.Identity{Claims: httpauth.UserClaims(watchword.User{ID: "7"})}, nil
		case "down":
			return [32]byte{}, httpauth.Identity{}, watchword.Unavailable
		default:
			return [32]byte{}, httpauth.Identity{}, watchword.NotFound
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// client takes the nonce of a challenge.
func client(t testing.TB, challenge string) digestClient {
	t.Helper()
	_, rest, ok := strings.Cut(challenge, `nonce="`)
	nonce, _, _ := strings.Cut(rest, `"`)
	if !ok || !strings.HasPrefix(challenge, `Digest realm="devices", qop="auth", algorithm=SHA-256`) {
		t.Fatalf("challenge %q", challenge)
	}
	return digestClient{username: "cam", realm: digestRealm, password: "circle", nonce: nonce, cnonce: "0a4f113b"}
}

func TestDigest(t *testing.T) {
	clock := &clock{now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)}
	d := newDigest(t, clock.Now)
	h := (&httpauth.Identifier{Schemes: []httpauth.Scheme{d}}).Require()(who)
	send := func(method, path, authorization string, more ...string) answer {
		return serve(h, call{method: method, path: path, header: append([]string{"Authorization", authorization}, more...)})
	}
	first := serve(h, call{method: "GET", path: "/a?b=c"})
	if first.status != 401 || strings.Contains(first.header.Get("WWW-Authenticate"), "stale") {
		t.Fatalf("%d %v", first.status, first.header)
	}
	c := client(t, first.header.Get("WWW-Authenticate"))
	good := c.header("GET", "/a?b=c", 1)
	if a := send("GET", "/a?b=c", good); a.status != 200 || a.body != "Digest 7" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := send("GET", "/a?b=c", good); a.status != 401 {
		t.Errorf("shown twice: %d", a.status)
	}
	// Requests sent at once may overtake each other, each once.
	for _, count := range []int{5, 3, 4, 2, 60, 6} {
		if a := send("GET", "/", c.header("GET", "/", count)); a.status != 200 {
			t.Errorf("count %d: %d", count, a.status)
		}
		if a := send("GET", "/", c.header("GET", "/", count)); a.status != 401 {
			t.Errorf("count %d again: %d", count, a.status)
		}
	}
	if a := send("GET", "/", c.header("GET", "/", 1000)); a.status != 200 {
		t.Errorf("a count far ahead: %d", a.status)
	}
	if a := send("GET", "/", c.header("GET", "/", 900)); a.status != 401 {
		t.Errorf("a count too far behind to tell: %d", a.status)
	}

	change := func(f func(*digestClient)) digestClient { x := c; f(&x); return x }
	next := 2000
	header := func(x digestClient) string { next++; return x.header("GET", "/", next) }
	replace := func(old, with string) string {
		h := header(c)
		if !strings.Contains(h, old) {
			t.Fatalf("%q lacks %q", h, old)
		}
		return strings.Replace(h, old, with, 1)
	}
	tests := map[string]string{
		"another password":      header(change(func(c *digestClient) { c.password = "x" })),
		"an unknown user":       header(change(func(c *digestClient) { c.username = "eve" })),
		"no user":               header(change(func(c *digestClient) { c.username = "" })),
		"another realm":         header(change(func(c *digestClient) { c.realm = "x" })),
		"a nonce made up":       header(change(func(c *digestClient) { c.nonce = strings.Repeat("A", 43) })),
		"no nonce":              header(change(func(c *digestClient) { c.nonce = "" })),
		"no cnonce":             header(change(func(c *digestClient) { c.cnonce = "" })),
		"another path":          c.header("GET", "/x", 3001),
		"another query":         c.header("GET", "/?x", 3002),
		"another method":        c.header("POST", "/", 3003),
		"count 0":               c.header("GET", "/", 0),
		"MD5":                   replace("SHA-256", "MD5"),
		"SHA-256-sess":          replace("SHA-256", "SHA-256-sess"),
		"no algorithm":          replace("algorithm=SHA-256, ", ""),
		"no qop":                replace("qop=auth, ", ""),
		"auth-int":              replace("qop=auth,", "qop=auth-int,"),
		"a short count":         replace("nc=0000", "nc="),
		"a signed count":        replace("nc=0", "nc=+"),
		"no response":           strings.Split(header(c), ", response")[0],
		"a response cut short":  strings.TrimSuffix(header(c), `"`)[:len(header(c))-3] + `"`,
		"capitals":              strings.ToUpper(header(c)),
		"a parameter twice":     header(c) + `, username="cam"`,
		"another spelling":      header(c) + `, USERNAME="cam"`,
		"an open quote":         header(c) + `, x="`,
		"a comma at the end":    header(c) + ",",
		"an empty element":      replace(", realm", ",, realm"),
		"no comma":              replace(", realm", " realm"),
		"username*":             replace("username=\"cam\"", "username*=UTF-8''cam"),
		"a semicolon":           replace(", realm", "; realm"),
		"too many parameters":   header(c) + strings.Join(strings.Split(", a=1, b=1, c=1, d=1, e=1, f=1, g=1, h=1, i=1", " "), " "),
		"nothing":               "Digest",
		"something else":        "Digest x",
		"a control character":   header(c) + ", x=\"\x01\"",
		"a control, escaped":    header(c) + ", x=\"\\\x01\"",
		"quoted and open again": header(c) + `, x="a\`,
	}
	for name, authorization := range tests {
		if a := send("GET", "/", authorization); a.status != 401 || a.text(t, "code") != "invalid_credentials" {
			t.Errorf("%s: %d %s\n%s", name, a.status, a.body, authorization)
		}
	}
	for name, authorization := range map[string]string{
		"escapes":          replace(`"cam"`, `"c\am"`),
		"spaces":           replace(`realm="devices",`, "realm = \"devices\" ,\t"),
		"quoted qop":       replace("qop=auth", `qop="auth"`),
		"more of its own":  header(c) + `, opaque="x, y=\"z\"", userhash=false`,
		"lower-case names": strings.Replace(header(c), "Digest", "digest", 1),
	} {
		if a := send("GET", "/", authorization); a.status != 200 {
			t.Errorf("%s: %d %s\n%s", name, a.status, a.body, authorization)
		}
	}
	if a := send("GET", "/", header(change(func(c *digestClient) { c.username = "down" }))); a.status != 503 {
		t.Errorf("secrets that cannot be read: %d", a.status)
	}
	if a := send("POST", "/", c.header("POST", "/", 4000), "Sec-Fetch-Site", "cross-site"); a.status != 403 {
		t.Errorf("from another site: %d", a.status)
	}

	clock.advance(5 * time.Minute)
	old := send("GET", "/", header(c))
	if old.status != 401 || !strings.HasSuffix(old.header.Get("WWW-Authenticate"), ", stale=true") {
		t.Errorf("an old nonce: %d %q", old.status, old.header.Get("WWW-Authenticate"))
	}
	c = client(t, old.header.Get("WWW-Authenticate"))
	if a := send("GET", "/", c.header("GET", "/", 1)); a.status != 200 {
		t.Errorf("the nonce after it: %d", a.status)
	}
	// Another process has counts of its own, and takes no nonce from here.
	elsewhere := (&httpauth.Identifier{Schemes: []httpauth.Scheme{newDigest(t, clock.Now)}}).Require()(who)
	if a := serve(elsewhere, call{method: "GET", path: "/", header: []string{"Authorization", c.header("GET", "/", 1)}}); a.status != 401 ||
		!strings.HasSuffix(a.header.Get("WWW-Authenticate"), "stale=true") {
		t.Errorf("replayed at another process: %d %v", a.status, a.header)
	}
}

// Of a hundred copies of one digest at once exactly one counts.
func TestDigestShownAtOnce(t *testing.T) {
	d := newDigest(t, nil)
	c := client(t, d.Challenge(nil, watchword.Unauthenticated))
	var wg sync.WaitGroup
	var mu sync.Mutex
	good := 0
	for range 100 {
		wg.Go(func() {
			r := call{method: "GET", path: "/", header: []string{"Authorization", c.header("GET", "/", 1)}}.request()
			if _, _, err := d.Authenticate(r); err == nil {
				mu.Lock()
				defer mu.Unlock()
				good++
			}
		})
	}
	wg.Wait()
	if good != 1 {
		t.Errorf("%d counted", good)
	}
}

func TestNewDigestRefuses(t *testing.T) {
	secret := func(context.Context, string) (s [32]byte, i httpauth.Identity, err error) { return s, i, nil }
	for name, c := range map[string]httpauth.DigestConfig{
		"no realm":          {Secret: secret},
		"quotes in a realm": {Secret: secret, Realm: `a"b`},
		"no secret":         {Realm: "a"},
		"a short life":      {Realm: "a", Secret: secret, Lifetime: time.Millisecond},
		"a long life":       {Realm: "a", Secret: secret, Lifetime: 25 * time.Hour},
	} {
		if d, err := httpauth.NewDigest(c); err == nil || d != nil {
			t.Errorf("%s: %v, %v", name, d, err)
		}
	}
}

func FuzzDigest(f *testing.F) {
	for _, s := range []string{`Digest username="cam"`, `Digest a=b, c="d\"e"`, `Digest a=b,`, `digest a = "b"`, `Digest username="cam", realm="devices", uri="/", algorithm=SHA-256, nonce="x", nc=00000001, cnonce="a", qop=auth, response="0"`} {
		f.Add(s)
	}
	d := newDigest(f, nil)
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Authorization"] = []string{value}
		i, shown, err := d.Authenticate(r)
		if i.Authenticated() || shown && err == nil || !shown && err != nil {
			t.Errorf("Authenticate(%q) = %+v, %t, %v", value, i, shown, err)
		}
	})
}
