package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/compare"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/dialect"
)

// credentials of the one who signs in.
func ann() map[string]string {
	return map[string]string{"login": "ann@example.com", "password": `purple "hat"&9`}
}

// startRival starts a server that stands in for an original.
func startRival(t *testing.T, d config.Dialect, secure bool) compare.Side {
	t.Helper()
	a := &app{ctx: t.Context()}
	c, err := a.config(nil)
	if err != nil {
		t.Fatal(err)
	}
	params, err := config.Load(config.Sources{Environ: []string{cheapName + "=" + cheapHash}})
	if err != nil {
		t.Fatal(err)
	}
	c.Password, c.Dialects = params.Password, []config.Dialect{d}
	s, err := a.rival(c, secure, ann())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s.side
}

// Each dialect agrees with itself, in every way of carrying tokens, and the
// whole script is played: sign-ins succeed and bring what later calls need.
func TestDialectAgreesWithItself(t *testing.T) {
	for _, test := range []struct {
		name    string
		dialect config.Dialect
		secure  bool
	}{
		{"ellar", config.Dialect{Name: "ellar"}, false},
		{"oauth2", config.Dialect{Name: "oauth2", Prefix: "/o"}, false},
		{"esmerald", config.Dialect{Name: "esmerald"}, false},
		{"esmerald elsewhere", config.Dialect{Name: "esmerald", Settings: map[string]any{
			"signin_url": "/in", "refresh_url": "/again", "login_model": "LoginUserIn", "backend_authentication": "BackendUsernameAuthentication",
		}}, false},
		{"easyjwt", config.Dialect{Name: "easyjwt"}, false},
		{"easyjwt sliding", config.Dialect{Name: "easyjwt", Settings: map[string]any{"sliding": true}}, false},
		{"djwto", config.Dialect{Name: "djwto"}, false},
		{"djwto one cookie", config.Dialect{Name: "djwto", Settings: map[string]any{"DJWTO_MODE": "ONE-COOKIE", "DJWTO_CSRF": false}}, true},
		{"djwto two cookies", config.Dialect{Name: "djwto", Settings: map[string]any{"DJWTO_MODE": "TWO-COOKIES"}}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			made, err := makeDialect(config.Config{Dialects: []config.Dialect{test.dialect}}, test.dialect.Name)
			if err != nil {
				t.Fatal(err)
			}
			var answers [2][]compare.Answer
			for i := range answers {
				side := startRival(t, test.dialect, test.secure)
				if answers[i], err = compare.Play(t.Context(), side, made.Script, ann()); err != nil {
					t.Fatal(err)
				}
			}
			listed, err := dialect.Differences(made.Name)
			if err != nil {
				t.Fatal(err)
			}
			found, n := compare.Diff(made.Script, answers[0], answers[1], listed)
			if len(found) > 0 || n != len(made.Script) {
				t.Errorf("%d of %d calls compared, differences %+v", n, len(made.Script), found)
			}
			for i, call := range made.Script {
				wanted := call.Take != nil || call.Shape || call.Name == "refresh" || call.Name == "refresh-access"
				if got := answers[0][i].Status; wanted && got != http.StatusOK {
					t.Errorf("%s = %d %s, want 200", call.Name, got, answers[0][i].Body)
				}
				if body := answers[0][i].Body; strings.Contains(body, "purple") || strings.Contains(body, "eyJ") {
					t.Errorf("%s shows a secret: %s", call.Name, body)
				}
			}
		})
	}
}

// behind is a proxy that changes answers.
func behind(t *testing.T, side compare.Side, change func(*http.Response, []byte) []byte) string {
	t.Helper()
	target, err := url.Parse(side.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			body = change(r, body)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return nil
		},
	}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return s.URL
}

// checkDialect runs `watchword dialect check` as at a shell.
func checkDialect(t *testing.T, stdin string, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(context.WithoutCancel(t.Context()), append([]string{"dialect", "check"}, args...),
		streams{in: strings.NewReader(stdin), out: &stdout, err: &stderr}, []string{cheapName + "=" + cheapHash})
	return code, stdout.String(), stderr.String()
}

