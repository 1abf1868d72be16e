package watchword_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/password"
	"github.com/watchword-auth/watchword/store"
)

// A bench is an authority over a memory store with a clock of its own.
type bench struct {
	*watchword.Authority
	store  *store.Memory
	ann    watchword.User
	mu     sync.Mutex
	now    time.Time
	events []watchword.Event
}

const annPassword = "correct horse 77"

var (
	noon    = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	sealKey = bytes.Repeat([]byte{7}, 32)
	ctx     = context.Background()
)

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) kinds() []watchword.EventKind {
	b.mu.Lock()
	defer b.mu.Unlock()
	var kinds []watchword.EventKind
	for _, e := range b.events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// cheap keeps tests fast: one pass over 8 MiB.
func cheap(t testing.TB) *password.Hasher {
	t.Helper()
	h, err := password.New(password.Config{Preferred: password.Params{Memory: 8192, Time: 1}, Concurrent: 4, Wait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func newBench(t testing.TB, change func(*watchword.Config)) *bench {
	t.Helper()
	b := &bench{store: store.NewMemory(), now: noon}
	h := cheap(t)
	hash, err := h.Hash(ctx, annPassword)
	if err != nil {
		t.Fatal(err)
	}
	b.ann, err = b.store.CreateUser(ctx, watchword.NewUser{PasswordHash: hash, User: watchword.User{
		Login: "ann", Email: "ann@example.com", Active: true, CreatedAt: noon,
		Scopes: []string{"posts:read", "posts:write"}, Permissions: []string{"shop.view"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := watchword.Config{
		Issuer: "https://issuer.example", Audience: "shop", Store: b.store, SealKey: sealKey, Hasher: h, Now: b.clock,
		Observers: []func(context.Context, watchword.Event){func(_ context.Context, e watchword.Event) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.events = append(b.events, e)
		}},
	}
	if change != nil {
		change(&c)
	}
	if b.Authority, err = watchword.New(c); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) signIn(t testing.TB) watchword.Tokens {
	t.Helper()
	tokens, err := b.SignIn(ctx, watchword.SignInRequest{
		Credentials: watchword.Credentials{Login: "ann", Password: annPassword},
		Client:      watchword.Client{Address: netip.MustParseAddr("192.0.2.1"), Device: "test"},
	})
	if err != nil {
		t.Fatalf("SignIn: %v", err)
	}
	return tokens
}

// want fails unless err carries the code; Internal stands for no error.
func want(t *testing.T, what string, err error, code watchword.Code) {
	t.Helper()
	if code == watchword.Internal && err != nil || code != watchword.Internal && watchword.CodeOf(err) != code {
		t.Errorf("%s: %v, want %v", what, err, code)
	}
}

const fine = watchword.Internal

func decode(t *testing.T, raw string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(raw, ".")
	for i, to := range []*map[string]any{&header, &claims} {
		if err := json.Unmarshal(unbase64(t, parts[i]), to); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

func TestAccessTokenIsAsTheContractSays(t *testing.T) {
	b := newBench(t, nil)
	tokens := b.signIn(t)
	header, claims := decode(t, tokens.Access)
	if header["alg"] != "ES256" || header["typ"] != "at+jwt" || header["kid"] == "" || len(header) != 3 {
		t.Errorf("header %v", header)
	}
	for name, want := range map[string]any{
		"iss": "https://issuer.example", "sub": "1", "aud": "shop", "client_id": "watchword",
		"scope": "posts:read posts:write", "iat": float64(noon.Unix()), "exp": float64(noon.Unix() + 300),
	} {
		if claims[name] != want {
			t.Errorf("%s = %v, want %v", name, claims[name], want)
		}
	}
	status := claims["status"].(map[string]any)["status_list"].(map[string]any)
	if status["uri"] != "https://issuer.example/auth/v1/status/0" {
		t.Errorf("status %v", status)
	}
	if claims["sid"] != b.SessionID(1) || claims["jti"] == "" {
		t.Errorf("sid %v, jti %v", claims["sid"], claims["jti"])
	}
	if tokens.ExpiresIn != 5*time.Minute {
		t.Errorf("ExpiresIn %v", tokens.ExpiresIn)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", tokens, tokens, tokens), tokens.Access) {
		t.Error("printing Tokens shows one")
	}
}

func TestLifeOfASession(t *testing.T) {
	b := newBench(t, nil)
	first := b.signIn(t)
	if _, err := b.Verify(ctx, first.Access); err != nil {
		t.Fatalf("Verify: %v", err)
	}
	second, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: first.Refresh})
	if err != nil {
		t.Fatalf("Refresh: %v", err)
	}
	b.pass(9 * time.Second)
	again, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: first.Refresh})
	if err != nil || again.Refresh != second.Refresh {
		t.Errorf("a repeat inside the window got %v and another token than before", err)
	}
	want(t, "SignOut", b.SignOut(ctx, watchword.SignOutRequest{Raw: second.Refresh}), fine)
	want(t, "SignOut again", b.SignOut(ctx, watchword.SignOutRequest{Raw: second.Refresh}), fine)
	for _, tokens := range []watchword.Tokens{first, second, again} {
		_, err := b.Verify(ctx, tokens.Access)
		want(t, "Verify after sign-out", err, watchword.SessionEnded)
		_, err = b.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh})
		want(t, "Refresh after sign-out", err, watchword.SessionEnded)
	}
	got := fmt.Sprint(b.kinds())
	if want := "[signed_in refreshed refresh_repeated signed_out]"; got != want {
		t.Errorf("events %s, want %s", got, want)
	}
}

func TestReuseEndsTheSession(t *testing.T) {
	b := newBench(t, nil)
	first := b.signIn(t)
	second, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: first.Refresh})
	want(t, "Refresh", err, fine)
	b.pass(11 * time.Second)
	_, err = b.Refresh(ctx, watchword.RefreshRequest{Raw: first.Refresh})
	want(t, "the thief", err, watchword.TokenReused)
	_, err = b.Verify(ctx, second.Access)
	want(t, "Verify after reuse", err, watchword.SessionEnded)
	_, err = b.Refresh(ctx, watchword.RefreshRequest{Raw: second.Refresh})
	want(t, "the victim", err, watchword.SessionEnded)
	if got := fmt.Sprint(b.kinds()); got != "[signed_in refreshed reused]" {
		t.Errorf("events %s", got)
	}
}

func TestIdleAndAbsoluteLimits(t *testing.T) {
	limits := func(c *watchword.Config) { c.RefreshLifetime, c.SessionLifetime = time.Hour, 150*time.Minute }
	t.Run("idle", func(t *testing.T) {
		b := newBench(t, limits)
		first := b.signIn(t)
		b.pass(time.Hour)
		_, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: first.Refresh})
		want(t, "Refresh", err, watchword.SessionExpired)
	})
	t.Run("absolute", func(t *testing.T) {
		b := newBench(t, limits)
		tokens := b.signIn(t)
		var err error
		for range 2 {
			b.pass(59 * time.Minute)
			tokens, err = b.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh})
			want(t, "Refresh", err, fine)
		}
		b.pass(30 * time.Minute)
		tokens, err = b.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh})
		want(t, "Refresh near the end", err, fine)
		if tokens.ExpiresIn != 2*time.Minute {
			t.Errorf("the last access token lives %v, past the session's limit", tokens.ExpiresIn)
		}
		b.pass(2 * time.Minute)
		_, err = b.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh})
		want(t, "Refresh at the end", err, watchword.SessionExpired)
	})
}

