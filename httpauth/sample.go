package httpauth

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/watchword-auth/watchword"
)

// What stands in examples. Nothing here is a secret, and nothing opens
// anything.
const (
	sampleToken   = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl" //nolint:gosec // G101: its signature is the word
	sampleRefresh = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
	sampleSession = "3f9c1e5a7b2d4860"
	sampleIssuer  = "http://127.0.0.1:8080"
)

func sampleTime() time.Time { return time.Date(2026, time.January, 31, 12, 0, 0, 0, time.UTC) }

func sampleUser() watchword.User {
	return watchword.User{
		ID: "1", Login: "ann", Email: "ann@example.com", FirstName: "Ann", LastName: "Example", Active: true, Phone: "+49 30 1234", Location: "Berlin",
		Scopes: []string{"text"}, Permissions: []string{"posts.edit"}, Groups: []string{"editors"},
		CreatedAt: sampleTime(), LastLoginAt: sampleTime(),
	}
}

// sampleClaims are those of a person's access token, or a machine's.
func sampleClaims(client string, audience ...string) *watchword.Claims {
	s := watchword.ClaimSet{
		Kind: watchword.Access, ID: "Zk3pQ0b1", Issuer: sampleIssuer, Subject: "1", UserID: "1", ClientID: client, Audience: audience,
		IssuedAt: sampleTime(), NotBefore: sampleTime(), Expiry: sampleTime().Add(5 * time.Minute), Session: sampleSession, Scopes: []string{"text"},
	}
	payload := `{"iss":"` + sampleIssuer + `","sub":"1","aud":"` + sampleIssuer + `","exp":1769861100,"iat":1769860800}`
	return s.Freeze([]byte(payload))
}

// sampleResults are what an operation yields, first the fullest: what is not
// in all answers made of them is optional.
func sampleResults(op Op) []Result {
	claims := sampleClaims("watchword", sampleIssuer)
	tokens := watchword.Tokens{
		Access: sampleToken, Refresh: sampleRefresh, ExpiresIn: 5 * time.Minute, RefreshExpiry: sampleTime(), Claims: claims,
	}
	full := Result{Tokens: tokens, Claims: claims, User: sampleUser(), CSRF: &http.Cookie{Name: "ww_csrf", Value: "text"}} //nolint:gosec // G124: it is never sent
	bare := full
	bare.User = watchword.User{ID: "2", Login: "bob"}
	switch op {
	case OpToken:
		machine := tokens
		machine.Refresh = ""
		return []Result{full, {Tokens: machine, InBody: true}}
	case OpListSessions:
		used := watchword.Session{Device: "Firefox", Address: "192.0.2.0", CreatedAt: sampleTime(), AdvancedAt: sampleTime(), IdleUntil: sampleTime()}
		full.Sessions = []watchword.SessionInfo{{ID: sampleSession, Current: true, Session: used}, {ID: "a1b2c3d4e5f60718"}}
		return []Result{full}
	case OpIntrospect:
		refresh := watchword.ClaimSet{Kind: watchword.Refresh, Expiry: sampleTime()}
		return []Result{
			{Introspection: watchword.Introspection{Claims: claims, Login: "ann"}},
			{Introspection: watchword.Introspection{Claims: sampleClaims("billing", "shop", "stock")}},
			{Introspection: watchword.Introspection{Claims: refresh.Freeze(nil)}},
			{},
		}
	case OpVerify:
		// What a token says is its issuer's affair.
		other := watchword.ClaimSet{Kind: watchword.Access}
		return []Result{full, {Claims: other.Freeze([]byte(`{"aud":["shop","stock"]}`))}}
	default:
		return []Result{full, bare}
	}
}

// sampleKeys are JWK Sets of every kind of key.
func sampleKeys() []Reply {
	key := func(members ...Pair) Object {
		return append(Object{{"kid", "q5nXgM0b"}, {"use", "sig"}}, members...)
	}
	return []Reply{JSON(http.StatusOK, Object{{"keys", []Object{
		key(Pair{"kty", "EC"}, Pair{"alg", "ES256"}, Pair{"crv", "P-256"}, Pair{"x", "f83OJ3D2"}, Pair{"y", "x_FEzRu9"}),
		key(Pair{"kty", "OKP"}, Pair{"alg", "EdDSA"}, Pair{"crv", "Ed25519"}, Pair{"x", "11qYAYKx"}),
		key(Pair{"kty", "RSA"}, Pair{"alg", "RS256"}, Pair{"n", "0vx7agoe"}, Pair{"e", "AQAB"}),
	}}})}
}

// sampleRefusals are the answers to all that can be refused.
func (x *Exchange) sampleRefusals(token TokenUse) []Refusal {
	var list []Refusal
	for _, err := range x.sampleErrors(token) {
		list = append(list, x.sampleRefusal(err, x.Request))
		if errors.Is(err, watchword.Unauthenticated) {
			// Some shapes tell who came with another scheme.
			other := sampleRequest(x.Request.Method, x.Request.URL.Path)
			other.Header.Set("Authorization", "Basic Og==")
			list = append(list, x.sampleRefusal(err, other))
		}
	}
	return list
}

