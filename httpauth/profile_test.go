package httpauth_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// tutorial is a profile as dialects are: form in with a validation list,
// detail texts, exact bytes, another status per route and refusal.
func tutorial() httpauth.Profile {
	return httpauth.Profile{
		Name: "tutorial", Prefix: "/", SlashRedirect: http.StatusTemporaryRedirect, Problem: tutorialProblem,
		Routes: []httpauth.Route{
			{
				Pattern: "POST token", Op: httpauth.OpSignIn,
				In: httpauth.Input{Multipart: true, OtherAsEmpty: true, NoScopeIsNone: true, Form: []httpauth.Field{
					{Param: httpauth.ParamGrantType, Optional: true, OneOf: []string{"password"}},
					{Param: httpauth.ParamLogin, Name: "username"},
					{Param: httpauth.ParamPassword},
					{Param: httpauth.ParamScope, Optional: true},
				}},
				Out: httpauth.Output{Status: 201, Members: []httpauth.Member{
					{Name: "access_token", Value: httpauth.AccessToken}, {Name: "token_type", Text: "bearer"},
				}},
			},
			{Pattern: "GET users/me", Op: httpauth.OpWhoami, Out: httpauth.Output{Members: []httpauth.Member{
				{Name: "username", From: func(r httpauth.Result) any { return r.User.Login }},
				{Name: "email", From: func(r httpauth.Result) any { return r.User.Email }},
				{Name: "disabled", From: func(r httpauth.Result) any { return !r.User.Active }},
			}}},
			{
				Pattern: "GET users/me/items", Op: httpauth.OpWhoami, Scopes: []string{"posts:read", "items"},
				Out: httpauth.Output{Encode: func(x *httpauth.Exchange, r httpauth.Result) (httpauth.Reply, error) {
					return x.JSON(200, []httpauth.Object{{{Name: "item_id", Value: "Foo"}, {Name: "owner", Value: r.User.Login}}})
				}},
			},
		},
	}
}

func tutorialProblem(p httpauth.Problem) httpauth.Reply {
	detail := func(status int, text, challenge string) httpauth.Reply {
		r := httpauth.JSON(status, httpauth.Object{{Name: "detail", Value: text}})
		if challenge != "" {
			r.Header.Set("WWW-Authenticate", challenge)
		}
		return r
	}
	challenge := "Bearer"
	if p.Scopes != nil && p.Code != watchword.Unauthenticated {
		challenge = `Bearer scope="` + strings.Join(p.Scopes, " ") + `"`
	}
	switch {
	case p.Code == watchword.MethodNotAllowed:
		r := detail(405, "Method Not Allowed", "")
		r.Header.Set("Allow", p.Allow[0])
		return r
	case len(p.Faults) > 0:
		list := make([]any, len(p.Faults))
		for i, f := range p.Faults {
			kind := "missing"
			if f.Kind == httpauth.FaultValue {
				kind = "value"
			}
			list[i] = httpauth.Object{{Name: "loc", Value: []string{"body", f.Name}}, {Name: "type", Value: kind}}
		}
		return httpauth.JSON(422, httpauth.Object{{Name: "detail", Value: list}})
	case p.Op == httpauth.OpSignIn && p.Code == watchword.InvalidCredentials:
		return detail(401, "Incorrect username or password", challenge)
	case p.Code == watchword.Unauthenticated:
		return detail(401, "Not authenticated", challenge)
	case p.Code == watchword.InsufficientScope:
		return detail(401, "Not enough permissions", challenge)
	case p.Op == httpauth.OpWhoami && p.Code == watchword.UserDisabled:
		return detail(400, "Inactive user", "")
	case p.Status == 401:
		return detail(401, "Could not validate credentials", challenge)
	default:
		return detail(p.Status, p.Description, "")
	}
}

