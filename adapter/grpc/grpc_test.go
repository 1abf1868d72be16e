package grpcauth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/watchword-auth/watchword"
	grpcauth "github.com/watchword-auth/watchword/adapter/grpc"
)

func rules() map[string]grpcauth.Rule {
	all := map[string]grpcauth.Rule{}
	for method, rule := range map[string]grpcauth.Rule{
		"Posts":    grpcauth.Require(watchword.Scope("posts:read")),
		"Optional": grpcauth.Optional(),
		"Open":     grpcauth.Open(),
		"Zero":     {},
		"Down": grpcauth.Require(func(*watchword.Claims) error {
			return fmt.Errorf("%w: db7.internal is down", watchword.Unavailable)
		}),
		"Own": grpcauth.Require(func(*watchword.Claims) error { return errors.New("only on Mondays") }),
	} {
		all["/test.Echo/"+method] = rule
		all["/test.Echo/"+method+"Stream"] = rule
	}
	return all
}

func TestGuard(t *testing.T) {
	auth, advance := newAuthority(t)
	expired := signIn(t, auth, "ann")
	advance(expired.ExpiresIn + time.Minute)
	ended := signIn(t, auth, "ann")
	if err := auth.SignOut(t.Context(), watchword.SignOutRequest{Raw: ended.Refresh}); err != nil {
		t.Fatal(err)
	}
	ann, bob := signIn(t, auth, "ann"), signIn(t, auth, "bob")
	bad := ann.Access[:len(ann.Access)-8] + "AAAAAAAA"

	tests := map[string]struct {
		method        string
		authorization []string
		status        codes.Code
		want          string // who was seen, or the status message
	}{
		"no token":                 {"Posts", nil, codes.Unauthenticated, "unauthenticated"},
		"an empty one":             {"Posts", []string{""}, codes.Unauthenticated, "unauthenticated"},
		"another scheme":           {"Posts", []string{"Basic eDp5"}, codes.Unauthenticated, "unauthenticated"},
		"a scheme alone":           {"Posts", []string{"Bearer"}, codes.Unauthenticated, "token_malformed"},
		"two words":                {"Posts", []string{"Bearer a b"}, codes.Unauthenticated, "token_malformed"},
		"rubbish":                  {"Posts", []string{"Bearer x"}, codes.Unauthenticated, "token_malformed"},
		"longer than any token":    {"Posts", []string{"Bearer " + strings.Repeat("a", 20_000)}, codes.Unauthenticated, "token_malformed"},
		"a bad signature":          {"Posts", []string{"Bearer " + bad}, codes.Unauthenticated, "bad_signature"},
		"expired":                  {"Posts", []string{"Bearer " + expired.Access}, codes.Unauthenticated, "token_expired"},
		"signed out":               {"Posts", []string{"Bearer " + ended.Access}, codes.Unauthenticated, "session_ended"},
		"a refresh token":          {"Posts", []string{"Bearer " + ann.Refresh}, codes.Unauthenticated, "bad_signature"},
		"the same token twice":     {"Posts", []string{"Bearer " + ann.Access, "Bearer " + ann.Access}, codes.Unauthenticated, "token_malformed"},
		"a token and a Basic":      {"Posts", []string{"Bearer " + ann.Access, "Basic eDp5"}, codes.Unauthenticated, "token_malformed"},
		"a lacking scope":          {"Posts", []string{"Bearer " + bob.Access}, codes.PermissionDenied, "insufficient_scope"},
		"good":                     {"Posts", []string{"Bearer " + ann.Access}, codes.OK, ann.Claims.Subject},
		"good, in lower case":      {"Posts", []string{"bearer " + ann.Access}, codes.OK, ann.Claims.Subject},
		"optional, none":           {"Optional", nil, codes.OK, "nobody"},
		"optional, another scheme": {"Optional", []string{"Basic eDp5"}, codes.OK, "nobody"},
		"optional, bad":            {"Optional", []string{"Bearer " + bad}, codes.Unauthenticated, "bad_signature"},
		"optional, expired":        {"Optional", []string{"Bearer " + expired.Access}, codes.Unauthenticated, "token_expired"},
		"optional, twice":          {"Optional", []string{"Bearer " + ann.Access, "Bearer " + ann.Access}, codes.Unauthenticated, "token_malformed"},
		"optional, good":           {"Optional", []string{"Bearer " + bob.Access}, codes.OK, bob.Claims.Subject},
		"open":                     {"Open", nil, codes.OK, "nobody"},
		"open, with a token":       {"Open", []string{"Bearer " + ann.Access}, codes.OK, "nobody"},
		"no rule, no token":        {"Unnamed", nil, codes.PermissionDenied, "permission_denied"},
		"no rule, a good token":    {"Unnamed", []string{"Bearer " + ann.Access}, codes.PermissionDenied, "permission_denied"},
		"the zero rule, none":      {"Zero", nil, codes.Unauthenticated, "unauthenticated"},
		"the zero rule, good":      {"Zero", []string{"Bearer " + bob.Access}, codes.OK, bob.Claims.Subject},
		"a policy that cannot say": {"Down", []string{"Bearer " + ann.Access}, codes.Unavailable, "unavailable"},
		"a policy's own error":     {"Own", []string{"Bearer " + ann.Access}, codes.PermissionDenied, "permission_denied"},
	}
	e, conn := serve(t, &grpcauth.Guard{Verify: auth.Verify, Rules: rules()})
	for name, tt := range tests {
		for kind, streaming := range map[string]bool{"unary": false, "stream": true} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				before := e.calls.Load()
				got, err := call(t, conn, tt.method, streaming, tt.authorization...)
				if err != nil {
					got = status.Convert(err).Message()
				}
				if status.Code(err) != tt.status || got != tt.want {
					t.Errorf("%s = %v %q, want %v %q", tt.method, status.Code(err), got, tt.status, tt.want)
				}
				if ran := e.calls.Load() > before; ran != (tt.status == codes.OK) {
					t.Errorf("%s: the handler ran: %t", tt.method, ran)
				}
			})
		}
	}
}

