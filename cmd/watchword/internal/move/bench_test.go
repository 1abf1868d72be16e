package move_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/move"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

// BenchmarkImport imports so many users from SQLite into SQLite as N says:
//
//	go test -run '^$' -bench Import -benchtime 1000000x ./internal/move
func BenchmarkImport(b *testing.B) {
	site := sqliteSite(b)
	site.exec(site.schema()...)
	site.exec(fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO auth_user SELECT i, 'pbkdf2_sha256$260000$' || 'salt' || i || '$s0lmpiJcNGCdehpSMQsDsTtRtVqPTbMXz2Ow9jyROmE=',
			NULL, 0, 'user' || (i * 7919 %% 10000019), 'Lee', 'user' || i || '@example.com', 0, 1, '2020-01-02 03:04:05', 'Ann' FROM n`, b.N),
		`INSERT INTO auth_user_groups (user_id, group_id) SELECT id, 1 + id % 2 FROM auth_user`)
	into, err := open.Store(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "w.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer into.Close(context.Background())
	b.ResetTimer()
	for _, pass := range []string{"users/s", "again/s"} {
		begun := time.Now()
		from, err := open.ReadOnly(b.Context(), site.dsn)
		if err != nil {
			b.Fatal(err)
		}
		d, err := move.OpenDjango(b.Context(), from, move.Mapping{})
		if err != nil {
			b.Fatal(err)
		}
		r, err := move.Run(b.Context(), d, into.DB, move.Options{Now: now, Until: now})
		if err != nil || r.Users.Added+r.Users.Same != b.N {
			b.Fatalf("%+v, %v", r.Users, err)
		}
		d.Close()
		if err := from.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), pass)
	}
}
