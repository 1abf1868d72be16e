package watchword_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/store"
)

// exampleAuthority is what the examples below work with: a store in memory,
// one user, and a clock that stands still unless it is moved.
func exampleAuthority(now *time.Time, change func(*watchword.Config)) (*watchword.Authority, *store.Memory) {
	hasher, err := password.New(password.Config{Preferred: password.Params{Scheme: "argon2id", Memory: 64, Time: 1}}) // cheap, for an example
	if err != nil {
		panic(err)
	}
	hash, err := hasher.Hash(context.Background(), "a good password")
	if err != nil {
		panic(err)
	}
	db := store.NewMemory()
	_, err = db.CreateUser(context.Background(), watchword.NewUser{
		User:         watchword.User{Login: "ann", Email: "ann@example.com", Active: true, Scopes: []string{"posts:read", "posts:write"}},
		PasswordHash: hash,
	})
	if err != nil {
		panic(err)
	}
	c := watchword.Config{
		Issuer: "https://auth.example.com", Audience: "shop", Store: db, SealKey: make([]byte, 32),
		Hasher: hasher, Now: func() time.Time { return *now },
	}
	if change != nil {
		change(&c)
	}
	auth, err := watchword.New(c)
	if err != nil {
		panic(err)
	}
	return auth, db
}

var exampleCredentials = watchword.Credentials{Login: "ann", Password: "a good password"}

func ExampleAuthority_SignIn() {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	auth, _ := exampleAuthority(&now, nil)

	tokens, err := auth.SignIn(context.Background(), watchword.SignInRequest{
		Credentials: exampleCredentials,
		Scopes:      []string{"posts:read"},
	})
	fmt.Println(tokens.User.ID, tokens.ExpiresIn, slices.Collect(tokens.Claims.Scopes()), err)

	_, err = auth.SignIn(context.Background(), watchword.SignInRequest{
		Credentials: watchword.Credentials{Login: "ann", Password: "a wrong one"},
	})
	fmt.Println(errors.Is(err, watchword.InvalidCredentials))
	// Output:
	// 1 5m0s [posts:read] <nil>
	// true
}

func ExampleAuthority_Verify() {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	auth, _ := exampleAuthority(&now, nil)
	ctx := context.Background()
	tokens, err := auth.SignIn(ctx, watchword.SignInRequest{Credentials: exampleCredentials})
	if err != nil {
		fmt.Println(err)
		return
	}

	c, err := auth.Verify(ctx, tokens.Access)
	fmt.Println(c.Subject, c.HasScope("posts:write"), err)

	_, err = auth.Verify(ctx, tokens.Refresh) // no kind asked for means Access
	fmt.Println(watchword.CodeOf(err))

	now = now.Add(5 * time.Minute)
	_, err = auth.Verify(ctx, tokens.Access)
	fmt.Println(watchword.CodeOf(err))
	// Output:
	// 1 true <nil>
	// bad_signature
	// token_expired
}

// Whoever repeats a refresh within the grace window gets the same successor.
// Once that was used, the old token shows theft, and the session ends.
func ExampleAuthority_Refresh() {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	auth, _ := exampleAuthority(&now, nil)
	ctx := context.Background()
	first, err := auth.SignIn(ctx, watchword.SignInRequest{Credentials: exampleCredentials})
	if err != nil {
		fmt.Println(err)
		return
	}
	refresh := func(raw string) (watchword.Tokens, error) {
		return auth.Refresh(ctx, watchword.RefreshRequest{Raw: raw})
	}

	second, err := refresh(first.Refresh)
	fmt.Println(err)
	again, err := refresh(first.Refresh) // another tab, or an answer that was lost
	fmt.Println(again.Refresh == second.Refresh, err)

	_, err = refresh(second.Refresh)
	fmt.Println(err)
	_, err = refresh(first.Refresh)
	fmt.Println(watchword.CodeOf(err))
	_, err = auth.Verify(ctx, second.Access)
	fmt.Println(watchword.CodeOf(err))
	// Output:
	// <nil>
	// true <nil>
	// <nil>
	// token_reused
	// session_ended
}