// What is behind a refusal goes to Report, and to nobody else.
func TestFaultsOfTheGuard(t *testing.T) {
	secret := errors.New("dial tcp db7.internal: refused")
	verify := func(c *watchword.Claims, err error) func(context.Context, string, ...watchword.Kind) (*watchword.Claims, error) {
		return func(context.Context, string, ...watchword.Kind) (*watchword.Claims, error) { return c, err }
	}
	tests := map[string]struct {
		guard  grpcauth.Guard
		status codes.Code
		want   string
	}{
		"the zero guard":   {grpcauth.Guard{}, codes.PermissionDenied, "permission_denied"},
		"no Verify":        {grpcauth.Guard{Rules: rules()}, codes.Unauthenticated, "bad_signature"},
		"no claims":        {grpcauth.Guard{Rules: rules(), Verify: verify(nil, nil)}, codes.Unauthenticated, "token_malformed"},
		"a fault":          {grpcauth.Guard{Rules: rules(), Verify: verify(nil, secret)}, codes.Internal, "internal"},
		"unavailable":      {grpcauth.Guard{Rules: rules(), Verify: verify(nil, fmt.Errorf("%w: %w", watchword.Unavailable, secret))}, codes.Unavailable, "unavailable"},
		"a deadline":       {grpcauth.Guard{Rules: rules(), Verify: verify(nil, context.DeadlineExceeded)}, codes.Unavailable, "unavailable"},
		"a stale sign-in":  {grpcauth.Guard{Rules: rules(), Verify: verify(nil, watchword.AuthenticationStale)}, codes.Unauthenticated, "authentication_stale"},
		"a user locked up": {grpcauth.Guard{Rules: rules(), Verify: verify(nil, watchword.UserDisabled)}, codes.Unauthenticated, "user_disabled"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var heard []string
			tt.guard.Report = func(_ context.Context, method string, err error) {
				mu.Lock()
				defer mu.Unlock()
				heard = append(heard, method+": "+err.Error())
			}
			_, conn := serve(t, &tt.guard)
			_, err := call(t, conn, "Zero", false, "Bearer x")
			if status.Code(err) != tt.status || status.Convert(err).Message() != tt.want {
				t.Errorf("call = %v, want %v %q", err, tt.status, tt.want)
			}
			if len(status.Convert(err).Details()) > 0 {
				t.Errorf("the status has details: %v", status.Convert(err).Details())
			}
			mu.Lock()
			defer mu.Unlock()
			if len(heard) != 1 || !strings.HasPrefix(heard[0], "/test.Echo/Zero: ") {
				t.Errorf("Report heard %q, want one refusal of /test.Echo/Zero", heard)
			}
		})
	}
}
