package httpauth_test

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// spy counts what reaches the service: bad input never does.
type spy struct {
	*watchword.Authority
	calls int
}

func (s *spy) SignIn(ctx context.Context, r watchword.SignInRequest) (watchword.Tokens, error) {
	s.calls++
	return s.Authority.SignIn(ctx, r)
}

func (s *spy) Refresh(ctx context.Context, r watchword.RefreshRequest) (watchword.Tokens, error) {
	s.calls++
	return s.Authority.Refresh(ctx, r)
}

func (s *spy) SignOut(ctx context.Context, r watchword.SignOutRequest) error {
	s.calls++
	return s.Authority.SignOut(ctx, r)
}

func (s *spy) ChangePassword(ctx context.Context, p watchword.PasswordChange) error {
	s.calls++
	return s.Authority.ChangePassword(ctx, p)
}

func (s *spy) AuthenticateClient(ctx context.Context, id, secret string) (watchword.ClientRecord, error) {
	s.calls++
	return s.Authority.AuthenticateClient(ctx, id, secret)
}

func (b *bench) spied() *spy {
	b.t.Helper()
	s := &spy{Authority: b.auth}
	h, err := httpauth.Handler(s, b.profile)
	if err != nil {
		b.t.Fatal(err)
	}
	b.handler = h
	return s
}

