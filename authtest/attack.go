package authtest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// Attacks says how [Attack] goes about it. The zero value asks GET / with a
// token that has no scopes.
type Attacks struct {
	// Request makes the request that a token is to open; nil means GET /.
	Request func() *http.Request
	// Token makes a good token for it; nil means one for the subject
	// "authtest" without scopes. Bad ones have no scopes either way: it must
	// be that they are bad which has them refused.
	Token func(*Issuer) string
	// Revocation is how soon a revoked token must be refused, by the machine's
	// clock; 0 means two seconds. Negative: the handler hears of no
	// revocations, and is not asked.
	Revocation time.Duration
}

// Finding is an attack that succeeded.
type Finding struct {
	Attack string
	Why    string // what that means
	Status int    // what the handler answered
}

// String says it in one line.
func (f Finding) String() string {
	return fmt.Sprintf("%s: answered %d: %s", f.Attack, f.Status, f.Why)
}

// Attack shows a handler that trusts the issuer one token with each of the
// [Defects], and reports each that is not refused: among others confused
// algorithms, audiences that nobody compares, refresh tokens at a route. A
// good token must be accepted, or there is nothing to learn. The first of
// attacks says how, if there is one.
func Attack(t testing.TB, handler http.Handler, i *Issuer, attacks ...Attacks) {
	t.Helper()
	var a Attacks
	if len(attacks) > 0 {
		a = attacks[0]
	}
	findings, err := Probe(handler, i, a)
	if err != nil {
		t.Fatalf("authtest: %v", err)
	}
	for _, f := range findings {
		t.Errorf("authtest: %s", f)
	}
}

// Probe is [Attack] for those who want to read the findings. It returns an
// error where the handler cannot be attacked, because it refuses a good token
// or an attack cannot be made.
func Probe(handler http.Handler, i *Issuer, a Attacks) ([]Finding, error) {
	p := prober{handler: handler, issuer: i, attacks: a}
	if p.attacks.Request == nil {
		p.attacks.Request = func() *http.Request {
			return httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", nil)
		}
	}
	if p.attacks.Token == nil {
		p.attacks.Token = func(i *Issuer) string { return i.Token(subject) }
	}
	if status := p.ask(bearer(p.attacks.Token(i))); status >= http.StatusBadRequest {
		return nil, fmt.Errorf("a good token is answered %d: the handler must trust %s and accept the audience %q", status, i.URL(), i.Audience())
	}
	p.without()
	for _, d := range Defects() {
		raw, err := d.make(i)
		if err != nil {
			return nil, fmt.Errorf("make a token that is %q: %w", d.Name, err)
		}
		fetched := i.asked.n.Load()
		p.expect(d.Name, d.Why, p.ask(bearer(raw)))
		if i.asked.n.Load() != fetched {
			p.findings = append(p.findings, Finding{d.Name, "the address in the header was fetched: whoever writes tokens chooses what the server asks", 0})
		}
	}
	p.misplaced()
	p.revoked()
	return p.findings, nil
}

type prober struct {
	handler  http.Handler
	issuer   *Issuer
	attacks  Attacks
	findings []Finding
}

// ask sends the request with what change does to it.
func (p *prober) ask(change func(*http.Request)) int {
	r := p.attacks.Request()
	change(r)
	w := httptest.NewRecorder()
	p.serve(w, r)
	return w.Code
}

// serve answers for a handler that panics as net/http would: badly.
func (p *prober) serve(w *httptest.ResponseRecorder, r *http.Request) {
	defer func() {
		if recover() != nil {
			w.Code = http.StatusInternalServerError
		}
	}()
	p.handler.ServeHTTP(w, r)
}

func bearer(raw string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+raw) }
}

// expect notes an answer that is no refusal. A fault of the server is none
// either: whoever can cause one at will is not refused but served.
func (p *prober) expect(attack, why string, status int) {
	switch {
	case status < http.StatusBadRequest:
		p.findings = append(p.findings, Finding{attack, why, status})
	case status >= http.StatusInternalServerError:
		p.findings = append(p.findings, Finding{attack, "a bad token is the client's fault, not the server's", status})
	}
}

// without shows no token at all.
func (p *prober) without() {
	const open = "the route is open to everybody"
	p.expect("no token", open, p.ask(func(*http.Request) {}))
	p.expect("empty token", open, p.ask(bearer("")))
	p.expect("another scheme", open, p.ask(func(r *http.Request) { r.SetBasicAuth(subject, subject) }))
}

// misplaced shows a good token where it does not belong.
func (p *prober) misplaced() {
	raw := p.attacks.Token(p.issuer)
	p.expect("token in the query", "addresses stand in logs and in the Referer (RFC 9700, section 4.3.2)", p.ask(func(r *http.Request) {
		q := r.URL.Query()
		q.Set("access_token", raw)
		r.URL.RawQuery = q.Encode()
	}))
	p.expect("two Authorization headers", "a proxy before the handler may have judged the other one", p.ask(func(r *http.Request) {
		r.Header["Authorization"] = []string{"Bearer garbage", "Bearer " + raw}
	}))
}

// revoked waits until a revoked token is refused.
func (p *prober) revoked() {
	within := p.attacks.Revocation
	if within < 0 {
		return
	}
	if within == 0 {
		within = 2 * time.Second
	}
	raw := p.attacks.Token(p.issuer)
	status := p.ask(bearer(raw)) // seen before: a memory of good tokens must forget it
	if status >= http.StatusBadRequest {
		return // Token makes one that opens the route once
	}
	p.issuer.Revoke(raw)
	until := time.Now().Add(within) //nolint:forbidigo // how long a person would wait
	for {
		status = p.ask(bearer(raw))
		if status >= http.StatusBadRequest {
			break
		}
		if time.Now().After(until) { //nolint:forbidigo // as above
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	p.expect("revoked just now", fmt.Sprintf("it is still accepted after %s: who was signed out is not", within), status)
}

// counter counts requests.
type counter struct{ n atomic.Int64 }

func (c *counter) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c.n.Add(1)
	http.Error(w, "nothing here", http.StatusNotFound)
}