func TestAProfileSpeaksItsOwnLanguage(t *testing.T) {
	b := newBench(t)
	b.mount(tutorial())
	ok := b.do(formCall("/token", "username=ann&password=ann-pass-77&scope=posts:read"))
	token := ok.text(t, "access_token")
	if ok.status != 201 || ok.body != `{"access_token":"`+token+`","token_type":"bearer"}` || ok.header.Get("Content-Type") != "application/json" {
		t.Fatalf("POST /token = %d %s %v", ok.status, ok.body, ok.header)
	}
	type want struct {
		status          int
		body, challenge string
	}
	tests := map[string]struct {
		call call
		want want
	}{
		"grant type":       {formCall("/token", "grant_type=x&username=ann"), want{422, `{"detail":[{"loc":["body","grant_type"],"type":"value"},{"loc":["body","password"],"type":"missing"}]}`, ""}},
		"JSON":             {jsonCall("POST", "/token", `{"username":"ann","password":"x"}`), want{422, `{"detail":[{"loc":["body","username"],"type":"missing"},{"loc":["body","password"],"type":"missing"}]}`, ""}},
		"wrong password":   {formCall("/token", "username=ann&password=x"), want{401, `{"detail":"Incorrect username or password"}`, "Bearer"}},
		"Swagger's client": {formCall("/token", "grant_type=password&username=ann&password=x", "Authorization", "Basic Og=="), want{401, `{"detail":"Incorrect username or password"}`, "Bearer"}},
		"wrong method":     {call{method: "GET", path: "/token"}, want{405, `{"detail":"Method Not Allowed"}`, ""}},
		"me":               {call{method: "GET", path: "/users/me", header: bearer(token)}, want{200, `{"username":"ann","email":"ann@example.com","disabled":false}`, ""}},
		"me, no token":     {call{method: "GET", path: "/users/me"}, want{401, `{"detail":"Not authenticated"}`, "Bearer"}},
		"me, bad token":    {call{method: "GET", path: "/users/me", header: bearer("x")}, want{401, `{"detail":"Could not validate credentials"}`, "Bearer"}},
		"items":            {call{method: "GET", path: "/users/me/items", header: bearer(token)}, want{401, `{"detail":"Not enough permissions"}`, `Bearer scope="posts:read items"`}},
		"items, bad token": {call{method: "GET", path: "/users/me/items", header: bearer("x")}, want{401, `{"detail":"Could not validate credentials"}`, `Bearer scope="posts:read items"`}},
		"not found":        {call{method: "GET", path: "/nothing"}, want{404, `{"detail":"there is no such thing"}`, ""}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := b.do(tt.call)
			if got := (want{a.status, a.body, a.header.Get("WWW-Authenticate")}); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
			if name == "wrong method" && !slices.Equal(a.header.Values("Allow"), []string{"POST"}) {
				t.Errorf("Allow %q, want POST", a.header.Values("Allow"))
			}
		})
	}
	// The profile's guard answers the application's routes in the same shape.
	guard := b.profile.Guard(b.auth)
	if a := serve(guard.Require()(subject), call{method: "GET", path: "/mine"}); a.status != 401 || a.body != `{"detail":"Not authenticated"}` {
		t.Errorf("the guard answers %d %s", a.status, a.body)
	}
}

func TestServe(t *testing.T) {
	b := newBench(t)
	var seen httpauth.Problem
	var reported error
	p := httpauth.Profile{
		Name: "odd", Prefix: "/", Style: httpauth.Style{Spaced: true, ASCII: true},
		Problem: func(p httpauth.Problem) httpauth.Reply { seen = p; return httpauth.JSON(p.Status, p.Code.Error()) },
		Report:  func(_ *http.Request, _ httpauth.Problem, err error) { reported = err },
		Routes: []httpauth.Route{
			{
				// A sign-in that answers with more than Out says.
				Pattern: "POST login", Op: httpauth.OpSignIn,
				In:  httpauth.Input{JSON: []httpauth.Field{{Param: httpauth.ParamLogin}, {Param: httpauth.ParamPassword}, {Param: "n", Optional: true, NumberAsText: true}, {Param: "b", Optional: true, Flag: true}}},
				Out: httpauth.Output{Members: []httpauth.Member{{Name: "kind", Text: "bearer"}}},
				Serve: func(x *httpauth.Exchange) (httpauth.Reply, error) {
					r, err := x.Do()
					if err != nil {
						return httpauth.Reply{}, err
					}
					if x.Has("n") {
						return x.JSON(202, httpauth.Object{{Name: "n", Value: x.Text("n")}, {Name: "b", Value: x.Flag("b")}, {Name: "é", Value: r.Tokens.User.Login}})
					}
					return x.Answer(r)
				},
			},
			{
				Pattern: "GET whose/{id}", Guarded: true,
				Needs: func(s httpauth.Service) error {
					if _, ok := s.(httpauth.UserFinder); !ok {
						return errors.New("no users")
					}
					return nil
				},
				Serve: func(x *httpauth.Exchange) (httpauth.Reply, error) {
					u, err := x.Service.(httpauth.UserFinder).User(x.Request.Context(), x.Claims)
					if err != nil || x.Request.PathValue("id") != u.ID {
						return httpauth.Reply{}, watchword.NotFound
					}
					return x.JSON(200, u.Login)
				},
			},
			{Pattern: "GET fault", Serve: func(*httpauth.Exchange) (httpauth.Reply, error) {
				return httpauth.Reply{}, errors.New("detail")
			}},
			{Pattern: "GET invalid", Serve: func(*httpauth.Exchange) (httpauth.Reply, error) {
				return httpauth.Reply{}, httpauth.Invalid(httpauth.Fault{Kind: httpauth.FaultValue, Name: "x"})
			}},
			{Pattern: "GET unwritable", Guarded: true, Op: httpauth.OpWhoami, Out: httpauth.Output{Members: []httpauth.Member{
				{Name: "x", From: func(httpauth.Result) any { return make(chan int) }},
			}}},
		},
	}
	b.mount(p)
	a := b.do(jsonCall("POST", "/login", `{"login":"ann","password":"ann-pass-77","n":7,"b":true}`))
	if want := `{"n": "7", "b": true, "\u00e9": "ann"}`; a.status != 202 || a.body != want {
		t.Errorf("POST /login = %d %s, want 202 %s", a.status, a.body, want)
	}
	if a := b.do(jsonCall("POST", "/login", `{"login":"ann","password":"ann-pass-77"}`)); a.body != `{"kind": "bearer"}` {
		t.Errorf("POST /login = %d %s", a.status, a.body)
	}
	if a := b.do(jsonCall("POST", "/login", `{"login":"ann","password":"x"}`)); a.status != 400 || a.body != `"invalid_credentials"` || seen.Op != httpauth.OpSignIn {
		t.Errorf("POST /login = %d %s, operation %d", a.status, a.body, seen.Op)
	}
	access := mustSignIn(t, b)
	if a := b.do(call{method: "GET", path: "/whose/1", header: bearer(access)}); a.status != 200 || a.body != `"ann"` {
		t.Errorf("GET /whose/1 = %d %s", a.status, a.body)
	}
	if a := b.do(call{method: "GET", path: "/whose/2", header: bearer(access)}); a.status != 404 {
		t.Errorf("GET /whose/2 = %d %s", a.status, a.body)
	}
	if a := b.do(call{method: "GET", path: "/whose/1"}); a.status != 401 || a.body != `"unauthenticated"` {
		t.Errorf("GET /whose/1 without a token = %d %s", a.status, a.body)
	}
	if a := b.do(call{method: "GET", path: "/invalid"}); a.status != 400 || len(seen.Faults) != 1 || seen.Faults[0].Name != "x" {
		t.Errorf("GET /invalid = %d %s, faults %v", a.status, a.body, seen.Faults)
	}
	if a := b.do(call{method: "GET", path: "/unwritable", header: bearer(access)}); a.status != 500 || a.body != `"internal"` {
		t.Errorf("GET /unwritable = %d %s", a.status, a.body)
	}
	if a := b.do(call{method: "GET", path: "/fault"}); a.status != 500 || a.body != `"internal"` || reported == nil || reported.Error() != "detail" {
		t.Errorf("GET /fault = %d %s, reported %v", a.status, a.body, reported)
	}
}