func TestSignInRefusals(t *testing.T) {
	b := newBench(t, nil)
	off, err := b.store.CreateUser(ctx, watchword.NewUser{PasswordHash: mustHash(t, "another 77 pass"), User: watchword.User{Login: "off"}})
	if err != nil || off.Active {
		t.Fatalf("CreateUser: %v, active %v", err, off.Active)
	}
	tests := []struct {
		name, login, password string
		code                  watchword.Code
	}{
		{"right", "ann", annPassword, fine},
		{"by e-mail", "Ann@Example.COM", annPassword, fine},
		{"wrong password", "ann", annPassword + "x", watchword.InvalidCredentials},
		{"unknown", "ghost", annPassword, watchword.InvalidCredentials},
		{"disabled", "off", "another 77 pass", watchword.InvalidCredentials},
		{"no login", "", annPassword, watchword.InvalidRequest},
		{"long login", strings.Repeat("a", 257), annPassword, watchword.InvalidRequest},
		{"long password", "ann", strings.Repeat("a", 5000), watchword.InvalidCredentials},
	}
	for _, tt := range tests {
		_, err := b.SignIn(ctx, watchword.SignInRequest{Credentials: watchword.Credentials{Login: tt.login, Password: tt.password}})
		want(t, tt.name, err, tt.code)
	}
}

