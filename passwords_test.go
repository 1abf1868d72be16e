package watchword_test

import (
	"context"
	"errors"
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/password"
)

// hashedUser is one user whose version follows his hash, as that of users in
// another system's table does.
type hashedUser struct {
	hash  string
	kept  bool // hashes are not to be written
	swaps int
	// raced is a hash that somebody else sets right after a swap, and beaten
	// one that he sets right before it.
	raced, beaten string
}

func (h *hashedUser) user() watchword.User {
	return watchword.User{ID: "1", Login: "ann", Active: true, Version: int64(len(h.hash))}
}

func (h *hashedUser) UserByID(context.Context, string) (watchword.User, error) { return h.user(), nil }

func (h *hashedUser) UserByLogin(context.Context, string) (watchword.User, string, error) {
	return h.user(), h.hash, nil
}

func (h *hashedUser) SwapPasswordHash(_ context.Context, _, old, better string) error {
	if h.swaps++; h.beaten != "" {
		h.hash = h.beaten
	}
	if old != h.hash {
		return watchword.Conflict
	}
	if h.hash = better; h.raced != "" {
		h.hash = h.raced
	}
	return nil
}

func (h *hashedUser) KeepsHashes() bool { return h.kept }

func TestAnUpgradeAndTheUsersVersion(t *testing.T) {
	const old = "sha1$WnBYCu9inBxlVJUYqeSLiw$683959e4381f818c92bde9b8e203e221e4ffa10a"
	hasher, err := password.New(password.Config{Preferred: password.Params{Scheme: "pbkdf2_sha256", Rounds: 1}})
	if err != nil {
		t.Fatal(err)
	}
	const pass = "correct horse battery staple"
	hash := func(password string) string {
		h, err := hasher.Hash(t.Context(), password)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	for _, tt := range []struct {
		name  string
		users *hashedUser
		swaps int
		// whether the user goes on as the upgrade has left him
		moved bool
	}{
		{"an upgrade", &hashedUser{hash: old}, 1, true},
		{"hashes that are kept", &hashedUser{hash: old, kept: true}, 0, false},
		{"a password change right after it", &hashedUser{hash: old, raced: "!"}, 1, false},
		{"another sign-in's upgrade right before it", &hashedUser{hash: old, beaten: hash(pass)}, 1, true},
		{"another sign-in's upgrade right after it", &hashedUser{hash: old, raced: hash(pass)}, 1, true},
		{"a password change right before it", &hashedUser{hash: old, beaten: hash("another password")}, 1, false},
	} {
		u, err := watchword.NewPasswords(tt.users, hasher).Authenticate(t.Context(), watchword.Credentials{Login: "ann", Password: pass})
		if err != nil || tt.users.swaps != tt.swaps {
			t.Errorf("%s: Authenticate = %v after %d swaps, want %d", tt.name, err, tt.users.swaps, tt.swaps)
		}
		if moved := u.Version != int64(len(old)); moved != tt.moved {
			t.Errorf("%s: the user's version is %d; moved on: %t, want %t", tt.name, u.Version, moved, tt.moved)
		}
		if tt.moved && u.Version != tt.users.user().Version {
			t.Errorf("%s: the user's version is %d, want %d", tt.name, u.Version, tt.users.user().Version)
		}
	}
	_, err = watchword.NewPasswords(&hashedUser{hash: old}, hasher).Authenticate(t.Context(), watchword.Credentials{Login: "ann", Password: "wrong"})
	if !errors.Is(err, watchword.InvalidCredentials) {
		t.Errorf("Authenticate with a wrong password = %v", err)
	}
}
