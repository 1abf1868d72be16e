package watchword_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

func states(t *testing.T, b *bench) string {
	t.Helper()
	keys, err := b.Keys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var s []string
	for _, k := range keys {
		s = append(s, k.State)
	}
	slices.Sort(s)
	return strings.Join(s, " ")
}

func TestTheLifeOfKeys(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) { c.RotateKeys = 24 * time.Hour })
	if got := states(t, b); got != "active next" {
		t.Fatalf("a new ring has %s", got)
	}
	first := b.signIn(t)
	want(t, "RotateKeys", b.RotateKeys(ctx), fine)
	if got := states(t, b); got != "active next retiring" {
		t.Errorf("after rotation %s", got)
	}
	second := b.signIn(t)
	for _, tokens := range []watchword.Tokens{first, second} {
		_, err := b.Verify(ctx, tokens.Access)
		want(t, "Verify", err, fine)
	}
	h1, _ := decode(t, first.Access)
	h2, _ := decode(t, second.Access)
	if h1["kid"] == h2["kid"] {
		t.Error("the rotation did not change the signing key")
	}
	jwks, err := b.JWKS()
	if err != nil || strings.Count(string(jwks), `"kid"`) != 3 || strings.Contains(string(jwks), `"d"`) {
		t.Errorf("JWKS %s, %v", jwks, err)
	}
	b.pass(10 * time.Minute)
	want(t, "Follow", b.Follow(ctx), fine)
	if got := states(t, b); got != "active gone next" {
		t.Errorf("after the last token has expired: %s", got)
	}
	b.pass(25 * time.Hour)
	b.signIn(t) // a program that does not call Run rotates as people come by
	if got := states(t, b); got != "active gone next retiring" {
		t.Errorf("after RotateKeys has passed: %s", got)
	}
}

func TestImportedKeys(t *testing.T) {
	b := newBench(t, func(c *watchword.Config) { c.RotateKeys = time.Hour })
	before := b.signIn(t)
	k, _ := fixedRing(t)
	want(t, "ImportKey", b.ImportKey(ctx, k), fine)
	want(t, "ImportKey again", b.ImportKey(ctx, k), watchword.Conflict)
	want(t, "ImportKey of a public key", b.ImportKey(ctx, k.Public()), watchword.InvalidRequest)
	raw := b.signIn(t).Access
	if header, _ := decode(t, raw); header["kid"] != k.ID() {
		t.Errorf("kid %v, want the imported key's %s", header["kid"], k.ID())
	}
	_, err := b.Verify(ctx, before.Access)
	want(t, "the former key's token", err, fine)
	b.pass(100 * time.Hour)
	want(t, "Follow", b.Follow(ctx), fine)
	if header, _ := decode(t, b.signIn(t).Access); header["kid"] != k.ID() {
		t.Error("an imported key was rotated by age")
	}
	want(t, "RetireKey", b.RetireKey(ctx, k.ID()), fine)
	if header, _ := decode(t, b.signIn(t).Access); header["kid"] == k.ID() {
		t.Error("a retired key signs")
	}
	want(t, "RetireKey of nobody's", b.RetireKey(ctx, "nobody"), watchword.NotFound)
}

func TestTwoProcessesShareOneRing(t *testing.T) {
	a := newBench(t, nil)
	other, err := watchword.New(watchword.Config{Issuer: "https://issuer.example", Audience: "shop", Store: a.store, SealKey: sealKey, Now: a.clock})
	if err != nil {
		t.Fatal(err)
	}
	raw := a.signIn(t).Access
	_, err = other.Verify(ctx, raw)
	want(t, "Verify by the other", err, fine)
	want(t, "RotateKeys", a.RotateKeys(ctx), fine)
	raw = a.signIn(t).Access
	want(t, "Follow", other.Follow(ctx), fine)
	_, err = other.Verify(ctx, raw)
	want(t, "Verify by the other after a rotation", err, fine)
	want(t, "SignOut", a.SignOut(ctx, watchword.SignOutRequest{Raw: raw}), fine)
	want(t, "Follow", other.Follow(ctx), fine)
	_, err = other.Verify(ctx, raw)
	want(t, "Verify by the other after a sign-out", err, watchword.SessionEnded)
}

func TestAnotherSealKeyOpensNothing(t *testing.T) {
	b := newBench(t, nil)
	wrong := slices.Clone(sealKey)
	wrong[0]++
	_, err := watchword.New(watchword.Config{Issuer: "https://issuer.example", Audience: "shop", Store: b.store, SealKey: wrong})
	if err == nil || !strings.Contains(err.Error(), "seal key") {
		t.Errorf("New = %v, want an error that names the seal key", err)
	}
}