func (x *Exchange) sampleRefusal(err error, r *http.Request) Refusal {
	p := ProblemOf(err, x.endpoint.at)
	p.Op, p.Request = x.endpoint.route.Op, r
	if len(p.Scopes) == 0 {
		p.Scopes = x.endpoint.route.Scopes
	}
	return Refusal{Code: p.Code, Reply: x.endpoint.profile.Problem(p), Waits: p.RetryAfter > 0}
}

// sampleErrors are errors with the codes that a route may refuse with.
func (x *Exchange) sampleErrors(token TokenUse) []error {
	route := x.endpoint.route
	if x.Service == nil {
		return nil // served by something else, which has its own refusals
	}
	var list []error
	if route.In.JSON != nil || route.In.Form != nil || route.Doc.Body != nil {
		list = append(list, route.In.sampleFaults()...)
		list = append(list, watchword.TooLarge)
		if !route.In.OtherAsEmpty {
			list = append(list, watchword.UnsupportedMediaType)
		}
	}
	for _, p := range route.Doc.Query {
		list = append(list, Invalid(Fault{Kind: FaultType, Param: Param(p.Name), Name: p.Name}))
	}
	if route.Doc.Body != nil {
		list = append(list, Invalid(Fault{Kind: FaultType, Name: "name"}))
	}
	if x.endpoint.profile.Transport.Ambient() && !safe(x.Request.Method) {
		list = append(list, watchword.CrossOrigin)
	}
	switch token {
	case NeedsAccess, NeedsRefresh, NeedsClient:
		list = append(list, watchword.Unauthenticated)
		list = append(list, tokenFaults()...)
		list = append(list, watchword.ClaimsStale, watchword.UserDisabled)
	case OptionalAccess, NoToken, ListedAccess:
	}
	if len(route.Scopes) > 0 {
		list = append(list, &watchword.PolicyError{Code: watchword.InsufficientScope, Scopes: route.Scopes})
	}
	for _, code := range slices.Concat(route.Op.refusals(), route.Doc.Refusals) {
		if !slices.ContainsFunc(list, func(err error) bool { return errors.Is(err, code) }) {
			list = append(list, code)
		}
	}
	return append(list, watchword.Unavailable, watchword.Internal)
}

// tokenFaults are what may be wrong with a token.
func tokenFaults() []error {
	return []error{
		watchword.TokenMalformed, watchword.BadSignature, watchword.TokenExpired, watchword.TokenNotYetValid, watchword.WrongKind,
		watchword.WrongIssuer, watchword.WrongAudience, watchword.TokenRevoked, watchword.SessionEnded,
	}
}

// refusals are codes of an operation beyond those of its input and its guard.
func (o Op) refusals() []watchword.Code {
	codes := func(further ...watchword.Code) []watchword.Code {
		var list []watchword.Code
		for _, err := range tokenFaults() {
			list = append(list, watchword.CodeOf(err))
		}
		return append(list, further...)
	}
	used := []watchword.Code{watchword.TokenReused, watchword.SessionExpired, watchword.UserDisabled, watchword.InvalidScope}
	switch o {
	case OpToken:
		return append(codes(used...), watchword.InvalidRequest, watchword.InvalidCredentials, watchword.InvalidClient,
			watchword.UnsupportedGrantType, watchword.RateLimited)
	case OpSignIn:
		return []watchword.Code{watchword.InvalidCredentials, watchword.InvalidScope, watchword.RateLimited}
	case OpRefresh:
		return append(codes(used...), watchword.InvalidRequest)
	case OpVerify:
		return codes(watchword.ClaimsStale)
	case OpSignOut:
		return codes(watchword.Unauthenticated)
	case OpWhoami, OpListSessions:
		return []watchword.Code{watchword.PermissionDenied}
	case OpChangePassword:
		return []watchword.Code{watchword.PermissionDenied, watchword.InvalidCredentials, watchword.PasswordWeak, watchword.RateLimited, watchword.Conflict}
	case OpEndSession:
		return []watchword.Code{watchword.PermissionDenied, watchword.NotFound}
	case OpIntrospect, OpRevoke:
		return []watchword.Code{watchword.InvalidRequest, watchword.InvalidClient, watchword.PermissionDenied, watchword.RateLimited}
	case OpSignUp:
		return []watchword.Code{watchword.InvalidRequest, watchword.PasswordWeak, watchword.RateLimited}
	default:
		return nil
	}
}

// sampleFaults are ways in which the input can be wrong, each its own error.
func (in Input) sampleFaults() []error {
	list := []error{syntaxFault("")}
	fields := in.JSON
	if fields != nil {
		list = append(list, Invalid(Fault{Kind: FaultNotObject, Got: "array"}))
	} else {
		fields = in.Form
	}
	for _, f := range fields {
		fault := Fault{Param: f.Param, Name: f.name(), OneOf: f.OneOf}
		kinds := []FaultKind{FaultType}
		if !f.Optional {
			kinds = append(kinds, FaultMissing, FaultBlank)
		}
		if f.OneOf != nil {
			kinds = append(kinds, FaultValue)
		}
		for _, kind := range kinds {
			fault.Kind = kind
			list = append(list, Invalid(fault))
		}
	}
	return list
}
