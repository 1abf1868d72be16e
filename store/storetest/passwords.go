package storetest

import (
	"slices"
	"strconv"
	"testing"

	"github.com/watchword-auth/watchword"
)

func swapHash(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	ada := createUser(t, h, newUser("ada"))
	s := signIn(t, h, ada)
	if err := h.SwapPasswordHash(t.Context(), ada.ID, aHash, "upgraded"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "SwapPasswordHash from the old one", h.SwapPasswordHash(t.Context(), ada.ID, aHash, "late"), watchword.Conflict)
	wantCode(t, "SwapPasswordHash of nobody", h.SwapPasswordHash(t.Context(), "99", aHash, "late"), watchword.NotFound)
	u, hash, err := h.UserByLogin(t.Context(), "ada")
	if err != nil || hash != "upgraded" || u.Version != ada.Version {
		t.Errorf("hash %q, version %d, %v; want the first upgrade and version 1", hash, u.Version, err)
	}
	if _, err := h.AdvanceSession(t.Context(), s.Number, step(1), base); err != nil {
		t.Errorf("AdvanceSession after an upgrade: %v", err)
	}
}

func hashSamples(t *testing.T, in Instance) {
	h := need[house](t, in.Store)
	sampler := need[watchword.HashSampler](t, in.Store)
	sample := func() []string {
		t.Helper()
		got, err := sampler.HashSamples(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		return got
	}
	if got := sample(); len(got) != 0 {
		t.Errorf("samples of an empty table: %q", got)
	}
	const cheap = "pbkdf2_sha256$600000$c2FsdHNhbHQ$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="
	const dear = "pbkdf2_sha256$1200000$c2FsdHNhbHQ$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="
	want := []string{aHash, cheap, dear}
	classes := make(map[string]bool)
	for i, hash := range want {
		classes[watchword.HashClass(hash)] = true
		n := newUser("user" + strconv.Itoa(i))
		n.PasswordHash = hash
		createUser(t, h, n)
	}
	if len(classes) != 3 {
		t.Fatalf("the hashes are of %d classes, want 3", len(classes))
	}
	twin := newUser("twin")
	createUser(t, h, twin)
	none := newUser("none")
	none.PasswordHash = ""
	createUser(t, h, none)
	wantEqual(t, "samples", sample(), []string{aHash, dear, cheap}) // sorted as text
	if err := h.SwapPasswordHash(t.Context(), "3", dear, aHash); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "samples after an upgrade", sample(), []string{aHash, cheap})
	update(t, h, "2", watchword.UserChange{PasswordHash: ptr(dear)}, 0)
	wantEqual(t, "samples after a change", sample(), []string{aHash, dear})
}