func mustHash(t testing.TB, pass string) string {
	t.Helper()
	hash, err := cheap(t).Hash(ctx, pass)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func TestScopesAreThoseThatTheUserMayHave(t *testing.T) {
	b := newBench(t, nil)
	ask := func(scopes ...string) watchword.Tokens {
		tokens, err := b.SignIn(ctx, watchword.SignInRequest{
			Credentials: watchword.Credentials{Login: "ann", Password: annPassword}, Scopes: scopes,
		})
		want(t, "SignIn", err, fine)
		return tokens
	}
	tokens := ask("posts:read", "admin")
	if !tokens.Claims.HasScope("posts:read") || tokens.Claims.HasScope("admin") || tokens.Claims.HasScope("posts:write") {
		t.Errorf("granted %v", tokens.Claims)
	}
	_, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh, Scopes: []string{"posts:write"}})
	want(t, "widen at refresh", err, watchword.InvalidScope)
	all := ask()
	narrow, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: all.Refresh, Scopes: []string{"posts:read"}})
	want(t, "narrow at refresh", err, fine)
	if narrow.Claims.HasScope("posts:write") {
		t.Error("narrowing had no effect")
	}
	wide, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: narrow.Refresh})
	want(t, "refresh after narrowing", err, fine)
	if !wide.Claims.HasScope("posts:write") {
		t.Error("narrowing one access token narrowed the session")
	}
}

func TestUserChangesReachTokensAtOnce(t *testing.T) {
	no, hash := false, mustHash(t, "a new password")
	scopes := []string{"posts:read"}
	tests := []struct {
		name            string
		change          func(b *bench) error
		verify, refresh watchword.Code
	}{
		{"disabled", func(b *bench) error {
			_, err := b.store.UpdateUser(ctx, "1", watchword.UserChange{Active: &no}, 0, noon.Add(time.Hour), b.clock())
			return err
		}, watchword.SessionEnded, watchword.SessionEnded},
		{"deleted", func(b *bench) error { return b.store.DeleteUser(ctx, "1", noon.Add(time.Hour), b.clock()) }, watchword.SessionEnded, watchword.SessionEnded},
		{"password set", func(b *bench) error {
			_, err := b.store.UpdateUser(ctx, "1", watchword.UserChange{PasswordHash: &hash}, 0, noon.Add(time.Hour), b.clock())
			return err
		}, watchword.SessionEnded, watchword.SessionEnded},
		{"rights changed", func(b *bench) error {
			_, err := b.store.UpdateUser(ctx, "1", watchword.UserChange{Scopes: &scopes}, 0, noon.Add(time.Hour), b.clock())
			return err
		}, watchword.ClaimsStale, fine},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			tokens := b.signIn(t)
			b.pass(3 * time.Second)
			want(t, "change", tt.change(b), fine)
			want(t, "Follow", b.Follow(ctx), fine)
			_, err := b.Verify(ctx, tokens.Access)
			want(t, "Verify", err, tt.verify)
			b.pass(time.Second)
			next, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh})
			want(t, "Refresh", err, tt.refresh)
			if err == nil {
				_, err = b.Verify(ctx, next.Access)
				want(t, "Verify of the new token", err, fine)
				if next.Claims.HasScope("posts:write") {
					t.Error("the new token has the old scopes")
				}
			}
		})
	}
}

