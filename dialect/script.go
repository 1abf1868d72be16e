package dialect

import (
	"net/http"
	"strings"

	"github.com/watchword-auth/watchword/httpauth"
)

// Call is a request of a dialect's script: what is sent to a running original
// and to ours, so that the answers can be laid side by side. The calls change
// no more than a sign-in does, and end what they began where the original
// can.
//
// {{login}} and {{password}} in a call stand for somebody's credentials;
// {{access}} and the like for what an earlier call of the script took;
// {{access tampered}} for the same with another signature.
type Call struct {
	// Name is that of the recorded exchange where there is one: what is known
	// to differ is found by it.
	Name   string
	Method string
	Path   string // with the prefix
	Header [][2]string
	Body   string
	// Take names members of the JSON answer, or cookies, by what they are
	// called in later calls.
	Take map[string]string
	// Shape says that the answer has values of the user's own: compared are
	// the names, the order and the types of its members.
	Shape bool
}

// scripter makes calls below a prefix.
type scripter struct {
	prefix string
	kind   string // media type of bodies
	calls  []Call
}

func scriptBelow(prefix, kind string) *scripter {
	return &scripter{prefix: strings.TrimSuffix(prefix, "/") + "/", kind: kind}
}

// add adds a call; options change it.
func (s *scripter) add(name, pattern, body string, options ...func(*Call)) {
	method, path, _ := strings.Cut(pattern, " ")
	c := Call{Name: name, Method: method, Path: s.prefix + path, Body: body}
	if body != "" {
		c.Header = append(c.Header, [2]string{"Content-Type", s.kind})
	}
	for _, o := range options {
		o(&c)
	}
	s.calls = append(s.calls, c)
}

// with adds a header.
func with(name, value string) func(*Call) {
	return func(c *Call) { c.Header = append(c.Header, [2]string{name, value}) }
}

// bearing shows a token.
func bearing(token string) func(*Call) { return with("Authorization", "Bearer "+token) }

// taking remembers what the answer's members or cookies hold: name, member.
func taking(pairs ...string) func(*Call) {
	return func(c *Call) {
		c.Take = make(map[string]string)
		for i := 0; i+1 < len(pairs); i += 2 {
			c.Take[pairs[i]] = pairs[i+1]
		}
	}
}

// shaped compares no values.
func shaped(c *Call) { c.Shape = true }

// Media types of what scripts send.
const (
	sentJSON = "application/json"
	sentForm = "application/x-www-form-urlencoded"
)

// object is a JSON object of texts: name, value.
func object(pairs ...string) string {
	o := make(httpauth.Object, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		o = append(o, httpauth.Pair{Name: pairs[i], Value: pairs[i+1]})
	}
	text, err := httpauth.Style{}.Marshal(o)
	if err != nil {
		return "{}" // texts can always be written
	}
	return string(text)
}

// nobody cannot sign in anywhere.
const nobody = "nobody-5f1c@example.com"

// badSignIns are the ways not to sign in, by JSON.
func (s *scripter) badSignIns(name, pattern, login string) {
	_, path, _ := strings.Cut(pattern, " ")
	s.add(name+"-unknown-user", pattern, object(login, nobody, "password", "wrong-3b7e"))
	s.add(name+"-empty", pattern, "{}")
	s.add(name+"-missing-password", pattern, object(login, nobody))
	s.add(name+"-bad-json", pattern, "{")
	s.add(name+"-list", pattern, "[]")
	s.add(name+"-null", pattern, `{"`+login+`":null,"password":null}`)
	s.add(name+"-get", http.MethodGet+" "+path, "")
	s.add(name+"-put", http.MethodPut+" "+path, "{}")
}

// badTokens are the ways not to be let in.
func (s *scripter) badTokens(name, pattern string) {
	s.add(name+"-no-token", pattern, "")
	s.add(name+"-bad-token", pattern, "", bearing("x.y.z"))
	s.add(name+"-garbage", pattern, "", bearing("garbage"))
	s.add(name+"-scheme-only", pattern, "", with("Authorization", "Bearer"))
	s.add(name+"-other-scheme", pattern, "", with("Authorization", "Basic eDp5"))
	s.add(name+"-tampered", pattern, "", bearing("{{access tampered}}"))
}

func (c *ellarSettings) script(prefix string) []Call {
	s := scriptBelow(prefix, sentJSON)
	took := taking("access", "access_token", "refresh", "refresh_token")
	s.add("login", "POST login", object("username", "{{login}}", "password", "{{password}}"), took)
	s.add("login-wrong-password", "POST login", object("username", "{{login}}", "password", "wrong-3b7e"))
	s.badSignIns("login", "POST login", "username")
	s.add("profile", "GET profile", "", bearing("{{access}}"), shaped)
	s.add("profile-lowercase-scheme", "GET profile", "", with("Authorization", "bearer {{access}}"), shaped)
	s.add("profile-with-refresh-token", "GET profile", "", bearing("{{refresh}}"))
	s.badTokens("profile", "GET profile")
	s.add("refresh-with-access", "POST refresh", object("payload", "{{access}}"))
	s.add("refresh-bad", "POST refresh", object("payload", "x.y.z"))
	s.add("refresh-missing", "POST refresh", "{}")
	s.add("refresh-tampered", "POST refresh", object("payload", "{{refresh tampered}}"))
	s.add("refresh", "POST refresh", object("payload", "{{refresh}}"), took)
	return s.calls
}

