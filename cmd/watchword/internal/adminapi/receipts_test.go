package adminapi_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
)

func TestIdempotencyKeys(t *testing.T) {
	s := newSite(t)
	boss, robot := s.signIn("root").Access, s.machine("robot")
	const user, client = `{"login":"new","password":"a good password"}`, `{"name":"new","scopes":["posts:read"]}`
	key := func(k string) []string { return []string{"Idempotency-Key", k} }

	first := s.ask(boss, "POST", "users", user, key("k1")...)
	first.is(t, http.StatusCreated, "")
	again := s.ask(boss, "POST", "users", user, key("k1")...)
	if again.status != first.status || again.body != first.body || again.header.Get("Location") != first.header.Get("Location") {
		t.Errorf("asked again, the answer is %d %s", again.status, again.body)
	}
	if first.header.Get("Idempotency-Replayed") != "" || again.header.Get("Idempotency-Replayed") != "true" {
		t.Error("the two answers are not told apart")
	}
	if n := len(s.told(watchword.UserChanged)); n != 1 {
		t.Errorf("the log has %d entries", n)
	}
	made := s.ask(boss, "POST", "clients", client, key("k1")...) // keys are those of one route
	made.is(t, http.StatusCreated, "")

	for _, test := range []struct {
		name, token, path, body, key string
		status                       int
		code                         string
	}{
		{"another body", boss, "users", strings.Replace(user, "a good", "another", 1), "k1", 409, "conflict"},
		{"the same, written otherwise", boss, "users", user + " ", "k1", 409, "conflict"},
		{"another key", boss, "users", user, "k2", 409, "conflict"}, // the login is taken
		{"a key of somebody else", robot, "users", user, "k1", 409, "conflict"},
		{"no key", boss, "users", user, "", 400, "invalid_request"},
		{"a key with a space", boss, "users", user, "a b", 400, "invalid_request"},
		{"a key that is no text", boss, "users", user, "a\x7f", 400, "invalid_request"},
		{"an endless key", boss, "users", user, strings.Repeat("k", 256), 400, "invalid_request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := s.ask(test.token, "POST", test.path, test.body, key(test.key)...)
			got.is(t, test.status, test.code)
			if strings.Contains(got.body, "a good password") || strings.Contains(got.body, "another password") {
				t.Errorf("the answer repeats the password: %s", got.body)
			}
		})
	}

	t.Run("it outlives the process", func(t *testing.T) {
		s.open()
		got := s.ask(boss, "POST", "clients", client, key("k1")...)
		if got.status != made.status || got.body != made.body || got.members(t)["secret"] == "" {
			t.Errorf("after a restart the answer is %d %s", got.status, got.body)
		}
	})
	t.Run("who may no more is not told again", func(t *testing.T) {
		staff := s.signIn("sam").Access
		s.ask(staff, "POST", "clients", `{"name":"his"}`, key("k3")...).is(t, http.StatusCreated, "")
		none := []string{}
		now := time.Now()
		if _, err := s.store.UpdateUser(t.Context(), sam, watchword.UserChange{Permissions: &none}, 0, now.Add(time.Hour), now); err != nil {
			t.Fatal(err)
		}
		s.ask(s.signIn("sam").Access, "POST", "clients", `{"name":"his"}`, key("k3")...).is(t, http.StatusForbidden, "permission_denied")
	})
	t.Run("who has lost a scope is not told a secret that goes with it", func(t *testing.T) {
		now := time.Now()
		set := func(scopes ...string) {
			t.Helper()
			change := watchword.UserChange{Permissions: &[]string{string(manage.ChangeClients)}, Scopes: &scopes}
			if _, err := s.store.UpdateUser(t.Context(), sam, change, 0, now.Add(time.Hour), now); err != nil {
				t.Fatal(err)
			}
		}
		const body = `{"name":"scoped","scopes":["posts:read"]}`
		set("posts:read")
		first := s.ask(s.signIn("sam").Access, "POST", "clients", body, key("k5")...)
		first.is(t, http.StatusCreated, "")
		if again := s.ask(s.signIn("sam").Access, "POST", "clients", body, key("k5")...); again.body != first.body {
			t.Errorf("in another session the answer is %d %s", again.status, again.body)
		}
		set()
		s.ask(s.signIn("sam").Access, "POST", "clients", body, key("k5")...).is(t, http.StatusForbidden, "permission_denied")
	})
	t.Run("a refusal is not kept", func(t *testing.T) {
		s.ask(boss, "POST", "users", `{"login":"other","password":"short"}`, key("k4")...).is(t, http.StatusBadRequest, "password_weak")
		s.ask(boss, "POST", "users", `{"login":"other","password":"long enough now"}`, key("k4")...).is(t, http.StatusCreated, "")
	})
}

