package server_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/server"
)

func TestPurgeKeepsOfTheAuditLogWhatTheSettingsSay(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		keep config.Audit
		left int // of one entry an hour, the newest of now
	}{
		{"by age", config.Audit{Keep: 5 * time.Hour}, 6},
		{"by number", config.Audit{Keep: 1000 * time.Hour, MaxEntries: 3}, 3},
		{"by both", config.Audit{Keep: 5 * time.Hour, MaxEntries: 3}, 3},
		{"all", config.Audit{Keep: 1000 * time.Hour}, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db, err := open.Store(t.Context(), "sqlite::memory:")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close(context.Background()) })
			var entries []watchword.AuditEntry
			for i := 9; i >= 0; i-- {
				entries = append(entries, watchword.AuditEntry{At: now.Add(-time.Duration(i) * time.Hour), Kind: fmt.Sprint(i)})
			}
			if err := db.AppendAudit(t.Context(), entries); err != nil {
				t.Fatal(err)
			}
			n, err := server.Purge(t.Context(), db, tt.keep, now)
			if err != nil || n != 10-tt.left {
				t.Errorf("Purge = %d, %v, want %d", n, err, 10-tt.left)
			}
			left, err := db.ListAudit(t.Context(), watchword.AuditFilter{})
			if err != nil || len(left) != tt.left || left[0].Kind != "0" {
				t.Errorf("left %+v, %v, want the newest %d", left, err, tt.left)
			}
		})
	}
}