func (c *oauth2Settings) script(prefix string) []Call {
	s := scriptBelow(prefix, sentForm)
	const right = "grant_type=password&username={{login}}&password={{password}}"
	s.add("token", "POST token", right, taking("access", "access_token"))
	s.add("token-no-grant-type", "POST token", "username={{login}}&password={{password}}")
	s.add("token-wrong-password", "POST token", "grant_type=password&username={{login}}&password=wrong-3b7e")
	s.add("token-unknown-user", "POST token", "grant_type=password&username="+nobody+"&password=wrong-3b7e")
	s.add("token-wrong-grant-type", "POST token", "grant_type=other&username="+nobody+"&password=wrong-3b7e")
	s.add("token-missing-password", "POST token", "grant_type=password&username="+nobody)
	s.add("token-missing-username", "POST token", "grant_type=password&password=wrong-3b7e")
	s.add("token-empty-values", "POST token", "username=&password=")
	s.add("token-empty-body", "POST token", "", with("Content-Type", sentForm))
	s.add("token-json", "POST token", "", func(c *Call) {
		c.Header, c.Body = [][2]string{{"Content-Type", sentJSON}}, object("username", nobody, "password", "wrong-3b7e")
	})
	s.add("token-get", "GET token", "")
	s.add("token-trailing-slash", "POST token/", "grant_type=password&username="+nobody+"&password=wrong-3b7e")
	s.add("me", "GET users/me", "", bearing("{{access}}"), shaped)
	s.add("me-lowercase-scheme", "GET users/me", "", with("Authorization", "bearer {{access}}"), shaped)
	s.badTokens("me", "GET users/me")
	s.add("me-post", "POST users/me", "{}")
	return s.calls
}

func (c *esmeraldSettings) script(prefix string) []Call {
	s := scriptBelow(prefix, sentJSON)
	login, signin, refresh := "username", "POST "+c.signinURL, "POST "+c.refreshURL
	if c.email {
		login = "email"
	}
	s.add("signin", signin, object(login, "{{login}}", "password", "{{password}}"), taking("access", "access_token", "refresh", "refresh_token"))
	s.add("signin-wrong-password", signin, object(login, "{{login}}", "password", "wrong-3b7e"))
	s.badSignIns("signin", signin, login)
	if c.email {
		s.add("signin-bad-email", signin, object(login, "nobody", "password", "wrong-3b7e"))
	}
	s.add("refresh-with-access", refresh, object("refresh_token", "{{access}}"))
	s.add("refresh-tampered", refresh, object("refresh_token", "{{refresh tampered}}"))
	s.add("refresh-garbage", refresh, object("refresh_token", "garbage"))
	s.add("refresh-missing", refresh, "{}")
	s.add("refresh-get", "GET "+c.refreshURL, "")
	s.add("refresh", refresh, object("refresh_token", "{{refresh}}"))
	return s.calls
}

func (c *easyjwtSettings) script(prefix string) []Call {
	s := scriptBelow(prefix, sentJSON)
	const token, refresh, verify = "POST token/", "POST token/refresh/", "POST token/verify/"
	right := object(c.login, "{{login}}", "password", "{{password}}")
	took, field := taking("access", "access", "refresh", "refresh"), "refresh"
	if c.sliding {
		took, field = taking("access", "token", "refresh", "token"), "token"
	}
	s.add("token", token, right, took)
	s.add("token-wrong-password", token, object(c.login, "{{login}}", "password", "wrong-3b7e"))
	s.badSignIns("token", token, c.login)
	s.add("token-blank", token, object(c.login, "", "password", ""))
	s.add("token-text-plain", token, "", func(c *Call) { c.Header, c.Body = [][2]string{{"Content-Type", "text/plain"}}, "x" })
	s.add("token-options", "OPTIONS token/", "")
	s.add("token-no-slash", "POST token", "{}")
	for _, each := range [][2]string{{"verify", verify}, {"refresh", refresh}} {
		name, pattern, member := each[0], each[1], field
		if name == "verify" {
			member = "token"
		}
		s.add(name+"-empty", pattern, "{}")
		s.add(name+"-blank", pattern, object(member, ""))
		s.add(name+"-garbage", pattern, object(member, "garbage"))
		s.add(name+"-tampered", pattern, object(member, "{{refresh tampered}}"))
		s.add(name+"-get", strings.Replace(pattern, http.MethodPost, http.MethodGet, 1), "")
	}
	s.add("verify-access", verify, object("token", "{{access}}"))
	s.add("verify-refresh", verify, object("token", "{{refresh}}"))
	scheme := c.schemes[0]
	if !c.sliding {
		s.add("refresh-with-access", refresh, object(field, "{{access}}"))
		s.add("user-with-refresh", "GET user/", "", with(c.header, scheme+" {{refresh}}"))
	}
	s.add("user-own", "GET user/", "", with(c.header, scheme+" {{access}}"), shaped)
	s.add("user-no-token", "GET user/", "")
	s.add("user-scheme-only", "GET user/", "", with(c.header, scheme))
	s.add("user-three-parts", "GET user/", "", with(c.header, scheme+" a b"))
	s.add("user-tampered", "GET user/", "", with(c.header, scheme+" {{access tampered}}"))
	s.add("user-post", "POST user/", "{}", with(c.header, scheme+" {{access}}"))
	s.add("refresh", refresh, object(field, "{{refresh}}"))
	return s.calls
}

