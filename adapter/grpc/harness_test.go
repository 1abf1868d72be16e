package grpcauth_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/watchword-auth/watchword"
	grpcauth "github.com/watchword-auth/watchword/adapter/grpc"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/store"
)

// newAuthority knows ann, who may read posts, and bob, who may not.
func newAuthority(t *testing.T) (auth *watchword.Authority, advance func(time.Duration)) {
	t.Helper()
	hasher, err := password.New(password.Config{Preferred: password.Params{Scheme: "argon2id", Memory: 64, Time: 1}})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hasher.Hash(t.Context(), "a good password")
	if err != nil {
		t.Fatal(err)
	}
	people := store.NewMemory()
	for login, scopes := range map[string][]string{"ann": {"posts:read"}, "bob": nil} {
		u := watchword.User{Login: login, Active: true, Scopes: scopes}
		if _, err := people.CreateUser(t.Context(), watchword.NewUser{User: u, PasswordHash: hash}); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	var passed atomic.Int64
	auth, err = watchword.New(watchword.Config{
		Issuer: "https://auth.example", Audience: "https://api.example", Store: people, SealKey: make([]byte, 32),
		Hasher: hasher, InsecureUnlimited: true,
		Now: func() time.Time { return start.Add(time.Duration(passed.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return auth, func(d time.Duration) { passed.Add(int64(d)) }
}

func signIn(t *testing.T, auth *watchword.Authority, login string) watchword.Tokens {
	t.Helper()
	tokens, err := auth.SignIn(t.Context(), watchword.SignInRequest{
		Credentials: watchword.Credentials{Login: login, Password: "a good password"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// echo is a service of one method of each kind; every answer is the caller's
// subject. Its service name is the test's, so that it needs no generated code.
type echo struct{ calls atomic.Int64 }

func (e *echo) caller(ctx context.Context) *wrapperspb.StringValue {
	e.calls.Add(1)
	if c, ok := grpcauth.ClaimsFrom(ctx); ok {
		return wrapperspb.String(c.Subject)
	}
	return wrapperspb.String("nobody")
}

func (e *echo) unary(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor, method string) (any, error) {
	in := new(wrapperspb.StringValue)
	if err := decode(in); err != nil {
		return nil, err
	}
	handler := func(ctx context.Context, _ any) (any, error) { return e.caller(ctx), nil }
	return interceptor(ctx, in, &grpc.UnaryServerInfo{FullMethod: "/test.Echo/" + method}, handler)
}

// stream answers every message until the client is done.
func (e *echo) stream(_ any, s grpc.ServerStream) error {
	for {
		err := s.RecvMsg(new(wrapperspb.StringValue))
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.SendMsg(e.caller(s.Context())); err != nil {
			return err
		}
	}
}

// The methods of the service, the same ones unary and streaming.
var methods = []string{"Posts", "Optional", "Open", "Unnamed", "Zero", "Down", "Own"}

// serve starts the service behind the guard's interceptors, in memory.
func serve(t *testing.T, guard *grpcauth.Guard) (*echo, *grpc.ClientConn) {
	t.Helper()
	e := new(echo)
	desc := &grpc.ServiceDesc{ServiceName: "test.Echo", HandlerType: (*any)(nil)}
	for _, m := range methods {
		desc.Methods = append(desc.Methods, grpc.MethodDesc{
			MethodName: m,
			Handler: func(srv any, ctx context.Context, decode func(any) error, i grpc.UnaryServerInterceptor) (any, error) {
				return e.unary(srv, ctx, decode, i, m)
			},
		})
		desc.Streams = append(desc.Streams, grpc.StreamDesc{
			StreamName: m + "Stream", Handler: e.stream, ServerStreams: true, ClientStreams: true,
		})
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(guard.Unary), grpc.StreamInterceptor(guard.Stream))
	server.RegisterService(desc, e)
	listener := bufconn.Listen(1 << 16)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///bufconn",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return e, conn
}

// call asks a method of either kind and returns who it took the caller for.
func call(t *testing.T, conn *grpc.ClientConn, method string, streaming bool, authorization ...string) (string, error) {
	t.Helper()
	ctx := t.Context()
	for _, a := range authorization {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", a)
	}
	in, out := wrapperspb.String("hello"), new(wrapperspb.StringValue)
	if !streaming {
		err := conn.Invoke(ctx, "/test.Echo/"+method, in, out)
		return out.GetValue(), err
	}
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.Echo/"+method+"Stream")
	if err != nil {
		return "", err
	}
	// What was refused at once shows in the answer, not here.
	if err := s.SendMsg(in); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if err := s.RecvMsg(out); err != nil {
		return "", err
	}
	if err := s.CloseSend(); err != nil {
		return "", err
	}
	if err := s.RecvMsg(new(wrapperspb.StringValue)); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v, want %v", err, io.EOF)
	}
	return out.GetValue(), nil
}