// TestBadInputAtEveryRoute sends each kind of bad body to each route that
// reads one.
func TestBadInputAtEveryRoute(t *testing.T) {
	b := newBench(t)
	access, _ := b.signIn()
	s := b.spied()
	// A good body per route; %s is where a text value stands.
	routes := []struct{ path, json, form string }{
		{"/auth/v1/token", `"login":%s,"password":"p"`, "grant_type=password&username=a&password=p"},
		{"/auth/v1/refresh", `"refresh_token":%s`, ""},
		{"/auth/v1/verify", `"token":%s`, ""},
		{"/auth/v1/logout", `"refresh_token":%s`, ""},
		{"/auth/v1/password", `"current":%s,"new":"a long enough one"`, ""},
		{"/auth/v1/introspect", "", "token=x&client_id=c&client_secret=s"},
		{"/auth/v1/revoke", "", "token=x&client_id=c&client_secret=s"},
	}
	const jsonType, formType = "application/json", "application/x-www-form-urlencoded"
	type bad struct {
		name, media, body string
		status            int
		header            []string
	}
	jsonCases := func(members string) []bad {
		good := "{" + fmt.Sprintf(members, `"x"`) + "}"
		value := func(v string) string { return "{" + fmt.Sprintf(members, v) + "}" }
		first, _, _ := strings.Cut(members, ":")
		return []bad{
			{"cut short", jsonType, good[:len(good)-1], 400, nil},
			{"not JSON", jsonType, "login=ann", 400, nil},
			{"a NUL byte", jsonType, "\x00", 400, nil},
			{"white space alone", jsonType, " \n", 400, nil},
			{"an array", jsonType, "[" + good + "]", 400, nil},
			{"text", jsonType, `"x"`, 400, nil},
			{"a number", jsonType, "1", 400, nil},
			{"null", jsonType, "null", 400, nil},
			{"two objects", jsonType, good + good, 400, nil},
			{"trailing text", jsonType, good + "x", 400, nil},
			{"a byte order mark", jsonType, "\ufeff" + good, 400, nil},
			{"UTF-16", jsonType, "\xff\xfe{\x00", 400, nil},
			{"a repeated name", jsonType, "{" + first + `:"y",` + good[1:], 400, nil},
			{"a repeated name, escaped", jsonType, `{"` + `\u00` + fmt.Sprintf("%02x", first[1]) + first[2:] + `:"y",` + good[1:], 400, nil},
			{"a repeated name inside", jsonType, `{"z":{"a":1,"a":2},` + good[1:], 400, nil},
			{"invalid UTF-8", jsonType, value("\"\xff\""), 400, nil},
			{"a lone surrogate", jsonType, value(`"\ud800"`), 400, nil},
			{"a comment", jsonType, "/**/" + good, 400, nil},
			{"a trailing comma", jsonType, good[:len(good)-1] + ",}", 400, nil},
			{"single quotes", jsonType, value("'x'"), 400, nil},
			{"NaN", jsonType, value("NaN"), 400, nil},
			{"value null", jsonType, value("null"), 400, nil},
			{"value true", jsonType, value("true"), 400, nil},
			{"value number", jsonType, value("1"), 400, nil},
			{"value array", jsonType, value(`["x"]`), 400, nil},
			{"value object", jsonType, value(`{"x":"y"}`), 400, nil},
			{"value with NUL", jsonType, value(`"a\u0000b"`), 400, nil},
			{"nested too deep", jsonType, `{"z":` + strings.Repeat("[", 30_000), 400, nil},
			{"too large", jsonType, `{"z":"` + strings.Repeat("a", 64<<10) + `"}`, 413, nil},
			{"a megabyte", jsonType, strings.Repeat(" ", 1<<20), 413, nil},
			{"text/plain", "text/plain", good, 415, nil},
			{"no media type", "", good, 415, nil},
			{"an unreadable media type", "application/json; =", good, 415, nil},
			{"XML", "application/xml", good, 415, nil},
			{"a JSON dialect", "application/jose+json", good, 415, nil},
			{"another charset", jsonType + "; charset=utf-16", good, 415, nil},
			{"two media types", jsonType, good, 415, []string{"Content-Type", "text/plain"}},
			{"two media types in one", jsonType + ", text/plain", good, 415, nil},
			{"gzip", jsonType, good, 415, []string{"Content-Encoding", "gzip"}},
			{"multipart", "multipart/form-data; boundary=b", "--b--", 415, nil},
		}
	}
	formCases := func(good string) []bad {
		name, _, _ := strings.Cut(good, "=")
		return []bad{
			{"a repeated parameter", formType, good + "&" + name + "=y", 400, nil},
			{"a repeated unknown parameter", formType, good + "&z=1&z=1", 400, nil},
			{"a repeated parameter, escaped", formType, good + "&%" + fmt.Sprintf("%02x", name[0]) + name[1:] + "=y", 400, nil},
			{"a bad escape", formType, good + "&z=%zz", 400, nil},
			{"a bad escape in a name", formType, good + "&%z=1", 400, nil},
			{"invalid UTF-8", formType, good + "&z=%ff", 400, nil},
			{"too many parameters", formType, good + strings.Repeat("&", 3) + manyParameters(100), 400, nil},
			{"too large", formType, good + "&z=" + strings.Repeat("a", 64<<10), 413, nil},
			{"text/plain", "text/plain", good, 415, nil},
			{"another charset", formType + "; charset=iso-8859-1", good, 415, nil},
			{"gzip", formType, good, 415, []string{"Content-Encoding", "gzip"}},
			{"multipart", "multipart/form-data; boundary=b", "--b--", 415, nil},
		}
	}
	for _, route := range routes {
		var cases []bad
		if route.json != "" {
			cases = append(cases, jsonCases(route.json)...)
		} else {
			cases = append(cases, bad{"JSON", jsonType, `{"token":"x"}`, 415, nil})
		}
		if route.form != "" {
			cases = append(cases, formCases(route.form)...)
		} else {
			cases = append(cases, bad{"a form", formType, "refresh_token=x", 415, nil})
		}
		for _, tt := range cases {
			t.Run(route.path[len("/auth/v1/"):]+"/"+tt.name, func(t *testing.T) {
				s.calls = 0
				header := append([]string{"Authorization", "Bearer " + access}, tt.header...)
				if tt.media != "" {
					header = append([]string{"Content-Type", tt.media}, header...)
				}
				a := b.do(call{"POST", route.path, tt.body, header})
				a.is(t, tt.status, "invalid_request", "")
				if s.calls != 0 {
					t.Errorf("bad input reached the service %d times", s.calls)
				}
			})
		}
	}
}

func manyParameters(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "z%d=1&", i)
	}
	return b.String()
}

