package httpauth

import (
	"net/http"
	"slices"
	"time"

	"github.com/watchword-auth/watchword"
)

// NativePrefix is where the native routes are by default.
const NativePrefix = "/auth/v1"

// Native is Watchword's own profile. t decides where tokens ride; nil means
// Bearer.
func Native(prefix string, t Transport) Profile {
	if t == nil {
		t = Bearer{}
	}
	tokens := tokenOutput()
	p := Profile{
		Name: watchword.NativeProfile, Prefix: prefix, Transport: t,
		About: About{
			Title: "Watchword", Tags: []string{"Watchword"},
			Description:       "Sign in, refresh, sign out, and what else belongs to one's account.",
			SchemeDescription: "User name or e-mail address, and password. A client id is not needed.",
		},
		Routes: []Route{
			{Pattern: "POST token", Op: OpToken, In: tokenInput(), Out: tokens},
			{Pattern: "POST refresh", Op: OpRefresh, Out: tokens, In: Input{JSON: []Field{
				{Param: ParamRefresh, Optional: t.Ambient()},
				{Param: ParamScope, Optional: true},
			}}},
			{
				Pattern: "POST verify", Op: OpVerify, In: Input{JSON: []Field{{Param: ParamToken}}},
				Out: Output{Encode: encodeVerified},
			},
			{Pattern: "POST logout", Op: OpSignOut, In: Input{JSON: []Field{
				{Param: ParamRefresh, Optional: true},
				{Param: ParamEverywhere, Optional: true, Flag: true},
				{Param: ParamOthers, Optional: true, Flag: true},
			}}},
			{Pattern: "GET me", Op: OpWhoami, Out: Output{Encode: encodeUser}},
			{Pattern: "POST password", Op: OpChangePassword, In: Input{JSON: []Field{
				{Param: ParamCurrent}, {Param: ParamNew},
			}}},
			{Pattern: "GET sessions", Op: OpListSessions, Out: Output{Encode: encodeSessions}},
			{Pattern: "DELETE sessions/{id}", Op: OpEndSession, Out: Output{Status: 204}},
			{Pattern: "POST introspect", Op: OpIntrospect, In: tokenParameter(), Out: Output{Encode: encodeIntrospection}},
			{Pattern: "POST revoke", Op: OpRevoke, In: tokenParameter()},
			{Pattern: "GET /.well-known/jwks.json", Op: OpKeys},
			{Pattern: "GET /.well-known/oauth-authorization-server", Op: OpMetadata},
		},
	}
	p.Routes = append(p.Routes, ServiceRoutes()...)
	return p
}

// SignUpRoute lets strangers make accounts; no profile has it by itself. Add
// it to the Routes of Native. Whoever then signs in learns whether the account
// is his: without a message to the address that cannot be helped.
func SignUpRoute() Route {
	return Route{Pattern: "POST users", Op: OpSignUp, Out: Output{Status: http.StatusAccepted}, In: Input{JSON: []Field{
		{Param: ParamLogin},
		{Param: ParamPassword},
		{Param: ParamEmail, Optional: true},
		{Param: ParamFirstName, Optional: true},
		{Param: ParamLastName, Optional: true},
	}}}
}

// RecordRoute lets people change their own names, telephone number and
// location, and nothing else of themselves: any other member is refused, so
// that no client takes silence for consent. Add it to the Routes of Native
// where users are kept in the Store.
func RecordRoute() Route {
	return Route{Pattern: "PATCH me", Op: OpChangeRecord, Out: Output{Encode: encodeUser}, In: Input{Strict: true, JSON: []Field{
		{Param: ParamFirstName, Optional: true},
		{Param: ParamLastName, Optional: true},
		{Param: ParamPhone, Optional: true},
		{Param: ParamLocation, Optional: true},
	}}, Doc: Doc{
		Summary: "Change one's own record", Description: "What is absent stays as it is, an empty text removes. No other member is taken.",
		Refusals: []watchword.Code{watchword.NotFound},
	}}
}

func tokenInput() Input {
	return Input{
		JSON: []Field{
			{Param: ParamLogin}, {Param: ParamPassword}, {Param: ParamScope, Optional: true},
		},
		Form: []Field{
			{Param: ParamGrantType},
			{Param: ParamLogin, Name: "username", Optional: true},
			{Param: ParamPassword, Optional: true},
			{Param: ParamScope, Optional: true},
			{Param: ParamRefresh, Optional: true},
			{Param: ParamClientID, Optional: true},
			{Param: ParamClientSecret, Optional: true},
		},
	}
}

