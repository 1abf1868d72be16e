package httpauth

import "strings"

// maxAuthParams bounds the parameters of a header.
const maxAuthParams = 16

// parseAuthParams reads the auth-params of RFC 9110, section 11.2: names in
// lower case. It is strict: a name that is repeated, an empty element or a
// control character is a refusal, because others might read it otherwise.
func parseAuthParams(s string) (map[string]string, bool) {
	params := make(map[string]string)
	for {
		name, rest, ok := cutToken(s)
		name = strings.ToLower(name)
		if _, twice := params[name]; !ok || twice || len(params) == maxAuthParams {
			return nil, false
		}
		if rest, ok = strings.CutPrefix(strings.TrimLeft(rest, " \t"), "="); !ok {
			return nil, false
		}
		rest = strings.TrimLeft(rest, " \t")
		if params[name], rest, ok = cutValue(rest); !ok {
			return nil, false
		}
		if rest = strings.TrimLeft(rest, " \t"); rest == "" {
			return params, true
		}
		if rest, ok = strings.CutPrefix(rest, ","); !ok {
			return nil, false
		}
		s = strings.TrimLeft(rest, " \t")
	}
}

// cutToken cuts a token of RFC 9110, section 5.6.2 off the front.
func cutToken(s string) (token, rest string, ok bool) {
	n := strings.IndexFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	})
	if n < 0 {
		n = len(s)
	}
	return s[:n], s[n:], n > 0
}

// cutValue cuts a token or a quoted-string (section 5.6.4) off the front.
func cutValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return cutToken(s)
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], true
		case c == '\\' && i+1 < len(s) && s[i+1] >= ' ' && s[i+1] != 0x7f:
			i++
			b.WriteByte(s[i])
		case c == '\\' || c < ' ' || c == 0x7f:
			return "", "", false
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}