func TestInputThatIsMissing(t *testing.T) {
	b := newBench(t)
	access, _ := b.signIn()
	s := b.spied()
	tests := map[string]struct {
		call   call
		status int
	}{
		"token, no body":             {call{method: "POST", path: "/auth/v1/token"}, 400},
		"token, an empty object":     {jsonCall("POST", "/auth/v1/token", "{}"), 400},
		"token, no password":         {jsonCall("POST", "/auth/v1/token", `{"login":"ann"}`), 400},
		"token, no login":            {jsonCall("POST", "/auth/v1/token", `{"password":"x"}`), 400},
		"token, empty login":         {jsonCall("POST", "/auth/v1/token", `{"login":"","password":"x"}`), 400},
		"token, empty password":      {jsonCall("POST", "/auth/v1/token", `{"login":"ann","password":""}`), 400},
		"token, other case":          {jsonCall("POST", "/auth/v1/token", `{"Login":"ann","PASSWORD":"ann-pass-77"}`), 400},
		"token, scope is a list":     {jsonCall("POST", "/auth/v1/token", `{"login":"ann","password":"x","scope":["a"]}`), 400},
		"token, scope is null":       {jsonCall("POST", "/auth/v1/token", `{"login":"ann","password":"x","scope":null}`), 400},
		"token, in the query":        {call{method: "POST", path: "/auth/v1/token?login=ann&password=ann-pass-77"}, 400},
		"token, form in the query":   {formCall("/auth/v1/token?grant_type=password&username=ann&password=ann-pass-77", ""), 400},
		"token, half in the query":   {formCall("/auth/v1/token?password=ann-pass-77", "grant_type=password&username=ann"), 400},
		"token, no grant type":       {formCall("/auth/v1/token", "username=ann&password=ann-pass-77"), 400},
		"token, empty grant type":    {formCall("/auth/v1/token", "grant_type=&username=ann&password=ann-pass-77"), 400},
		"token, no user name":        {formCall("/auth/v1/token", "grant_type=password&password=x"), 400},
		"token, no refresh token":    {formCall("/auth/v1/token", "grant_type=refresh_token"), 400},
		"refresh, no body":           {call{method: "POST", path: "/auth/v1/refresh"}, 400},
		"refresh, nothing":           {jsonCall("POST", "/auth/v1/refresh", "{}"), 400},
		"refresh, empty":             {jsonCall("POST", "/auth/v1/refresh", `{"refresh_token":""}`), 400},
		"refresh, in the header":     {call{method: "POST", path: "/auth/v1/refresh", header: bearer("x")}, 400},
		"verify, nothing":            {jsonCall("POST", "/auth/v1/verify", "{}"), 400},
		"logout, everywhere is text": {jsonCall("POST", "/auth/v1/logout", `{"everywhere":"yes"}`), 400},
		"logout, everywhere, quoted": {jsonCall("POST", "/auth/v1/logout", `{"everywhere":"true"}`), 400},
		"logout, everywhere is null": {jsonCall("POST", "/auth/v1/logout", `{"everywhere":null}`), 400},
		"logout, everywhere is 1":    {jsonCall("POST", "/auth/v1/logout", `{"everywhere":1}`), 400},
		"password, nothing":          {jsonCall("POST", "/auth/v1/password", "{}", bearer(access)...), 400},
		"password, no new one":       {jsonCall("POST", "/auth/v1/password", `{"current":"x"}`, bearer(access)...), 400},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s.calls = 0
			b.do(tt.call).is(t, tt.status, "invalid_request", "invalid_request")
			if s.calls != 0 {
				t.Errorf("bad input reached the service %d times", s.calls)
			}
		})
	}
}

