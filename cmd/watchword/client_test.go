package main

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

// A server may make a token for a client while it is being deleted, and date
// it later than the command began.
func TestDeletedClientsLateToken(t *testing.T) {
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "w.db")
	for _, args := range [][]string{{"client", "add", "shop"}, {"client", "delete", "shop"}} {
		var told strings.Builder
		if code := run(t.Context(), append(args, "--db", dsn), streams{strings.NewReader(""), io.Discard, &told}, nil); code != exitDone {
			t.Fatalf("%v = %d: %s", args, code, &told)
		}
	}
	db, err := open.Store(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close(context.Background()) }()
	facts, _, err := db.FactsSince(t.Context(), watchword.Cursor{}, time.Now(), 10)
	if err != nil {
		t.Fatal(err)
	}
	list := watchword.NewRevocationList(db)
	if err := list.Sync(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if len(facts) != 1 {
		t.Fatalf("%d facts, want 1", len(facts))
	}
	late := &watchword.Claims{UserID: facts[0].ID, IssuedAt: time.Now().Add(5 * time.Second)}
	if _, revoked := list.Revoked(late); !revoked {
		t.Errorf("a token dated 5 seconds after the client was deleted counts")
	}
}
