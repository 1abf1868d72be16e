package store_test

import (
	"testing"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/store"
	"github.com/watchword-auth/watchword/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.All(t, func(*testing.T) storetest.Instance {
		return storetest.Instance{Store: store.NewMemory()}
	})
}

func TestMemoryLimiter(t *testing.T) {
	storetest.Limiter(t, func(_ *testing.T, rate watchword.Rate) watchword.Limiter {
		return watchword.NewMemoryLimiter(func(string) watchword.Rate { return rate }, 0)
	})
}

func TestMemoryPeople(t *testing.T) {
	storetest.PasswordUsers(t, func(*testing.T) storetest.People { return storetest.Own(store.NewMemory()) })
}