func TestDialectCheckFindsWhatDiffers(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(r *http.Response, body []byte) []byte
		want   compare.Difference // the only one; the zero value: none
	}{
		{name: "nothing", change: func(_ *http.Response, body []byte) []byte { return body }},
		{
			name: "a status",
			change: func(r *http.Response, body []byte) []byte {
				if r.Request.Method == http.MethodPut {
					r.StatusCode = http.StatusTeapot
				}
				return body
			},
			want: compare.Difference{Request: "login-put", Method: "PUT", Path: "/auth/login", What: "status", Theirs: "418", Ours: "405"},
		},
		{
			name: "a text",
			change: func(r *http.Response, body []byte) []byte {
				if r.Request.Method != http.MethodPut {
					return body
				}
				return bytes.ReplaceAll(body, []byte("Method Not Allowed"), []byte("No"))
			},
			want: compare.Difference{
				Request: "login-put", Method: "PUT", Path: "/auth/login", What: "body",
				Theirs: `{"detail":"No","status_code":405}`, Ours: `{"detail":"Method Not Allowed","status_code":405}`,
			},
		},
		{
			name: "a header",
			change: func(r *http.Response, body []byte) []byte {
				if r.Request.Method == http.MethodPut {
					r.Header.Set("Allow", "POST, GET")
				}
				return body
			},
			want: compare.Difference{Request: "login-put", Method: "PUT", Path: "/auth/login", What: "header allow", Theirs: "GET, POST", Ours: "POST"},
		},
		{
			name: "a refresh token that opens a route, which is known",
			change: func(r *http.Response, body []byte) []byte {
				if _, payload, ok := strings.Cut(r.Request.Header.Get("Authorization"), "."); ok && r.Request.URL.Path == "/auth/profile" {
					payload, _, _ = strings.Cut(payload, ".")
					claims, err := base64.RawURLEncoding.DecodeString(payload)
					if err == nil && bytes.Contains(claims, []byte("sub")) && !bytes.Contains(claims, []byte("user_id")) {
						r.StatusCode = http.StatusOK
					}
				}
				return body
			},
			want: compare.Difference{
				Request: "profile-with-refresh-token", Method: "GET", Path: "/auth/profile", What: "status", Theirs: "200", Ours: "401",
				Known: true, Row: "EL-38", Reason: "a refresh token opens no route (SPEC 5.1)",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			original := behind(t, startRival(t, config.Dialect{Name: "ellar"}, false), test.change)
			code, out, errs := checkDialect(t, ann()["password"]+"\n",
				"--against", original, "--dialect", "ellar", "--login", ann()["login"], "--password-stdin", "--json")
			want, exit := []compare.Difference{}, exitDone
			if test.want.Request != "" {
				want = append(want, test.want)
				if !test.want.Known {
					exit = exitFailed
				}
			}
			var got checked
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				t.Fatalf("%v in %q, %q", err, out, errs)
			}
			if code != exit || len(got.Differences) != len(want) || len(want) == 1 && got.Differences[0] != want[0] {
				t.Errorf("exit code %d, want %d; differences %+v, want %+v; %s", code, exit, got.Differences, want, errs)
			}
			if got.LeftOut != 0 || got.Requests < 20 {
				t.Errorf("%d requests and %d left out, want all", got.Requests, got.LeftOut)
			}
		})
	}
}

// A claim that is missing is found inside the token.
func TestDialectCheckLooksIntoTokens(t *testing.T) {
	original := startRival(t, config.Dialect{Name: "ellar", Settings: map[string]any{"issuer": "them", "lifetime": "1h", "numeric_sub": true}}, false)
	code, out, errs := checkDialect(t, ann()["password"],
		"--against", original.URL, "--dialect", "ellar", "--login", ann()["login"], "--password-stdin")
	if code != exitFailed || !strings.Contains(errs, "of unknown reason") || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit code %d, %q, want 1 and one line", code, errs)
	}
	for _, want := range []string{
		"differs  POST /auth/login (login): claim exp\n         there  in 1h0m0s\n         here   in 5m0s",
		"differs  POST /auth/login (login): claim iss\n         there  text\n         here   absent",
		"known    POST /auth/login (login): claim sub\n         there  number\n         here   text\n         since  text: current libraries",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%s\nlacks %q", out, want)
		}
	}
	if strings.Contains(out, "eyJ") || strings.Contains(out, "purple") {
		t.Errorf("%s\nshows a secret", out)
	}
}

func TestDialectCheckFaults(t *testing.T) {
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"nobody there", []string{"--against", closed, "--dialect", "ellar"}, exitFailed, "no answer from " + closed},
		{"no dialect", []string{"--against", closed, "--dialect", "klingon"}, exitUsage, "djwto, easyjwt, easyjwt-client, ellar, esmerald, oauth2"},
		{"no address", []string{"--against", "localhost:8000", "--dialect", "ellar"}, exitUsage, "--against: want an address such as"},
		{"a password in the address", []string{"--against", "http://a:secret@localhost", "--dialect", "ellar"}, exitUsage, "--against: want an address such as"},
		{"ours is no address", []string{"--against", closed, "--dialect", "ellar", "--ours", "x"}, exitUsage, "--ours: want an address such as"},
		{"a login alone", []string{"--against", closed, "--dialect", "ellar", "--login", "ann"}, exitUsage, "go together"},
		{"a prefix that is none", []string{"--against", closed, "--dialect", "ellar=auth"}, exitFailed, "does not begin with a slash"},
		{"no address at all", []string{"--dialect", "ellar"}, exitUsage, "--against"},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, out, errs := checkDialect(t, "", test.args...)
			if code != test.code || out != "" || !strings.Contains(errs, test.want) || strings.Count(errs, "\n") != 1 || strings.Contains(errs, "secret") {
				t.Errorf("exit code %d, %q, %q, want %d and one line that says %q", code, out, errs, test.code, test.want)
			}
		})
	}
}