// tokenOutput is RFC 6749, section 5.1.
func tokenOutput() Output {
	return Output{Members: []Member{
		{Name: "access_token", Value: AccessToken},
		{Name: "refresh_token", Value: RefreshToken},
		{Name: "token_type", Text: "Bearer"},
		{Name: "expires_in", Value: ExpiresIn},
		{Name: "scope", Value: GrantedScope},
	}}
}

// tokenParameter is the form of RFC 7662, section 2.1 and RFC 7009, section
// 2.1. The hint is no help. That the token is there is looked at after the
// client is known.
func tokenParameter() Input {
	return Input{Form: []Field{
		{Param: ParamToken, Optional: true},
		{Param: ParamClientID, Optional: true},
		{Param: ParamClientSecret, Optional: true},
	}}
}

func encodeVerified(x *Exchange, r Result) (Reply, error) {
	return x.JSON(200, Object{{"active", true}, {"claims", Raw(r.Claims.JSON())}})
}

func encodeUser(x *Exchange, r Result) (Reply, error) { return x.JSON(200, UserRecord(r.User)) }

func encodeSessions(x *Exchange, r Result) (Reply, error) {
	list := make([]Object, len(r.Sessions))
	for i, s := range r.Sessions {
		list[i] = SessionRecord(s)
	}
	return x.JSON(200, Object{{"sessions", list}})
}

// UserRecord is a user as the native routes and commands show him: telephone
// number and location where he has them.
func UserRecord(u watchword.User) Object {
	o := Object{
		{"id", u.ID},
		{"login", u.Login},
		{"email", u.Email},
		{"first_name", u.FirstName},
		{"last_name", u.LastName},
		{"staff", u.Staff},
		{"superuser", u.Superuser},
		{"active", u.Active},
		{"scopes", u.Scopes},
		{"permissions", u.Permissions},
		{"groups", u.Groups},
		{"created_at", timestamp(u.CreatedAt)},
		{"last_login_at", timestamp(u.LastLoginAt)},
	}
	if u.Phone != "" {
		o = append(o, Pair{"phone", u.Phone})
	}
	if u.Location != "" {
		o = append(o, Pair{"location", u.Location})
	}
	return o
}

// SessionRecord is a session likewise. expires_at is when it ends unless it
// is used before.
func SessionRecord(s watchword.SessionInfo) Object {
	return Object{
		{"id", s.ID},
		{"device", s.Device},
		{"address", s.Address},
		{"created_at", timestamp(s.CreatedAt)},
		{"last_used_at", timestamp(s.AdvancedAt)},
		{"expires_at", timestamp(s.IdleUntil)},
		{"current", s.Current},
	}
}

// timestamp is RFC 3339 in UTC, null for never.
func timestamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// encodeIntrospection is RFC 7662, section 2.2. Members that the token does
// not have are left out. A refresh token has no token_type: it opens no
// route.
func encodeIntrospection(x *Exchange, r Result) (Reply, error) {
	c := r.Introspection.Claims
	if c == nil {
		// "the authorization server SHOULD NOT include any additional
		// information about an inactive token, including why"
		return x.JSON(200, Object{{"active", false}})
	}
	o := Object{{"active", true}}
	text := func(name, value string) {
		if value != "" {
			o = append(o, Pair{name, value})
		}
	}
	date := func(name string, t time.Time) {
		if !t.IsZero() {
			o = append(o, Pair{name, t.Unix()})
		}
	}
	text("scope", scopeText(c))
	text("client_id", c.ClientID)
	text("username", r.Introspection.Login)
	if c.Kind != watchword.Refresh {
		text("token_type", "Bearer")
	}
	date("exp", c.Expiry)
	date("iat", c.IssuedAt)
	date("nbf", c.NotBefore)
	text("sub", c.Subject)
	switch aud := slices.Collect(c.Audience()); len(aud) {
	case 0:
	case 1:
		text("aud", aud[0])
	default:
		o = append(o, Pair{"aud", aud})
	}
	text("iss", c.Issuer)
	text("jti", c.ID)
	text("sid", c.Session)
	return x.JSON(200, o)
}