func TestInputThatIsFine(t *testing.T) {
	b := newBench(t)
	tests := map[string]call{
		"JSON":                      jsonCall("POST", "/auth/v1/token", `{"login":"ann","password":"ann-pass-77"}`),
		"white space":               jsonCall("POST", "/auth/v1/token", " {\n\"login\" : \"ann\",\t\"password\":\"ann-pass-77\"}\r\n"),
		"escapes":                   jsonCall("POST", "/auth/v1/token", `{"log\u0069n":"\u0061nn","password":"ann-pass-77"}`),
		"members that nobody reads": jsonCall("POST", "/auth/v1/token", `{"login":"ann","x":{"y":[1,null]},"password":"ann-pass-77"}`),
		"an e-mail address":         jsonCall("POST", "/auth/v1/token", `{"login":"ANN@example.com","password":"ann-pass-77"}`),
		"a charset":                 {"POST", "/auth/v1/token", `{"login":"ann","password":"ann-pass-77"}`, []string{"Content-Type", `Application/JSON; charset="UTF-8"`}},
		"a scope":                   jsonCall("POST", "/auth/v1/token", `{"login":"ann","password":"ann-pass-77","scope":"posts:read nope"}`),
		"an empty scope":            jsonCall("POST", "/auth/v1/token", `{"login":"ann","password":"ann-pass-77","scope":""}`),
		"a form":                    formCall("/auth/v1/token", "grant_type=password&username=ann&password=ann-pass-77"),
		"a form with escapes":       formCall("/auth/v1/token", "grant_type=password&username=%61nn&password=ann%2Dpass-77&scope=posts%3Aread+nope"),
		"empty parameters":          formCall("/auth/v1/token", "grant_type=password&username=ann&password=ann-pass-77&scope=&client_id=&client_secret=&refresh_token="),
		"Swagger UI's empty client": formCall("/auth/v1/token", "grant_type=password&username=ann&password=ann-pass-77", "Authorization", "Basic Og=="),
		"a public client":           formCall("/auth/v1/token", "grant_type=password&username=ann&password=ann-pass-77&client_id=spa"),
		"a bearer that is no use":   formCall("/auth/v1/token", "grant_type=password&username=ann&password=ann-pass-77", bearer("old")...),
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			a := b.do(c)
			a.is(t, 200, "", "")
			want := "posts:read posts:write"
			if strings.Contains(c.body, "nope") {
				want = "posts:read" // what is not permitted is left out
			}
			if got := a.text(t, "scope"); got != want {
				t.Errorf("scope %q, want %q", got, want)
			}
		})
	}
}

