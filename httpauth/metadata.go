package httpauth

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
)

// cacheable is how long keys and metadata may be kept. The next key is
// published long before it signs, so nobody who obeys misses it.
const cacheable = "public, max-age=300"

// document answers with a public document, or with 304 where the client has
// it already (RFC 9110, section 13.1.2).
func document(r *http.Request, body []byte) Reply {
	sum := sha256.Sum256(body)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	h := http.Header{"Etag": {tag}, "Cache-Control": {cacheable}}
	for known := range strings.SplitSeq(strings.Join(r.Header.Values("If-None-Match"), ","), ",") {
		if known = strings.TrimPrefix(strings.TrimSpace(known), "W/"); known == tag || known == "*" {
			return Reply{Status: http.StatusNotModified, Header: h}
		}
	}
	return Reply{Status: http.StatusOK, Header: h, Body: body}
}

func serveKeys(keys KeyPublisher) func(*Exchange) (Reply, error) {
	return func(x *Exchange) (Reply, error) {
		body, err := keys.JWKS()
		if err != nil {
			return Reply{}, err
		}
		return document(x.Request, body), nil
	}
}

// serveMetadata answers with the authorization server metadata of RFC 8414,
// made from the profile's own routes.
func serveMetadata(p *Profile, s Issuer) func(*Exchange) (Reply, error) {
	issuer := s.Issuer()
	o := Object{{"issuer", issuer}}
	for _, m := range []struct {
		name string
		op   Op
	}{
		{"token_endpoint", OpToken},
		{"jwks_uri", OpKeys},
		{"introspection_endpoint", OpIntrospect},
		{"revocation_endpoint", OpRevoke},
	} {
		if path := p.pathOf(m.op); path != "" {
			o = append(o, Pair{m.name, baseURL(issuer, p.Prefix) + path})
		}
	}
	secret := []string{"client_secret_basic", "client_secret_post"}
	o = append(o,
		// Required, and there is no authorization endpoint.
		Pair{"response_types_supported", []string{}},
		Pair{"grant_types_supported", []string{grantPassword, grantRefresh, grantClient}},
		Pair{"token_endpoint_auth_methods_supported", append([]string{"none"}, secret...)},
		Pair{"introspection_endpoint_auth_methods_supported", secret},
		Pair{"revocation_endpoint_auth_methods_supported", secret},
	)
	body, err := Style{}.Marshal(o)
	return func(x *Exchange) (Reply, error) { return document(x.Request, body), err }
}

// pathOf returns the path of the first route with an operation.
func (p *Profile) pathOf(op Op) string {
	for _, route := range p.Routes {
		if route.Op == op {
			_, path, _ := p.pattern(route.Pattern)
			return strings.TrimSuffix(path, "{$}")
		}
	}
	return ""
}

// baseURL is what paths are appended to: the issuer, which stands for the
// server's root as its clients see it, unless the prefix repeats its path.
func baseURL(issuer, prefix string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return issuer
	}
	path := strings.TrimSuffix(u.Path, "/")
	if path == "" || strings.HasPrefix(prefix+"/", path+"/") {
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + "://" + u.Host + path
}

// issuerPath is the path of a service's issuer; "" for none.
func issuerPath(s Service) string {
	i, ok := s.(Issuer)
	if !ok {
		return ""
	}
	u, err := url.Parse(i.Issuer())
	if err != nil || strings.ContainsAny(u.Path, "{} ") {
		return ""
	}
	return strings.TrimSuffix(u.Path, "/")
}