func TestChangePassword(t *testing.T) {
	b := newBench(t, nil)
	mine, other := b.signIn(t), b.signIn(t)
	change := func(current, next string) error {
		return b.ChangePassword(ctx, watchword.PasswordChange{Claims: mine.Claims, Current: current, New: next})
	}
	want(t, "wrong current", change("nope", "a fine new one"), watchword.InvalidCredentials)
	want(t, "short", change(annPassword, "short"), watchword.PasswordWeak)
	want(t, "common", change(annPassword, "password1"), watchword.PasswordWeak)
	want(t, "change", change(annPassword, "a fine new one"), fine)
	_, err := b.Verify(ctx, other.Access)
	want(t, "the other session", err, watchword.SessionEnded)
	_, err = b.Refresh(ctx, watchword.RefreshRequest{Raw: other.Refresh})
	want(t, "the other session's refresh", err, watchword.SessionEnded)
	_, err = b.Verify(ctx, mine.Access)
	want(t, "this session", err, fine)
	_, err = b.Refresh(ctx, watchword.RefreshRequest{Raw: mine.Refresh})
	want(t, "this session's refresh", err, fine)
	_, err = b.SignIn(ctx, watchword.SignInRequest{Credentials: watchword.Credentials{Login: "ann", Password: annPassword}})
	want(t, "the old password", err, watchword.InvalidCredentials)
}

// TestPasswordChangeAgainstSignInsInFlight: a sign-in that read the old hash
// must not survive the change, whatever the interleaving.
func TestPasswordChangeAgainstSignInsInFlight(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) { c.InsecureUnlimited = true })
	next := mustHash(t, "another one 99")
	for range 10 {
		var wg sync.WaitGroup
		tokens := make([]watchword.Tokens, 8)
		for i := range tokens {
			wg.Go(func() {
				tokens[i], _ = b.SignIn(ctx, watchword.SignInRequest{Credentials: watchword.Credentials{Login: "ann", Password: annPassword}})
			})
		}
		_, err := b.store.UpdateUser(ctx, "1", watchword.UserChange{PasswordHash: &next}, 0, noon.Add(time.Hour), b.clock())
		want(t, "change", err, fine)
		wg.Wait()
		want(t, "Follow", b.Follow(ctx), fine)
		for _, tok := range tokens {
			if tok.Access == "" {
				continue
			}
			_, err := b.Verify(ctx, tok.Access)
			want(t, "access token from before", err, watchword.SessionEnded)
			_, err = b.Refresh(ctx, watchword.RefreshRequest{Raw: tok.Refresh})
			want(t, "refresh token from before", err, watchword.SessionEnded)
		}
		old := mustHash(t, annPassword)
		_, err = b.store.UpdateUser(ctx, "1", watchword.UserChange{PasswordHash: &old}, 0, noon.Add(time.Hour), b.clock())
		want(t, "change back", err, fine)
	}
}

func TestSignOutEverywhere(t *testing.T) {
	b := newBench(t, nil)
	a, c := b.signIn(t), b.signIn(t)
	want(t, "SignOut", b.SignOut(ctx, watchword.SignOutRequest{Raw: a.Access, Everywhere: true}), fine)
	for _, tokens := range []watchword.Tokens{a, c} {
		_, err := b.Verify(ctx, tokens.Access)
		want(t, "Verify", err, watchword.SessionEnded)
	}
	d := b.signIn(t)
	_, err := b.Verify(ctx, d.Access)
	want(t, "a new session", err, fine)
	want(t, "everywhere with a dead token", b.SignOut(ctx, watchword.SignOutRequest{Raw: a.Access, Everywhere: true}), watchword.SessionEnded)
	_, err = b.Verify(ctx, d.Access)
	want(t, "the new session still", err, fine)
}

func TestSignOutOthers(t *testing.T) {
	for _, tt := range []struct {
		name  string
		shown func(watchword.Tokens) string
	}{
		{"access token", func(t watchword.Tokens) string { return t.Access }},
		{"refresh token", func(t watchword.Tokens) string { return t.Refresh }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			own, other, third := b.signIn(t), b.signIn(t), b.signIn(t)
			want(t, "SignOut", b.SignOut(ctx, watchword.SignOutRequest{Raw: tt.shown(own), Others: true}), fine)
			for _, tokens := range []watchword.Tokens{other, third} {
				_, err := b.Verify(ctx, tokens.Access)
				want(t, "Verify of another", err, watchword.SessionEnded)
				_, err = b.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh})
				want(t, "Refresh of another", err, watchword.SessionEnded)
			}
			_, err := b.Verify(ctx, own.Access)
			want(t, "Verify of one's own", err, fine)
			_, err = b.Refresh(ctx, watchword.RefreshRequest{Raw: own.Refresh})
			want(t, "Refresh of one's own", err, fine)
			later := b.signIn(t)
			want(t, "by a dead token", b.SignOut(ctx, watchword.SignOutRequest{Raw: other.Access, Others: true}), watchword.SessionEnded)
			_, err = b.Verify(ctx, later.Access)
			want(t, "Verify of a later one", err, fine)
		})
	}
}

