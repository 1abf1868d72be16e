package authtest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
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
	// Accepted reports whether an answer means that the request was let in;
	// nil: every status below 400 does. For handlers that send strangers to a
	// page where they sign in, serve them as strangers, or tell of errors in
	// the body.
	Accepted func(*http.Response) bool
	// Except names attacks that are not made, of [Defects] and the others that
	// [Finding] names, because the program has decided to accept such tokens.
	Except []string
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

// Attacks that are no defect of a token.
const (
	noToken, emptyToken, otherScheme = "no token", "empty token", "another scheme"
	inQuery, twoHeaders              = "token in the query", "two Authorization headers"
	revokedNow                       = "revoked just now"
)

// patience is how long one answer is waited for.
const patience = 30 * time.Second

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
	if p.attacks.Accepted == nil {
		p.attacks.Accepted = func(answer *http.Response) bool { return answer.StatusCode < http.StatusBadRequest }
	}
	if err := p.known(); err != nil {
		return nil, err
	}
	if got := p.ask(bearer(p.attacks.Token(i))); !got.accepted {
		return nil, fmt.Errorf("a good token is %s: the handler must trust %s and accept the audience %q", got, i.URL(), i.Audience())
	}
	p.without()
	for _, d := range Defects() {
		raw, err := d.make(i)
		if err != nil {
			return nil, fmt.Errorf("make a token that is %q: %w", d.Name, err)
		}
		fetched := i.asked.n.Load()
		p.try(d.Name, d.Why, bearer(raw))
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

// known refuses names in Except that no attack has: what they were to let
// through may have been renamed, or never looked at.
func (p *prober) known() error {
	names := []string{noToken, emptyToken, otherScheme, inQuery, twoHeaders, revokedNow}
	for _, d := range Defects() {
		names = append(names, d.Name)
	}
	for _, name := range p.attacks.Except {
		if !slices.Contains(names, name) {
			return fmt.Errorf("there is no attack %q", name)
		}
	}
	return nil
}

// outcome is what became of a request.
type outcome struct {
	accepted bool
	status   int    // 0: there was no answer
	fault    string // why there was none, or a panic
}

func (o outcome) String() string {
	text := fmt.Sprintf("answered %d", o.status)
	if o.fault != "" {
		text += " (" + o.fault + ")"
	}
	return text
}

// ask sends the request with what change does to it. What Request makes need
// not be new each time, and may show a token of its own.
func (p *prober) ask(change func(*http.Request)) outcome {
	r := p.attacks.Request()
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	r = r.Clone(ctx)
	r.Header.Del("Authorization")
	change(r)
	answered := make(chan outcome, 1)
	go p.serve(r, answered)
	select {
	case got := <-answered:
		return got
	case <-time.After(patience + time.Second): // whoever heeds the context has had his chance
		return outcome{fault: "it hangs"}
	}
}

// serve answers for a handler that panics, or ends its goroutine, as net/http
// would: badly.
func (p *prober) serve(r *http.Request, answered chan<- outcome) {
	w := httptest.NewRecorder()
	got := outcome{status: http.StatusInternalServerError, fault: "it ended without an answer"}
	defer func() {
		if cause := recover(); cause != nil {
			got.fault = fmt.Sprintf("panic: %v", cause)
		}
		answered <- got
	}()
	p.handler.ServeHTTP(w, r)
	answer := w.Result()
	got = outcome{status: answer.StatusCode, accepted: p.attacks.Accepted(answer)}
}

func bearer(raw string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+raw) }
}

// try makes an attack unless it is excepted.
func (p *prober) try(attack, why string, change func(*http.Request)) {
	if !slices.Contains(p.attacks.Except, attack) {
		p.expect(attack, why, p.ask(change))
	}
}

// expect notes an answer that is no refusal. A fault of the server is none
// either: whoever can cause one at will is not refused but served.
func (p *prober) expect(attack, why string, got outcome) {
	switch {
	case got.status >= http.StatusInternalServerError || got.status == 0:
		why = "a bad token is the client's fault, not the server's"
		if got.fault != "" {
			why += ": " + got.fault
		}
	case !got.accepted:
		return
	}
	p.findings = append(p.findings, Finding{attack, why, got.status})
}

// without shows no token at all.
func (p *prober) without() {
	const open = "the route is open to everybody"
	p.try(noToken, open, func(*http.Request) {})
	p.try(emptyToken, open, bearer(""))
	p.try(otherScheme, open, func(r *http.Request) { r.SetBasicAuth(subject, subject) })
}

// misplaced shows a good token where it does not belong.
func (p *prober) misplaced() {
	raw := p.attacks.Token(p.issuer)
	p.try(inQuery, "addresses stand in logs and in the Referer (RFC 9700, section 4.3.2)", func(r *http.Request) {
		q := r.URL.Query()
		q.Set("access_token", raw)
		r.URL.RawQuery = q.Encode()
	})
	p.try(twoHeaders, "a proxy before the handler may have judged the other one", func(r *http.Request) {
		r.Header["Authorization"] = []string{"Bearer garbage", "Bearer " + raw}
	})
}

// revoked waits until a revoked token is refused.
func (p *prober) revoked() {
	within := p.attacks.Revocation
	if within < 0 || slices.Contains(p.attacks.Except, revokedNow) {
		return
	}
	if within == 0 {
		within = 2 * time.Second
	}
	raw := p.attacks.Token(p.issuer)
	// Seen before: a memory of good tokens must forget it.
	if got := p.ask(bearer(raw)); !got.accepted {
		return // Token makes one that opens the route once
	}
	p.issuer.Revoke(raw)
	until := time.Now().Add(within) //nolint:forbidigo // how long a person would wait
	got := p.ask(bearer(raw))
	for got.accepted && time.Now().Before(until) { //nolint:forbidigo // as above
		time.Sleep(5 * time.Millisecond)
		got = p.ask(bearer(raw))
	}
	p.expect(revokedNow, fmt.Sprintf("it is still accepted after %s: who was signed out is not", within), got)
}

// counter counts requests.
type counter struct{ n atomic.Int64 }

func (c *counter) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c.n.Add(1)
	http.Error(w, "nothing here", http.StatusNotFound)
}