// TestRacingRequests: of many at once one makes something, and the others are
// answered alike or told to wait.
func TestRacingRequests(t *testing.T) {
	s := newSite(t)
	boss := s.signIn("root").Access
	var mu sync.Mutex
	bodies := make(map[string]int)
	var all sync.WaitGroup
	for range 24 {
		all.Go(func() {
			got := s.ask(boss, "POST", "clients", `{"name":"new"}`, "Idempotency-Key", "one")
			mu.Lock()
			defer mu.Unlock()
			bodies[fmt.Sprint(got.status)+" "+got.body]++
		})
	}
	all.Wait()
	made := 0
	for body := range bodies {
		switch {
		case strings.HasPrefix(body, "201 "):
			made++
		case !strings.HasPrefix(body, "409 ") || !strings.Contains(body, "under way"):
			t.Errorf("an answer is %s", body)
		}
	}
	if n := len(s.told(watchword.UserChanged)); made != 1 || n != 1 {
		t.Errorf("%d were made, %d different answers", n, made)
	}
	if got := s.ask(boss, "POST", "clients", `{"name":"new"}`, "Idempotency-Key", "one"); bodies["201 "+got.body] == 0 {
		t.Errorf("the answer afterwards is %d %s", got.status, got.body)
	}
}

// keeping sees what is stored.
type keeping struct {
	watchword.Receipts
	mu  sync.Mutex
	all []watchword.Receipt
}

func (k *keeping) see(r watchword.Receipt) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all, r)
}

func (k *keeping) ClaimReceipt(ctx context.Context, r watchword.Receipt, at time.Time) (watchword.Receipt, bool, error) {
	k.see(r)
	return k.Receipts.ClaimReceipt(ctx, r, at)
}

func (k *keeping) SettleReceipt(ctx context.Context, r watchword.Receipt) error {
	k.see(r)
	return k.Receipts.SettleReceipt(ctx, r)
}

// TestReceiptsTellNothing: neither the key nor the password nor the secret
// stands in what is stored, and it does not live for ever.
func TestReceiptsTellNothing(t *testing.T) {
	s := newSite(t)
	kept := &keeping{Receipts: s.store}
	s.receipts = kept
	s.open()
	boss := s.signIn("root").Access
	s.ask(boss, "POST", "users", `{"login":"somebody","password":"a good password"}`, "Idempotency-Key", "key-of-mine").is(t, 201, "")
	made := s.ask(boss, "POST", "clients", `{"name":"somebody"}`, "Idempotency-Key", "key-of-mine")
	made.is(t, 201, "")
	secret, _ := made.members(t)["secret"].(string)
	if len(kept.all) != 4 || secret == "" {
		t.Fatalf("%d receipts were written, the secret is %q", len(kept.all), secret)
	}
	seen := make(map[string]bool)
	for _, r := range kept.all {
		text := bytes.Join([][]byte{r.ID, r.Mark, r.Answer}, nil)
		for _, hidden := range []string{"key-of-mine", "a good password", secret, "somebody"} {
			if bytes.Contains(text, []byte(hidden)) {
				t.Errorf("a receipt holds %q", hidden)
			}
		}
		if life := time.Until(r.Until); life <= 0 || life > 24*time.Hour {
			t.Errorf("a receipt lives %s", life)
		}
		seen[string(r.ID)] = true
	}
	if len(seen) != 2 {
		t.Errorf("two requests have %d ids", len(seen))
	}
}