func (c *easyjwtClient) script(prefix string) []Call {
	s := scriptBelow(prefix, sentJSON)
	const token, refresh, verify = "POST token/", "POST token/refresh/", "POST token/verify/"
	login := c.upstream.LoginField
	s.add("token-wrong-password", token, object(login, "{{login}}", "password", "wrong-3b7e"))
	s.badSignIns("token", token, login)
	if c.inCookie {
		return s.calls // nothing else can be asked without the CSRF cookie
	}
	s.add("token", token, object(login, "{{login}}", "password", "{{password}}"), taking("access", "access", "refresh", "refresh"))
	for _, each := range [][3]string{{"verify", verify, "token"}, {"refresh", refresh, "refresh"}} {
		s.add(each[0]+"-empty", each[1], "{}")
		s.add(each[0]+"-garbage", each[1], object(each[2], "garbage"))
	}
	s.add("verify", verify, object("token", "{{access}}"))
	s.add("verify-tampered", verify, object("token", "{{access tampered}}"))
	s.add("refresh-with-access", refresh, object("refresh", "{{access}}"))
	s.add("refresh", refresh, object("refresh", "{{refresh}}"))
	s.add("logout-nothing", "POST token/logout/", "{}")
	return s.calls
}

func (c *djwtoSettings) script(prefix string) []Call {
	s := scriptBelow(prefix, sentForm)
	at := func(name string) string { return "POST " + c.below + "/" + name + "/" }
	const right, wrong = "username={{login}}&password={{password}}", "username={{login}}&password=wrong-3b7e"
	took := taking("access", "access", "refresh", "refresh")
	access, refresh, kind := bearing("{{access}}"), bearing("{{refresh}}"), ""
	if c.accessCookie != "" {
		took = taking("access", c.accessCookie, "refresh", "jwt_refresh", "csrf", "csrftoken")
		cookies := func(call *Call) {
			with("Cookie", c.accessCookie+"={{access}}; jwt_refresh={{refresh}}; csrftoken={{csrf}}")(call)
			with("X-CSRFToken", "{{csrf}}")(call)
			with("Referer", "{{url}}/")(call)
		}
		if !c.csrf {
			took = taking("access", c.accessCookie, "refresh", "jwt_refresh")
			cookies = with("Cookie", c.accessCookie+"={{access}}; jwt_refresh={{refresh}}")
		}
		access, refresh, kind = cookies, cookies, "jwt_type=refresh"
	}
	s.add("login", "POST login/", right, took)
	s.add("login-wrong-password", "POST login/", wrong)
	s.add("login-unknown-user", "POST login/", "username="+nobody+"&password=wrong-3b7e")
	s.add("login-no-password", "POST login/", "username="+nobody)
	s.add("login-no-username", "POST login/", "password=wrong-3b7e")
	s.add("login-empty", "POST login/", "", with("Content-Type", sentForm))
	s.add("login-get", "GET login/", "")
	s.add("login-put", "PUT login/", "x=y")
	s.add("login-no-slash", "POST login", "username="+nobody+"&password=wrong-3b7e")
	s.add("validate-access", "POST validate_access/", "", access)
	s.add("validate-access-get", "GET validate_access/", "")
	s.add("validate-refresh", at("validate_refresh"), kind, refresh)
	if c.accessCookie == "" {
		s.add("validate-access-no-header", "POST validate_access/", "")
		s.add("validate-access-garbage", "POST validate_access/", "", bearing("garbage"))
		s.add("validate-access-empty-bearer", "POST validate_access/", "", with("Authorization", "Bearer"))
		s.add("validate-access-tampered", "POST validate_access/", "", bearing("{{access tampered}}"))
		s.add("validate-access-with-refresh-token", "POST validate_access/", "", refresh)
		s.add("validate-refresh-with-access", at("validate_refresh"), "", access)
		s.add("refresh-access-no-header", at("refresh_access"), "")
		s.add("refresh-access-with-access", at("refresh_access"), "", access)
		s.add("refresh-access-tampered", at("refresh_access"), "", bearing("{{refresh tampered}}"))
	} else {
		s.add("validate-access-no-cookie", "POST validate_access/", "")
	}
	s.add("refresh-access-get", "GET "+c.below+"/refresh_access/", "")
	s.add("refresh-access", at("refresh_access"), kind, refresh)
	s.add("logout", at("logout"), kind, refresh)
	s.add("validate-refresh-after-logout", at("validate_refresh"), kind, refresh)
	return s.calls
}