func TestSignOutOthersNeedsASession(t *testing.T) {
	b := newBench(t, nil)
	machine, err := b.ClientToken(ctx, watchword.ClientRecord{ID: "client_1"}, nil)
	want(t, "ClientToken", err, fine)
	want(t, "SignOut", b.SignOut(ctx, watchword.SignOutRequest{Raw: machine.Access, Others: true}), watchword.InvalidRequest)
	_, err = b.Verify(ctx, machine.Access)
	want(t, "the token still", err, fine)
}

func TestSignOutWithAnExpiredAccessToken(t *testing.T) {
	b := newBench(t, nil)
	tokens := b.signIn(t)
	b.pass(time.Hour)
	want(t, "SignOut", b.SignOut(ctx, watchword.SignOutRequest{Raw: tokens.Access}), fine)
	_, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh})
	want(t, "Refresh", err, watchword.SessionEnded)
}

func TestTheLimiterCountsFailuresOnly(t *testing.T) {
	b := newBench(t, nil)
	from := watchword.Client{Address: netip.MustParseAddr("192.0.2.9")}
	try := func(login, pass string) error {
		_, err := b.SignIn(ctx, watchword.SignInRequest{Credentials: watchword.Credentials{Login: login, Password: pass}, Client: from})
		return err
	}
	for range 30 {
		want(t, "right", try("ann", annPassword), fine)
	}
	for i := range 10 {
		// Every spelling of the login has the same bucket.
		want(t, "wrong", try([]string{"ann", "ANN", "Ann"}[i%3], "x"), watchword.InvalidCredentials)
	}
	err := try("ann", annPassword)
	want(t, "the eleventh", err, watchword.RateLimited)
	var retry *watchword.RetryError
	if !errors.As(err, &retry) || retry.After <= 0 || retry.After > 30*time.Second {
		t.Fatalf("retry %v", err)
	}
	b.pass(retry.After)
	want(t, "right after the wait", try("ann", annPassword), fine)
	for range 9 {
		want(t, "wrong", try("ann", "x"), watchword.InvalidCredentials)
	}
	want(t, "a success resets the login's", try("ann", annPassword), fine)
}

func TestAllowAndClaimsHooks(t *testing.T) {
	veto := errors.New("not on Sundays")
	var sunday bool
	b := newBench(t, func(c *watchword.Config) {
		c.Allow = func(context.Context, watchword.User) error {
			if sunday {
				return veto
			}
			return nil
		}
		c.Claims = func(_ context.Context, u watchword.User, s *watchword.ClaimSet) error {
			s.Custom = map[string]any{"tenant": map[string]any{"id": 7}, "mail": u.Email}
			return nil
		}
	})
	tokens := b.signIn(t)
	type custom struct {
		Tenant struct{ ID int }
		Mail   string
	}
	c, err := b.Verify(ctx, tokens.Access)
	want(t, "Verify", err, fine)
	got, err := watchword.Custom[custom](c)
	if err != nil || got.Tenant.ID != 7 || got.Mail != "ann@example.com" {
		t.Errorf("custom claims %+v, %v", got, err)
	}
	sunday = true
	_, err = b.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh})
	want(t, "Refresh", err, watchword.PermissionDenied)
	if !errors.Is(err, veto) {
		t.Errorf("%v does not wrap the hook's error", err)
	}
	sunday = false
	_, err = b.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh})
	want(t, "a veto ends nothing", err, fine)
}

func TestAHookCannotOverrideRegisteredClaims(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) {
		c.Claims = func(_ context.Context, _ watchword.User, s *watchword.ClaimSet) error {
			s.Custom = map[string]any{"exp": 1}
			return nil
		}
	})
	_, err := b.SignIn(ctx, watchword.SignInRequest{Credentials: watchword.Credentials{Login: "ann", Password: annPassword}})
	if err == nil || !strings.Contains(err.Error(), `"exp"`) {
		t.Errorf("SignIn = %v, want an error that names the claim", err)
	}
}

