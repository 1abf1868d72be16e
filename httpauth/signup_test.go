package httpauth_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

const signUpPath = "/auth/v1/users"

// openSignUp mounts the native profile with the route that it does not have
// by itself.
func (b *bench) openSignUp(t httpauth.Transport) {
	p := httpauth.Native("/auth/v1", t)
	p.Routes = append(p.Routes, httpauth.SignUpRoute())
	b.mount(p)
}

func TestSignUpIsOff(t *testing.T) {
	b := newBench(t)
	b.do(jsonCall("POST", signUpPath, `{"login":"new","password":"quite long 77"}`)).is(t, 404, "", "")
	if _, _, err := b.store.UserByLogin(context.Background(), "new"); watchword.CodeOf(err) != watchword.NotFound {
		t.Errorf("UserByLogin = %v, want nobody", err)
	}
}

func TestSignUp(t *testing.T) {
	b := newBench(t)
	b.openSignUp(nil)
	made := b.do(jsonCall("POST", signUpPath, `{"login":"new","password":"quite long 77","email":"new@example.com","first_name":"N","last_name":"W"}`))
	made.is(t, 202, "", "")
	me := b.do(jsonCall("POST", "/auth/v1/token", `{"login":"new@example.com","password":"quite long 77"}`))
	me.is(t, 200, "", "")
	u, _, err := b.store.UserByLogin(context.Background(), "new")
	if err != nil || !u.Active || u.Staff || u.Superuser || u.Scopes != nil || u.FirstName != "N" || u.LastName != "W" {
		t.Errorf("made %+v, %v", u, err)
	}
	for name, body := range map[string]string{
		"login":                    `{"login":"ann","password":"quite long 77"}`,
		"login in another case":    `{"login":"ANN","password":"quite long 77"}`,
		"address as login":         `{"login":"ann@example.com","password":"quite long 77"}`,
		"address":                  `{"login":"other","password":"quite long 77","email":"Ann@Example.com"}`,
		"login, with rights asked": `{"login":"ann","password":"quite long 77","staff":true}`,
	} {
		t.Run("taken "+name, func(t *testing.T) {
			got := b.do(jsonCall("POST", signUpPath, body))
			if got.status != made.status || got.body != made.body || !maps.EqualFunc(got.header, made.header, func(a, b []string) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
				t.Errorf("a taken login is told apart:\n%+v\n%+v", got, made)
			}
		})
	}
	if b.do(jsonCall("POST", "/auth/v1/token", fmt.Sprintf(`{"login":%q,"password":%q}`, ann, annPass))).status != 200 {
		t.Error("a sign-up has changed who was there")
	}
}

func TestSignUpRefusals(t *testing.T) {
	b := newBench(t)
	b.openSignUp(nil)
	for _, login := range []string{"ann", "free"} {
		for _, tt := range []struct {
			name, body string
			status     int
			code       string
		}{
			{"no password", `{"login":%q}`, 400, "invalid_request"},
			{"short password", `{"login":%q,"password":"1234567"}`, 400, "password_weak"},
			{"no address", `{"login":%q,"password":"quite long 77","email":"x"}`, 400, "invalid_request"},
			{"array", `[%q]`, 400, "invalid_request"},
		} {
			t.Run(tt.name+" of "+login, func(t *testing.T) {
				b.do(jsonCall("POST", signUpPath, fmt.Sprintf(tt.body, login))).is(t, tt.status, "", tt.code)
			})
		}
	}
	b.do(call{method: "GET", path: signUpPath}).is(t, 405, "", "method_not_allowed")
	b.do(formCall(signUpPath, "login=free&password=quite+long+77")).is(t, 415, "", "")
}

func TestSignUpIsThrottled(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) { c.InsecureUnlimited = false })
	b.openSignUp(nil)
	for range 10 {
		b.do(jsonCall("POST", signUpPath, `{"login":"x","password":"short"}`)).is(t, 400, "", "password_weak")
	}
	limited := b.do(jsonCall("POST", signUpPath, `{"login":"x","password":"quite long 77"}`))
	limited.is(t, 429, "", "rate_limited")
	if limited.header.Get("Retry-After") != "30" {
		t.Errorf("Retry-After %q, want 30", limited.header.Get("Retry-After"))
	}
	b.signIn() // is counted apart
	b.clock.advance(30 * time.Second)
	b.do(jsonCall("POST", signUpPath, `{"login":"x","password":"quite long 77"}`)).is(t, 202, "", "")
}

// TestSignUpFromAnotherSite: no page elsewhere makes accounts in a visitor's
// browser, from his address.
func TestSignUpFromAnotherSite(t *testing.T) {
	b := newBench(t)
	b.openSignUp(httpauth.OneCookie{})
	b.do(jsonCall("POST", signUpPath, `{"login":"new","password":"quite long 77"}`,
		"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")).is(t, 403, "", "cross_origin")
}