func mustSignIn(t *testing.T, b *bench) string {
	t.Helper()
	tokens, err := b.auth.SignIn(context.Background(), watchword.SignInRequest{Credentials: watchword.Credentials{Login: ann, Password: annPass}})
	if err != nil {
		t.Fatal(err)
	}
	return tokens.Access
}

func TestStyle(t *testing.T) {
	v := httpauth.Object{
		{Name: "a", Value: "x,y: \"z\" \\ \n\u2028<>&é😀"},
		{Name: "n", Value: nil},
		{Name: "i", Value: 1},
		{Name: "l", Value: int64(-2)},
		{Name: "t", Value: true},
		{Name: "s", Value: []string(nil)},
		{Name: "o", Value: httpauth.Object{}},
		{Name: "q", Value: []any{"b", 1, nil}},
		{Name: "r", Value: httpauth.Raw(`{"k":1}`)},
		{Name: "m", Value: map[string]int{"b": 1, "a": 2}},
		{Name: "f", Value: 1.5},
		{Name: "bad", Value: "\xff"},
	}
	tests := map[string]struct {
		style httpauth.Style
		want  string
	}{
		"compact": {httpauth.Style{}, `{"a":"x,y: \"z\" \\ \n` + "\u2028" + `<>&é😀","n":null,"i":1,"l":-2,"t":true,"s":[],"o":{},"q":["b",1,null],"r":{"k":1},"m":{"a":2,"b":1},"f":1.5,"bad":"` + "\ufffd" + `"}`},
		"Python's": {httpauth.Style{Spaced: true, ASCII: true}, `{"a": "x,y: \"z\" \\ \n\u2028<>&\u00e9\ud83d\ude00", "n": null, "i": 1, "l": -2, "t": true, "s": [], "o": {}, ` +
			`"q": ["b", 1, null], "r": {"k": 1}, "m": {"a": 2, "b": 1}, "f": 1.5, "bad": "\ufffd"}`},
	}
	for name, tt := range tests {
		got, err := tt.style.Marshal(v)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, %v\nwant %s", name, got, err, tt.want)
		}
	}
	if r := httpauth.JSON(200, httpauth.Object{{Name: "c", Value: make(chan int)}}); r.Status != 500 || r.Body != nil {
		t.Errorf("JSON of a channel = %d %s, want 500", r.Status, r.Body)
	}
	if got, err := (httpauth.Object{{Name: "b", Value: 1}, {Name: "a", Value: 2}}).MarshalJSON(); err != nil || string(got) != `{"b":1,"a":2}` {
		t.Errorf("MarshalJSON = %s, %v", got, err)
	}
}