func TestKeysInTheStoreAreSealed(t *testing.T) {
	b := newBench(t, nil)
	records, _, err := b.store.Keys(ctx, "native")
	if err != nil || len(records) != 2 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	for _, r := range records {
		if len(r.Sealed) == 0 || strings.Contains(string(r.Sealed), "crv") {
			t.Errorf("key %s lies open in the store", r.ID)
		}
	}
}

func TestMachineClients(t *testing.T) {
	b := newBench(t, nil)
	id, secret, record := watchword.NewClientSecret("billing", []string{"read", "write"}, noon)
	want(t, "CreateClient", b.store.CreateClient(ctx, record), fine)
	_, err := b.AuthenticateClient(ctx, id, secret+"x")
	want(t, "wrong secret", err, watchword.InvalidClient)
	_, err = b.AuthenticateClient(ctx, "nobody", secret)
	want(t, "unknown id", err, watchword.InvalidClient)
	client, err := b.AuthenticateClient(ctx, id, secret)
	want(t, "right", err, fine)
	_, err = b.ClientToken(ctx, client, []string{"admin"})
	want(t, "a scope of others", err, watchword.InvalidScope)
	tokens, err := b.ClientToken(ctx, client, []string{"read"})
	want(t, "ClientToken", err, fine)
	c, err := b.Verify(ctx, tokens.Access)
	want(t, "Verify", err, fine)
	if c.Subject != id || c.ClientID != id || !c.HasScope("read") || c.HasScope("write") || tokens.Refresh != "" {
		t.Errorf("claims %s", c.JSON())
	}
	want(t, "DeleteClient", b.DeleteClient(ctx, "billing"), fine)
	_, err = b.Verify(ctx, tokens.Access)
	want(t, "Verify after the client is gone", err, watchword.SessionEnded)
}

func TestRevokeAndIntrospect(t *testing.T) {
	b := newBench(t, nil)
	tokens := b.signIn(t)
	active := func(raw string) bool {
		i, err := b.Introspect(ctx, raw)
		want(t, "Introspect", err, fine)
		return i.Claims != nil
	}
	if !active(tokens.Access) || !active(tokens.Refresh) || active("garbage") {
		t.Error("introspection of good and bad tokens is wrong")
	}
	next, err := b.Refresh(ctx, watchword.RefreshRequest{Raw: tokens.Refresh})
	want(t, "Refresh", err, fine)
	if active(tokens.Refresh) || !active(next.Refresh) {
		t.Error("a used refresh token is active, or its successor is not")
	}
	want(t, "Revoke access", b.Revoke(ctx, tokens.Access, watchword.Client{}), fine)
	if active(tokens.Access) || !active(next.Access) || !active(next.Refresh) {
		t.Error("revoking one access token must end that one alone")
	}
	want(t, "Revoke garbage", b.Revoke(ctx, "garbage", watchword.Client{}), fine)
	want(t, "Revoke refresh", b.Revoke(ctx, next.Refresh, watchword.Client{}), fine)
	if active(next.Access) || active(next.Refresh) {
		t.Error("revoking the refresh token must end the session")
	}
	want(t, "Revoke again", b.Revoke(ctx, next.Refresh, watchword.Client{}), fine)
}

func TestIssuedTokens(t *testing.T) {
	b := newBench(t, nil)
	tokens, err := b.Issue(ctx, watchword.IssueRequest{Subject: "car:42", Scopes: []string{"drive"}, Lifetime: time.Hour})
	want(t, "Issue", err, fine)
	b.pass(59 * time.Minute)
	c, err := b.Verify(ctx, tokens.Access)
	want(t, "Verify", err, fine)
	if c.Subject != "car:42" || !c.HasScope("drive") {
		t.Errorf("claims %s", c.JSON())
	}
	n, err := b.End(ctx, watchword.Which{UserID: "car:42"})
	if err != nil || n != 1 {
		t.Errorf("End = %d, %v", n, err)
	}
	_, err = b.Verify(ctx, tokens.Access)
	want(t, "Verify after the end", err, watchword.SessionEnded)
	_, err = b.Issue(ctx, watchword.IssueRequest{Subject: ""})
	want(t, "Issue for nobody", err, watchword.InvalidRequest)
}