func TestAPanickingObserverIsNotFelt(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) {
		c.Observers = append([]func(context.Context, watchword.Event){func(context.Context, watchword.Event) { panic("boom") }}, c.Observers...)
	})
	b.signIn(t)
	if b.ObserverPanics() != 1 || len(b.kinds()) != 1 {
		t.Errorf("%d panics counted, %d events reached the next observer", b.ObserverPanics(), len(b.kinds()))
	}
}

func TestNewReportsEveryFaultAtOnce(t *testing.T) {
	_, err := watchword.New(watchword.Config{Issuer: "nonsense", Leeway: time.Hour, SealKey: []byte("short")})
	for _, word := range []string{"Issuer", "Audience", "Store", "SealKey", "Leeway"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("New = %v, want it to name %s", err, word)
		}
	}
}

func TestProfilesDoNotOpenEachOthersSessions(t *testing.T) {
	secret := bytes.Repeat([]byte("k"), 32)
	key, err := jwt.NewSecret("shared", jwt.HS256, secret)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := jwt.NewKeyring(jwt.RingKey{Key: key, State: jwt.Active})
	if err != nil {
		t.Fatal(err)
	}
	a := newBench(t, func(c *watchword.Config) { c.Keys = ring })
	other, err := watchword.New(watchword.Config{
		Issuer: "https://issuer.example", Audience: "shop", Store: a.store, SealKey: sealKey, Keys: ring, Profile: "other", Now: a.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	tokens := a.signIn(t)
	_, err = other.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh})
	want(t, "Refresh by another profile", err, watchword.BadSignature)
	want(t, "SignOut by another profile", other.SignOut(ctx, watchword.SignOutRequest{Raw: tokens.Access}), watchword.WrongKind)
}

// TestRightsThatChangeWhileATokenIsMade: between reading the user and signing
// the token the rights change and the second turns. The token must not be
// fresh with the old rights.
func TestRightsThatChangeWhileATokenIsMade(t *testing.T) {
	for _, known := range []bool{true, false} { // whether this process has heard of it
		t.Run(fmt.Sprintf("known %v", known), func(t *testing.T) {
			var b *bench
			change := func() {}
			b = newBench(t, func(c *watchword.Config) {
				c.Allow = func(context.Context, watchword.User) error { change(); return nil }
			})
			first := b.signIn(t)
			b.pass(3 * time.Second)
			change = func() {
				change = func() {}
				none := []string{}
				_, err := b.store.UpdateUser(ctx, "1", watchword.UserChange{Scopes: &none}, 0, noon.Add(time.Hour), b.clock())
				want(t, "UpdateUser", err, fine)
				if known {
					want(t, "Follow", b.Follow(ctx), fine)
				}
				b.pass(1100 * time.Millisecond)
			}
			tokens, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: first.Refresh})
			want(t, "Refresh", err, fine)
			want(t, "Follow", b.Follow(ctx), fine)
			c, err := b.Verify(ctx, tokens.Access)
			if err == nil && c.HasScope("posts:write") {
				t.Error("a token with the old rights is fresh")
			}
		})
	}
}

// forgetful is a store whose sessions are gone, as after a restore.
type forgetful struct{ *store.Memory }

func (forgetful) Session(context.Context, int64) (watchword.Session, error) {
	return watchword.Session{}, watchword.NotFound
}

// A token whose session the store has lost is signed out all the same: it may
// have minutes to live.
func TestSignOutOfASessionThatTheStoreHasLost(t *testing.T) {
	b := newBench(t, nil)
	tokens := b.signIn(t)
	lost, err := watchword.New(watchword.Config{
		Issuer: "https://issuer.example", Audience: "shop", Store: forgetful{b.store}, SealKey: sealKey, Now: b.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = lost.Verify(ctx, tokens.Access)
	want(t, "Verify", err, fine)
	want(t, "SignOut", lost.SignOut(ctx, watchword.SignOutRequest{Raw: tokens.Access}), watchword.SessionEnded)
	_, err = lost.Verify(ctx, tokens.Access)
	want(t, "Verify after", err, watchword.SessionEnded)
}