// TestFaults: a profile is told every fault, in the order of its fields.
func TestFaults(t *testing.T) {
	fields := []httpauth.Field{
		{Param: httpauth.ParamGrantType, Optional: true, OneOf: []string{"password"}},
		{Param: httpauth.ParamLogin, Name: "username"},
		{Param: httpauth.ParamPassword, NumberAsText: true},
		{Param: "remember", Optional: true, Flag: true},
		{Param: "mail", Optional: true, Valid: func(s string) bool { return strings.Contains(s, "@") }},
	}
	var got []httpauth.Fault
	p := httpauth.Profile{Name: "x", Prefix: "/", Routes: []httpauth.Route{{
		Pattern: "POST login", Op: httpauth.OpSignIn,
		In:  httpauth.Input{JSON: fields, Form: fields, Multipart: true},
		Out: httpauth.Output{Status: 201},
	}}, Problem: func(p httpauth.Problem) httpauth.Reply {
		got = p.Faults
		return httpauth.JSON(422, nil)
	}}
	h, err := httpauth.Handler(&asking{}, p)
	if err != nil {
		t.Fatal(err)
	}
	username := httpauth.Fault{Kind: httpauth.FaultMissing, Param: httpauth.ParamLogin, Name: "username"}
	with := func(f httpauth.Fault, kind httpauth.FaultKind, got string) httpauth.Fault {
		f.Kind, f.Got = kind, got
		return f
	}
	pass := httpauth.Fault{Kind: httpauth.FaultMissing, Param: httpauth.ParamPassword, Name: "password"}
	tests := map[string]struct {
		call call
		want []httpauth.Fault
	}{
		"nothing":         {call{method: "POST", path: "/login"}, []httpauth.Fault{username, pass}},
		"an empty object": {jsonCall("POST", "/login", "{}"), []httpauth.Fault{username, pass}},
		"blank":           {jsonCall("POST", "/login", `{"username":"","password":""}`), []httpauth.Fault{with(username, httpauth.FaultBlank, "string"), with(pass, httpauth.FaultBlank, "string")}},
		"null":            {jsonCall("POST", "/login", `{"password":null,"username":null}`), []httpauth.Fault{with(username, httpauth.FaultNull, "null"), with(pass, httpauth.FaultNull, "null")}},
		"types":           {jsonCall("POST", "/login", `{"username":{},"password":[]}`), []httpauth.Fault{with(username, httpauth.FaultType, "object"), with(pass, httpauth.FaultType, "array")}},
		"a number":        {jsonCall("POST", "/login", `{"username":1,"password":12345}`), []httpauth.Fault{with(username, httpauth.FaultType, "number")}},
		"a flag":          {jsonCall("POST", "/login", `{"username":"a","password":"b","remember":"x"}`), []httpauth.Fault{{Kind: httpauth.FaultType, Param: "remember", Name: "remember", Got: "string"}}},
		"a value": {formCall("/login", "grant_type=x&username=a"), []httpauth.Fault{
			{Kind: httpauth.FaultValue, Param: httpauth.ParamGrantType, Name: "grant_type", Got: "string", Value: "x", OneOf: []string{"password"}}, pass,
		}},
		"an address":   {formCall("/login", "username=a&password=b&mail=x"), []httpauth.Fault{{Kind: httpauth.FaultValue, Param: "mail", Name: "mail", Got: "string"}}},
		"a flag, form": {formCall("/login", "username=a&password=b&remember=1"), []httpauth.Fault{{Kind: httpauth.FaultType, Param: "remember", Name: "remember", Got: "string"}}},
		"a list":       {jsonCall("POST", "/login", "[1]"), []httpauth.Fault{{Kind: httpauth.FaultNotObject, Got: "array"}}},
		"no JSON":      {jsonCall("POST", "/login", "{"), []httpauth.Fault{{Kind: httpauth.FaultSyntax}}},
		"fine":         {jsonCall("POST", "/login", `{"username":"a","password":1,"remember":true}`), nil},
		"fine, form":   {formCall("/login", "username=a&password=1&remember=false&grant_type=&mail=a@b"), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got = nil
			a := serve(h, tt.call)
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("faults %+v, want %+v", got, tt.want)
			}
			if want := map[bool]int{true: 201, false: 422}[tt.want == nil]; a.status != want {
				t.Errorf("status %d, want %d: %s", a.status, want, a.body)
			}
		})
	}
}

