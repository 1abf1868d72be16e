// Package grpcauth guards the methods of a gRPC server. It stands on the
// engine alone; nothing of HTTP is in it.
//
//	guard := &grpcauth.Guard{Verify: auth.Verify, Rules: map[string]grpcauth.Rule{
//		"/shop.Orders/List":            grpcauth.Require(watchword.Scope("orders:read")),
//		"/shop.Orders/Watch":           grpcauth.Require(watchword.Scope("orders:read")),
//		"/shop.Catalogue/Search":       grpcauth.Optional(),
//		"/grpc.health.v1.Health/Check": grpcauth.Open(),
//	}}
//	server := grpc.NewServer(grpc.UnaryInterceptor(guard.Unary), grpc.StreamInterceptor(guard.Stream))
//
// A method that no rule names is refused. Tokens travel in the metadata
// "authorization", as in HTTP; whoever sends them wants TLS.
package grpcauth

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/watchword-auth/watchword"
)

// Guard protects the methods of a server. The zero value refuses everything.
// Do not change its fields once it is in use; it is then safe for concurrent
// use.
type Guard struct {
	// Verify checks a token; an Authority's Verify, or a Verifier's. nil
	// refuses every token.
	Verify func(ctx context.Context, raw string, kinds ...watchword.Kind) (*watchword.Claims, error)
	// Rules say by full method, such as "/shop.Orders/List", what it demands.
	// A method without a rule is refused with PermissionDenied.
	Rules map[string]Rule
	// Report hears of every refusal with the error behind it, before it is
	// answered; nil means nobody does. It is for logs: the error may hold
	// detail that is not for the client.
	Report func(ctx context.Context, method string, err error)
}

// Rule is what a method demands. The zero value demands a good token.
type Rule struct {
	policies       []watchword.Policy
	optional, open bool
}

// Require demands a good token to which every policy says yes.
func Require(policies ...watchword.Policy) Rule { return Rule{policies: policies} }

// Optional lets calls without any token through as well, without claims. A
// token that is shown must pass all the same, so that a client whose session
// has ended finds out instead of being served as a stranger.
func Optional(policies ...watchword.Policy) Rule { return Rule{policies: policies, optional: true} }

// Open lets everybody in and looks at no token: for health checks.
func Open() Rule { return Rule{open: true} }

// claimsKey is where a context keeps claims.
type claimsKey struct{}

// ClaimsFrom returns the claims that a guard put into the context. ok is false
// where the method is Open, or where Optional saw no token.
func ClaimsFrom(ctx context.Context) (c *watchword.Claims, ok bool) {
	c, ok = ctx.Value(claimsKey{}).(*watchword.Claims)
	return c, ok
}

// Unary is a [grpc.UnaryServerInterceptor].
func (g *Guard) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	ctx, err := g.admit(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

// Stream is a [grpc.StreamServerInterceptor]. It judges a stream when it is
// opened, before any message is read, and not again: a handler whose streams
// outlive a token looks at Expiry of the claims, or asks Verify anew.
func (g *Guard) Stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, err := g.admit(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	return handler(srv, known{stream, ctx})
}

// known is a stream whose context has claims.
type known struct {
	grpc.ServerStream
	ctx context.Context
}

// Context returns the context with the claims.
func (s known) Context() context.Context { return s.ctx }

// admit returns the context that the handler gets, or a status.
func (g *Guard) admit(ctx context.Context, method string) (context.Context, error) {
	c, err := g.check(ctx, method)
	if err != nil {
		if g.Report != nil {
			g.Report(ctx, method, err)
		}
		return nil, refusal(err)
	}
	if c == nil {
		return ctx, nil
	}
	return context.WithValue(ctx, claimsKey{}, c), nil
}

// check returns the claims of a call, nil where its rule demands none.
func (g *Guard) check(ctx context.Context, method string) (*watchword.Claims, error) {
	rule, named := g.Rules[method]
	if !named {
		return nil, fmt.Errorf("%w: no rule names %s", watchword.PermissionDenied, method)
	}
	if rule.open {
		return nil, nil
	}
	raw, shown := token(ctx)
	switch {
	case !shown && rule.optional:
		return nil, nil
	case !shown:
		return nil, watchword.Unauthenticated
	case raw == "":
		return nil, fmt.Errorf("%w: not one token in the form of one", watchword.TokenMalformed)
	}
	if g.Verify == nil {
		return nil, fmt.Errorf("%w: the guard has no Verify", watchword.BadSignature)
	}
	c, err := g.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, fmt.Errorf("%w: no claims", watchword.TokenMalformed)
	}
	if err := watchword.All(rule.policies...)(c); err != nil {
		return nil, refused(err)
	}
	return c, nil
}

// token finds the token as httpauth.Bearer does: one value of another scheme is
// no token; two values, or what follows the scheme being empty or several
// words, are an unreadable one, which is "" and shown.
func token(ctx context.Context) (raw string, shown bool) {
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(values) == 0 {
		return "", false
	}
	if len(values) > 1 {
		return "", true
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	rest = strings.TrimLeft(rest, " ")
	if strings.Contains(rest, " ") {
		return "", true
	}
	return rest, true
}
