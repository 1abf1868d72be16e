package httpauth_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

func FuzzAuthorization(f *testing.F) {
	for _, s := range []string{"", "Bearer", "Bearer ", "Bearer a.b.c", "bearer  a", "Basic eDp5", "Bearer a b", "Bearer\ta", "bEaReR =", strings.Repeat("a", 20_000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		token, ok := httpauth.Bearer{}.Access(&http.Request{Header: http.Header{"Authorization": {value}}})
		scheme, rest, _ := strings.Cut(value, " ")
		if ok != strings.EqualFold(scheme, "Bearer") || !ok && token != "" {
			t.Errorf("Access(%q) = %q, %t", value, token, ok)
		}
		if token != "" && (token != strings.TrimLeft(rest, " ") || strings.Contains(token, " ") || len(token) > 16<<10) {
			t.Errorf("Access(%q) = %q", value, token)
		}
	})
}

// heard is a service that remembers the credentials of the last sign-in.
type heard struct {
	failing
	credentials *watchword.Credentials
}

func (h *heard) SignIn(_ context.Context, r watchword.SignInRequest) (watchword.Tokens, error) {
	h.credentials = &r.Credentials
	return watchword.Tokens{Access: "a"}, nil
}

// fuzzSignIn sends a body to a sign-in and returns what the service heard.
func fuzzSignIn(t *testing.T, media, body string) *watchword.Credentials {
	t.Helper()
	fields := []httpauth.Field{{Param: httpauth.ParamLogin}, {Param: httpauth.ParamPassword}, {Param: "b", Optional: true, Flag: true}}
	s := &heard{}
	h, err := httpauth.Handler(s, httpauth.Profile{Name: "x", Prefix: "/", Routes: []httpauth.Route{{
		Pattern: "POST /", Op: httpauth.OpSignIn, In: httpauth.Input{JSON: fields, Form: fields, Multipart: true},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	a := serve(h, call{"POST", "/", body, []string{"Content-Type", media}})
	if a.status != 200 && a.status != 400 && a.status != 413 && a.status != 415 || (a.status == 200) != (s.credentials != nil) {
		t.Fatalf("%s %q = %d %s, the service heard %v", media, body, a.status, a.body, s.credentials)
	}
	if c := s.credentials; c != nil && (c.Login == "" || c.Password == "" || !utf8.ValidString(c.Login+c.Password) || strings.Contains(c.Login+c.Password, "\x00")) {
		t.Fatalf("%s %q: the service heard %q, %q", media, body, c.Login, c.Password)
	}
	return s.credentials
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"login":"a","password":"b"}`, `{"login":"a","password":"b","b":true,"x":[1,{"y":null}]}`, `{"login":"a","login":"b","password":"c"}`,
		`{"login":1}`, `[]`, `{"login":"\ud83d\ude00","password":"\u0000"}`, `{"l\u006fgin":"a","password":"b"}`, `{`, ``, `null`, "{\"login\":\"\xff\"}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got := fuzzSignIn(t, "application/json", body)
		if got == nil {
			return
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(body), &want); err != nil {
			t.Fatalf("%q was taken, and is no JSON object: %v", body, err)
		}
		if want["login"] != got.Login || want["password"] != got.Password {
			t.Errorf("%q was read as %q, %q", body, got.Login, got.Password)
		}
	})
}

func FuzzForm(f *testing.F) {
	for _, s := range []string{"login=a&password=b", "login=a&login=b&password=c", "login=%61&password=+", "login=%&password=x", "a;b&login=a&password=b", "&&login=a&password=b&b=true", "login=%ff&password=b", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got := fuzzSignIn(t, "application/x-www-form-urlencoded", body)
		if got == nil || strings.Contains(body, ";") {
			return // to net/url a semicolon is an error, to browsers it is text
		}
		want, err := url.ParseQuery(body)
		if err != nil {
			t.Fatalf("%q was taken, and is no form: %v", body, err)
		}
		if len(want["login"]) != 1 || want.Get("login") != got.Login || len(want["password"]) != 1 || want.Get("password") != got.Password {
			t.Errorf("%q was read as %q, %q", body, got.Login, got.Password)
		}
	})
}

func FuzzMultipart(f *testing.F) {
	part := "--b\r\nContent-Disposition: form-data; name=\"login\"\r\n\r\na\r\n"
	for _, s := range []string{part, part + strings.Replace(part, "login", "password", 1) + "--b--\r\n", part + part + "--b--\r\n", "--b--", "", "--b\r\n\r\n--b--"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) { fuzzSignIn(t, "multipart/form-data; boundary=b", body) })
}

func FuzzContentType(f *testing.F) {
	for _, s := range []string{"application/json", "application/json; charset=utf-8", "text/plain", ";", "multipart/form-data; boundary=", "application/json;charset=utf-8;charset=x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, media string) {
		if got := fuzzSignIn(t, media, `{"login":"a","password":"b"}`); got != nil && !strings.HasPrefix(strings.ToLower(strings.TrimSpace(media)), "application/json") {
			t.Errorf("JSON was taken for %q", media)
		}
	})
}

func FuzzClientCredentials(f *testing.F) {
	for _, s := range []string{"Basic eDp5", "Basic Og==", "Basic", "basic !", "Bearer x", ""} {
		f.Add(s, "", "")
	}
	f.Add("Basic eDp5", "x", "y")
	b := newBench(f)
	f.Fuzz(func(t *testing.T, header, id, secret string) {
		body := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}.Encode()
		if a := serve(b.handler, formCall("/auth/v1/token", body, "Authorization", header)); a.status != 400 && a.status != 401 {
			t.Errorf("Authorization %q, id %q, secret %q = %d %s", header, id, secret, a.status, a.body)
		}
	})
}