func ExampleAuthority_SignOut() {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	auth, _ := exampleAuthority(&now, nil)
	ctx := context.Background()
	tokens, err := auth.SignIn(ctx, watchword.SignInRequest{Credentials: exampleCredentials})
	if err != nil {
		fmt.Println(err)
		return
	}

	fmt.Println(auth.SignOut(ctx, watchword.SignOutRequest{Raw: tokens.Access}))
	_, err = auth.Verify(ctx, tokens.Access)
	fmt.Println(watchword.CodeOf(err))
	_, err = auth.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh})
	fmt.Println(watchword.CodeOf(err))
	// Output:
	// <nil>
	// session_ended
	// session_ended
}

// Explain runs the checks of Verify and tells each of them.
func ExampleAuthority_Explain() {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	auth, _ := exampleAuthority(&now, nil)
	ctx := context.Background()
	tokens, err := auth.SignIn(ctx, watchword.SignInRequest{Credentials: exampleCredentials})
	if err != nil {
		fmt.Println(err)
		return
	}
	now = now.Add(time.Hour)

	checks, _ := auth.Explain(ctx, tokens.Access)
	last := checks[len(checks)-1]
	fmt.Printf("%s: %s, needs %s\n", last.Name, last.Code, last.Fix)
	// Output:
	// expiry: token_expired, needs exp after 2026-05-04T13:00:00Z
}

// A token for somebody or something that does not sign in. It is listed and
// ended like a session.
func ExampleAuthority_Issue() {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	auth, _ := exampleAuthority(&now, nil)
	ctx := context.Background()

	tokens, err := auth.Issue(ctx, watchword.IssueRequest{Subject: "car:42", Scopes: []string{"drive"}, Lifetime: time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := auth.Verify(ctx, tokens.Access)
	fmt.Println(c.Subject, c.HasScope("drive"), err)

	n, err := auth.End(ctx, watchword.Which{Number: tokens.Session.Number})
	fmt.Println(n, err)
	_, err = auth.Verify(ctx, tokens.Access)
	fmt.Println(watchword.CodeOf(err))
	// Output:
	// car:42 true <nil>
	// 1 <nil>
	// session_ended
}

// A hook adds claims, and Custom reads them into a type of one's own.
func ExampleCustom() {
	type shopClaims struct {
		Tenant int `json:"tenant"`
	}
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	auth, _ := exampleAuthority(&now, func(c *watchword.Config) {
		c.Claims = func(_ context.Context, _ watchword.User, set *watchword.ClaimSet) error {
			set.Custom = map[string]any{"tenant": 42}
			return nil
		}
	})
	tokens, err := auth.SignIn(context.Background(), watchword.SignInRequest{Credentials: exampleCredentials})
	if err != nil {
		fmt.Println(err)
		return
	}
	mine, err := watchword.Custom[shopClaims](tokens.Claims)
	fmt.Println(mine.Tenant, err)
	// Output: 42 <nil>
}

func ExampleBecause() {
	editors := watchword.Because("only editors may do this", watchword.Any(
		watchword.Scope("admin"),
		watchword.Permission("posts.edit"),
	))
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	auth, _ := exampleAuthority(&now, nil)
	tokens, err := auth.SignIn(context.Background(), watchword.SignInRequest{Credentials: exampleCredentials})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(editors(tokens.Claims))
	// Output: permission_denied: only editors may do this
}

// New reports every fault of the wiring at once.
func ExampleNew() {
	_, err := watchword.New(watchword.Config{Issuer: "auth.example.com", SealKey: []byte("short")})
	fmt.Println(err)
	// Output:
	// watchword: Issuer "auth.example.com" is no http or https URL without query and fragment
	// Audience is missing: name the API that the tokens are for, such as its URL
	// Store is missing: store.NewMemory() or store.Open
	// SealKey has 5 bytes, want 32 random ones
}
