package httpauth

import (
	"net/http"
	"strings"

	"github.com/watchword-auth/watchword"
)

// Exchange is a request whose input has been read and, at guarded routes,
// whose token has been verified.
type Exchange struct {
	Request *http.Request
	Service Service
	Client  watchword.Client
	Claims  *watchword.Claims // guarded routes only

	endpoint *endpoint
	writer   http.ResponseWriter // for time limits only
	values   values
}

// Op returns the operation of the route, 0 at the application's own.
func (x *Exchange) Op() Op {
	if x.endpoint == nil {
		return OpCustom
	}
	return x.endpoint.route.Op
}

// Text returns a parameter, "" where it was absent.
func (x *Exchange) Text(p Param) string { return x.values.text[p] }

// Has reports whether a text parameter was there and not empty.
func (x *Exchange) Has(p Param) bool { return x.values.text[p] != "" }

// given returns a text parameter that was there, perhaps empty; else nil.
func (x *Exchange) given(p Param) *string {
	if !x.values.there[p] {
		return nil
	}
	text := x.values.text[p]
	return &text
}

// Flag returns a parameter that is a Flag.
func (x *Exchange) Flag(p Param) bool { return x.values.flag[p] }

// Do does what the route's Op does.
func (x *Exchange) Do() (Result, error) { return x.endpoint.operate(x) }

// Answer shapes a result by the route's Output.
func (x *Exchange) Answer(r Result) (Reply, error) {
	out := x.endpoint.route.Out
	if out.Encode != nil {
		return out.Encode(x, r)
	}
	if out.Status == http.StatusNoContent {
		return Reply{Status: out.Status}, nil
	}
	o := make(Object, 0, len(out.Members))
	for _, m := range out.Members {
		switch {
		case m.From != nil:
			o = append(o, Pair{m.Name, m.From(r)})
		case m.Value == RefreshToken && r.Tokens.Refresh == "":
		case (m.Value == AccessToken || m.Value == RefreshToken) && writes(x.Transport()).Ambient() && !r.InBody:
			// What rides in cookies is not for scripts to see.
		case m.Value != 0:
			o = append(o, Pair{m.Name, m.Value.of(r.Tokens)})
		default:
			o = append(o, Pair{m.Name, m.Text})
		}
	}
	return x.JSON(out.Status, o)
}

// JSON returns v in the profile's style.
func (x *Exchange) JSON(status int, v any) (Reply, error) {
	b, err := x.endpoint.profile.Style.Marshal(v)
	return Reply{Status: status, Header: make(http.Header), Body: b}, err
}

// Transport returns the profile's.
func (x *Exchange) Transport() Transport { return x.endpoint.profile.Transport }

func (v Value) of(t watchword.Tokens) any {
	switch v {
	case AccessToken:
		return t.Access
	case RefreshToken:
		return t.Refresh
	case ExpiresIn:
		return int64(t.ExpiresIn.Seconds())
	case GrantedScope:
		return scopeText(t.Claims)
	default:
		return nil
	}
}

// scopeText is the scope parameter of RFC 6749, section 3.3.
func scopeText(c *watchword.Claims) string {
	if c == nil {
		return ""
	}
	var b strings.Builder
	for s := range c.Scopes() {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s)
	}
	return b.String()
}

// scopes returns the scopes asked for. None is nil, which asks for all that
// may be had, unless the route says otherwise.
func (x *Exchange) scopes() ([]string, error) {
	scopes, err := watchword.ParseScope(x.Text(ParamScope))
	if scopes == nil && x.endpoint.route.In.NoScopeIsNone {
		scopes = []string{}
	}
	return scopes, err
}

// refreshToken returns the refresh token of the body or of the transport.
// Two that differ are refused: one of them is not what the sender means.
func (x *Exchange) refreshToken() (string, error) {
	raw, shown := x.Transport().Refresh(x.Request)
	if body := x.Text(ParamRefresh); body != "" {
		if shown && raw != body {
			return "", syntaxFault("two refresh tokens")
		}
		return body, nil
	}
	if !shown {
		return "", missing(ParamRefresh)
	}
	return raw, nil
}