func TestMultipart(t *testing.T) {
	fields := []httpauth.Field{{Param: httpauth.ParamLogin}, {Param: httpauth.ParamPassword}}
	h, err := httpauth.Handler(&asking{}, httpauth.Profile{Name: "x", Prefix: "/", Routes: []httpauth.Route{{
		Pattern: "POST login", Op: httpauth.OpSignIn, In: httpauth.Input{Form: fields, Multipart: true},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	part := func(head, value string) string {
		return "--b\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + value + "\r\n"
	}
	login, pass := part(`name="login"`, "a"), part(`name="password"`, "b")
	tests := map[string]struct {
		media, body string
		status      int
	}{
		"fine":         {"multipart/form-data; boundary=b", login + pass + "--b--\r\n", 200},
		"no boundary":  {"multipart/form-data", login + pass + "--b--\r\n", 400},
		"no end":       {"multipart/form-data; boundary=b", login + pass, 400},
		"twice":        {"multipart/form-data; boundary=b", login + login + pass + "--b--\r\n", 400},
		"a file":       {"multipart/form-data; boundary=b", login + part(`name="password"; filename="x"`, "b") + "--b--\r\n", 400},
		"no name":      {"multipart/form-data; boundary=b", login + part(`x="y"`, "b") + "--b--\r\n", 400},
		"not UTF-8":    {"multipart/form-data; boundary=b", login + part(`name="password"`, "\xff") + "--b--\r\n", 400},
		"one missing":  {"multipart/form-data; boundary=b", login + "--b--\r\n", 400},
		"not allowed":  {"multipart/mixed; boundary=b", login + pass + "--b--\r\n", 415},
		"many a part":  {"multipart/form-data; boundary=b", strings.Repeat(part(`name="z"`, ""), 400) + "--b--\r\n", 400},
		"rubbish":      {"multipart/form-data; boundary=b", "rubbish", 400},
		"wide preface": {"multipart/form-data; boundary=b", strings.Repeat("x", 70_000) + login + pass + "--b--\r\n", 413},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := serve(h, call{"POST", "/login", tt.body, []string{"Content-Type", tt.media}})
			if a.status != tt.status {
				t.Errorf("status %d, want %d: %s", a.status, tt.status, a.body)
			}
		})
	}
}

func TestOtherMediaAsEmpty(t *testing.T) {
	fields := []httpauth.Field{{Param: httpauth.ParamLogin}, {Param: httpauth.ParamPassword}}
	h, err := httpauth.Handler(&asking{}, httpauth.Profile{Name: "x", Prefix: "/", Routes: []httpauth.Route{{
		Pattern: "POST login", Op: httpauth.OpSignIn, In: httpauth.Input{Form: fields, OtherAsEmpty: true},
	}}, Problem: func(p httpauth.Problem) httpauth.Reply { return httpauth.JSON(422, len(p.Faults)) }})
	if err != nil {
		t.Fatal(err)
	}
	for _, media := range []string{"application/json", "text/plain", "multipart/form-data; boundary=b"} {
		a := serve(h, call{"POST", "/login", `{"login":"a","password":"b"}`, []string{"Content-Type", media}})
		if a.status != 422 || a.body != "2" {
			t.Errorf("%s: %d %s, want 422 with 2 faults", media, a.status, a.body)
		}
	}
}

func TestScopeAskedFor(t *testing.T) {
	in := func(none bool) httpauth.Input {
		return httpauth.Input{NoScopeIsNone: none, JSON: []httpauth.Field{
			{Param: httpauth.ParamLogin}, {Param: httpauth.ParamPassword}, {Param: httpauth.ParamScope, Optional: true},
		}}
	}
	b := newBench(t)
	b.mount(httpauth.Profile{Name: "x", Prefix: "/", Routes: []httpauth.Route{
		{Pattern: "POST none", Op: httpauth.OpSignIn, In: in(true), Out: httpauth.Output{Members: []httpauth.Member{{Name: "scope", Value: httpauth.GrantedScope}}}},
		{Pattern: "POST all", Op: httpauth.OpSignIn, In: in(false), Out: httpauth.Output{Members: []httpauth.Member{{Name: "scope", Value: httpauth.GrantedScope}}}},
	}})
	tests := []struct {
		path, scope string
		status      int
		want        string
	}{
		{"/none", ``, 200, `{"scope":""}`},
		{"/none", `,"scope":"posts:read"`, 200, `{"scope":"posts:read"}`},
		{"/none", `,"scope":"  "`, 200, `{"scope":""}`},
		{"/all", ``, 200, `{"scope":"posts:read posts:write"}`},
		{"/all", `,"scope":"  posts:write  posts:write "`, 200, `{"scope":"posts:write"}`},
		{"/all", `,"scope":"admin"`, 200, `{"scope":""}`},
		{"/all", `,"scope":"a\"b"`, 400, ""},
		{"/all", `,"scope":"a\nb"`, 400, ""},
	}
	for _, tt := range tests {
		a := b.do(jsonCall("POST", tt.path, `{"login":"ann","password":"ann-pass-77"`+tt.scope+`}`))
		if a.status != tt.status || tt.want != "" && a.body != tt.want {
			t.Errorf("POST %s%s = %d %s, want %d %s", tt.path, tt.scope, a.status, a.body, tt.status, tt.want)
		}
	}
}

func TestBodyThatEndsEarly(t *testing.T) {
	b := newBench(t)
	r := jsonCall("POST", "/auth/v1/token", "x").request()
	r.Body = brokenBody{}
	w := newRecorder()
	b.handler.ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest {
		t.Errorf("status %d, want 400", w.Code)
	}
}
