package httpauth

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword"
)

// Description is a profile as it is mounted: what documents are made from. Its
// answers are examples that the profile's own functions have made, so that no
// setting can part the two.
type Description struct {
	Profile  Profile // with its defaults set
	Carriers []Carrier
	// CSRF is the header that unsafe requests show where cookies carry the
	// token; "" for none.
	CSRF   string
	Routes []Described
}

// Described is a route, and what it answers.
type Described struct {
	Method, Path string // whole; "{id}" stands for what varies
	Route        Route
	Token        TokenUse
	Answers      []Answer // whose examples are [Raw], or text where Media says so
	Refusals     []Refusal
}

// Refusal is what a route answers to a code.
type Refusal struct {
	Code  watchword.Code
	Reply Reply
	// Waits says that a Retry-After comes with it.
	Waits bool
}

// Carrier is one place where a token rides.
type Carrier struct {
	// Header holds the token after the Scheme and a space.
	Header, Scheme string
	// Cookie holds it alone.
	Cookie string
	// Refresh says that it is the refresh token.
	Refresh bool
}

// Carrying is optional for a Transport: it says where tokens ride, once it is
// bound.
type Carrying interface{ Carriers() []Carrier }

// Carriers are the header, by each scheme.
func (t Bearer) Carriers() []Carrier {
	header := http.CanonicalHeaderKey(or(t.Header, "Authorization"))
	var list []Carrier
	for _, scheme := range t.Schemes {
		list = append(list, Carrier{Header: header, Scheme: scheme})
	}
	if t.Schemes == nil {
		list = []Carrier{{Header: header, Scheme: "Bearer"}}
	}
	return list
}

// Carriers are the two cookies.
func (t OneCookie) Carriers() []Carrier { return t.carriers() }

// Carriers are the cookies that the server reads.
func (t TwoCookies) Carriers() []Carrier { return t.carriers() }

func (c Cookies) carriers() []Carrier {
	return []Carrier{{Cookie: c.Access}, {Cookie: c.Refresh, Refresh: true}}
}

// Carriers are those of all transports.
func (t Beside) Carriers() []Carrier {
	var list []Carrier
	for _, one := range each(t) {
		if c, ok := one.(Carrying); ok {
			list = append(list, c.Carriers()...)
		}
	}
	return list
}

// Describe returns what is mounted by a face. Routes that are hidden are left
// out. A face without a service is described as well, for what a program
// serves beside its profiles.
func (f Face) Describe() (Description, error) {
	p, err := f.Profile.bind(f.Service)
	if err != nil {
		return Description{}, fmt.Errorf("profile %s: %w", f.Profile.Name, err)
	}
	d := Description{Profile: p}
	if c, ok := p.Transport.(Carrying); ok {
		d.Carriers = c.Carriers()
	}
	if p.Protect != nil && p.Transport.Ambient() {
		d.CSRF = p.Protect.Header()
	}
	var faults []error
	for _, route := range p.Routes {
		if route.Doc.Hidden || p.About.Hidden || route.Optional && route.Needs != nil && route.Needs(f.Service) != nil {
			continue
		}
		one, err := describe(&p, f.Service, route)
		if err != nil {
			faults = append(faults, fmt.Errorf("profile %s: route %s: %w", p.Name, route.Pattern, err))
		}
		d.Routes = append(d.Routes, one)
	}
	return d, errors.Join(faults...)
}

func describe(p *Profile, s Service, route Route) (Described, error) {
	method, path, err := p.pattern(route.Pattern)
	if err != nil {
		return Described{}, err
	}
	d := Described{
		Method: method, Path: strings.ReplaceAll(strings.TrimSuffix(path, "{$}"), "...}", "}"),
		Route: route, Token: route.token(),
	}
	e := &endpoint{profile: p, service: s, route: route, at: route.Op.endpoint()}
	if route.Guarded || route.Op.guarded() {
		e.at = Guarded
	}
	x := &Exchange{Request: sampleRequest(method, d.Path), Service: s, endpoint: e}
	d.Answers, err = x.sampleAnswers()
	d.Refusals = x.sampleRefusals(d.Token)
	return d, err
}

func (r Route) token() TokenUse {
	switch {
	case r.Doc.Token != NoToken:
		return r.Doc.Token
	case r.Guarded || r.Op.guarded():
		return NeedsAccess
	case r.Op == OpSignOut && r.Serve == nil:
		return OptionalAccess
	default:
		return NoToken
	}
}

// sampleRequest is one that profiles may repeat part of.
func sampleRequest(method, path string) *http.Request {
	return &http.Request{
		Method: method, URL: &url.URL{Path: path}, Host: "127.0.0.1:8080", Header: make(http.Header),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
	}
}

// sampleAnswers are what the route answers when all is well, and what its Doc
// adds.
func (x *Exchange) sampleAnswers() ([]Answer, error) {
	var list []Answer
	succeeds := false
	for _, a := range x.endpoint.route.Doc.Answers {
		if a.Status == 0 {
			a.Status = http.StatusOK
		}
		succeeds = succeeds || a.Status < 400
		raw, err := x.encoded(a)
		if err != nil {
			return nil, err
		}
		list = append(list, raw)
	}
	if succeeds {
		return list, nil
	}
	replies, err := x.sampleReplies()
	if err != nil {
		return nil, err
	}
	made := Answer{Status: http.StatusOK}
	for _, r := range replies {
		if r.Status != 0 {
			made.Status = r.Status
		}
		made.Media = r.Header.Get("Content-Type")
		if len(r.Body) > 0 {
			made.Examples = append(made.Examples, Raw(r.Body))
		}
	}
	return append([]Answer{made}, list...), nil
}

// encoded writes the examples of an answer.
func (x *Exchange) encoded(a Answer) (Answer, error) {
	if a.Media != "" && a.Media != mediaJSON {
		return a, nil
	}
	raw := make([]any, 0, len(a.Examples))
	for _, v := range a.Examples {
		b, err := x.endpoint.profile.Style.Marshal(v)
		if err != nil {
			return a, fmt.Errorf("example: %w", err)
		}
		raw = append(raw, Raw(b))
	}
	a.Examples = raw
	return a, nil
}

// sampleReplies runs what writes the route's answers, with and without what is
// optional.
func (x *Exchange) sampleReplies() ([]Reply, error) {
	route := x.endpoint.route
	switch {
	case route.Op == OpMetadata && route.Serve == nil:
		if issuer, ok := x.Service.(Issuer); ok {
			r, err := serveMetadata(x.endpoint.profile, issuer)(x)
			return []Reply{r}, err
		}
	case route.Op == OpKeys && route.Serve == nil:
		return sampleKeys(), nil
	case route.Op == OpCustom && route.Out.Encode == nil && route.Out.Members == nil:
		return nil, nil
	}
	var list []Reply
	for _, v := range []values{x.sampleInput(true), x.sampleInput(false)} {
		x.values = v
		for _, r := range sampleResults(route.Op) {
			reply, err := x.Answer(r)
			if err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(list, func(known Reply) bool { return bytes.Equal(known.Body, reply.Body) }) {
				list = append(list, reply)
			}
		}
	}
	return list, nil
}

// sampleInput is the input that the route reads, whole or without what is
// optional.
func (x *Exchange) sampleInput(whole bool) values {
	in := x.endpoint.route.In
	fields := in.JSON
	if fields == nil {
		fields = in.Form
	}
	v := values{text: make(map[Param]string), form: in.JSON == nil}
	for _, f := range fields {
		if whole || !f.Optional {
			v.text[f.Param] = "text"
		}
	}
	return v
}
