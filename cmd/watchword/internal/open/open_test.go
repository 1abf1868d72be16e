package open_test

import (
	"context"
	"testing"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
	"github.com/watchword-auth/watchword/store/storetest"
)

func TestFile(t *testing.T) {
	storetest.All(t, func(t *testing.T) storetest.Instance {
		dsn := "sqlite:" + t.TempDir() + "/watchword.db"
		return storetest.Instance{
			Store: opened(t, dsn),
			Again: func(t *testing.T) any { return opened(t, dsn) },
		}
	})
}

func TestInMemory(t *testing.T) {
	storetest.All(t, func(t *testing.T) storetest.Instance {
		return storetest.Instance{Store: opened(t, "sqlite::memory:")}
	})
}

// opened opens the database for the duration of the test.
func opened(t testing.TB, dsn string) *open.Opened {
	t.Helper()
	o, err := open.Store(t.Context(), dsn)
	if err != nil {
		t.Fatalf("Store(%s): %v", dsn, err)
	}
	t.Cleanup(func() {
		if err := o.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return o
}
