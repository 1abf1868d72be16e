package watchword

import (
	"testing"
	"time"
)

// A stranger chooses how long the password is that he tries, and the old
// schemes take longer the longer it is. So the floor must reckon with it, for
// logins that exist and those that do not alike, and must not tell the next
// one that asks what the last one met.
func TestTheFloorReckonsWithLongPasswords(t *testing.T) {
	const old = "sha512-crypt 5000"
	now := time.Unix(0, 0)
	p := NewPasswords(nil, nil)
	p.now = func() time.Time { return now }
	p.costs = map[string]time.Duration{old: 10 * time.Millisecond, preferredClass: 20 * time.Millisecond}
	if got, want := p.floor(8), 25*time.Millisecond; got != want {
		t.Errorf("the floor of a short password is %v, want %v", got, want)
	}
	// Measured: 1,000 bytes take such a hash fifteen times as long as none.
	if got := p.floor(1000); got < 150*time.Millisecond {
		t.Errorf("the floor of a long password is %v, want what the old scheme takes", got)
	}
	begun := now
	now = now.Add(150 * time.Millisecond)
	p.observe(old, 1000, begun)
	if got, want := p.floor(8), 25*time.Millisecond; got != want {
		t.Errorf("after a long password was tried with an old hash the floor is %v, want %v as before", got, want)
	}
}
