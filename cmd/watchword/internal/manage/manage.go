// Package manage has every administrative action once: what may be done to
// users, sessions, keys and machine clients, by whom, and what is written down
// about it. The JSON API, the pages and the commands are three ways to call it.
//
// Every action takes an [Actor] and decides itself whether he may: a caller
// that forgot to ask has forgotten nothing. [Actor.Can] is for showing only
// what will work.
//
// # Who may what
//
// A superuser and whoever runs the command line may do everything. A staff
// member may do what his permissions say ([Permissions] lists them). A token
// with the scope admin, a person's or a machine's, may do everything but what
// is a superuser's alone:
//
//   - to make somebody staff or superuser, or to grant the scope admin;
//   - to touch somebody who has any of these: change, disable, delete, end
//     sessions, set the password;
//   - to grant a scope, permission or group that he does not have himself, to
//     a user or to a machine client, or to get a secret of a client that has
//     such a scope;
//   - to change members of extra data that tokens carry, as settings say;
//   - to end everybody's sessions.
//
// Nobody disables or deletes himself, and nobody but the command line takes
// away the last active superuser.
//
// Whoever may change users can set their passwords, and so sign in as any user
// who has none of the ranks above. That is what the permission means.
package manage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
	"github.com/watchword-auth/watchword/password"
)

// Store is what is managed.
type Store interface {
	watchword.Store
	watchword.SessionLister
	watchword.Clients
	watchword.AuditLog
}

// Options are what actions are made from.
type Options struct {
	Store Store
	// Users are where the people are kept; nil means the Store. Where they are
	// no [watchword.UserAdmin] nobody may change them, and where they are no
	// [watchword.UserSearcher] they are found by whole names only.
	Users watchword.Users
	// Faces are the authorities over the store, the native one first. Without
	// any, keys and tokens cannot be asked about.
	Faces []*watchword.Authority
	// Numbers turns numbers of sessions into ids and back; nil: sessions
	// cannot be listed.
	Numbers *watchword.Numbers
	// Hasher hashes new passwords; nil makes one with the defaults.
	Hasher *password.Hasher
	// FixedKey signs where the keys are no matter of the store's.
	FixedKey *jwt.Key
	// Upstream is the authority elsewhere from which users come; "": none. They
	// are added there, and here by the command line alone.
	Upstream string
	// Claimed are members of users' extra data that faces put into tokens. Who
	// is no superuser does not change them.
	Claimed []string
	// LongestLife is that of any access token on the store.
	LongestLife time.Duration
	// Record writes down what was done and what was refused, before the
	// action returns.
	Record func(ctx context.Context, e watchword.Event)
	// Settings prints the settings as they run, secrets masked.
	Settings func(w io.Writer) error
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Actions are the administrative actions. Make them with [New]. Safe for
// concurrent use.
type Actions struct {
	o Options

	// changing is held while somebody's standing is looked at and changed, so
	// that nobody is touched who has just been given a rank.
	changing sync.Mutex

	strangers thinned
}

// thinned lets one through each second, and counts the others.
type thinned struct {
	mu      sync.Mutex
	next    time.Time
	skipped int
}

// take reports whether this one goes through, and how many did not since the
// last that did.
func (t *thinned) take(now time.Time) (skipped int, through bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Before(t.next) {
		t.skipped++
		return 0, false
	}
	skipped, t.skipped, t.next = t.skipped, 0, now.Add(time.Second)
	return skipped, true
}

// New checks the wiring.
func New(o Options) (*Actions, error) {
	if o.Store == nil || o.Record == nil {
		return nil, errors.New("manage: Store and Record are needed")
	}
	if o.Users == nil {
		users, ok := o.Store.(watchword.Users)
		if !ok {
			return nil, errors.New("manage: Users is missing: the Store keeps none")
		}
		o.Users = users
	}
	if o.Hasher == nil {
		hasher, err := password.New(password.Config{})
		if err != nil {
			return nil, fmt.Errorf("manage: %w", err)
		}
		o.Hasher = hasher
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Actions{o: o}, nil
}

// factMargin is what the engine adds to the life of a fact: the most leeway of
// a verifier, and a minute by which clocks differ.
const factMargin = 2 * time.Minute

// until is how long a fact written now must live.
func (m *Actions) until(now time.Time) time.Time { return now.Add(m.o.LongestLife + factMargin) }

// heard has this process take notice of what was just written. Where that
// fails, the poll of a second later does it: what was done is done, and must
// not be reported as a failure.
func (m *Actions) heard(ctx context.Context) {
	if len(m.o.Faces) > 0 {
		_ = m.o.Faces[0].Follow(ctx)
	}
}

// record writes down what the actor did.
func (m *Actions) record(ctx context.Context, by Actor, e watchword.Event) {
	e.Actor, e.Client = by.Name(), by.From
	if e.At.IsZero() {
		e.At = m.o.Now()
	}
	e.Profile = watchword.NativeProfile
	m.o.Record(context.WithoutCancel(ctx), e)
}

// missing is the answer where a store cannot do something.
func missing(what string) error {
	return fmt.Errorf("%w: %s", watchword.NotFound, what)
}
