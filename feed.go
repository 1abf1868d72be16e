package watchword

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// MaxFactPage is the most facts in one page of the feed.
const MaxFactPage = 10_000

// FeedScope is the scope by which an access token of a machine client opens
// the revocation feed.
const FeedScope = "revocations"

// NextFacts returns the facts after c, at most limit of them, for services
// that follow from elsewhere. Where there are none it waits for up to wait;
// then the page has none, and c as its cursor. The zero Cursor starts at the
// beginning, and its page has the status key and the profiles as well. A
// cursor of another epoch, or ahead of the store, is Conflict: start again
// from the zero Cursor.
//
// A fact made in this process is there before whoever asked for it is
// answered; one of another process after a poll of the store, of which there
// is one for all that wait: every [PollInterval] where somebody calls
// [Authority.Run], else at most two intervals after the last.
// Facts that are new come from memory, and may come twice.
func (a *Authority) NextFacts(ctx context.Context, c Cursor, limit int, wait time.Duration) (FactPage, error) {
	if limit <= 0 || limit > MaxFactPage {
		limit = MaxFactPage
	}
	if wait <= 0 {
		a.pollFacts(ctx)
		return a.factsAfter(ctx, c, limit)
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	poll := time.NewTicker(PollInterval)
	defer poll.Stop()
	return a.awaitFacts(ctx, c, limit, poll.C, over.C)
}

func (a *Authority) awaitFacts(ctx context.Context, c Cursor, limit int, poll, over <-chan time.Time) (FactPage, error) {
	for {
		woken := a.list.log.wake() // before looking: what comes in between is not missed
		p, err := a.factsAfter(ctx, c, limit)
		if err != nil || p.Cursor != c {
			return p, err
		}
		for waiting := true; waiting; {
			select {
			case <-woken:
				waiting = false
			case <-poll:
				a.pollFacts(ctx)
			case <-over:
				a.pollFacts(ctx)
				return a.factsAfter(ctx, c, limit)
			case <-ctx.Done():
				return p, fmt.Errorf("%w: %w", Unavailable, ctx.Err())
			}
		}
	}
}

// pollFacts reads the store where nobody has for a while, and nobody does at
// the moment. That it cannot be read is seen by the time of the pages, which
// stands still.
func (a *Authority) pollFacts(ctx context.Context) {
	now := a.c.Now()
	if age, ok := a.list.Age(now); ok && age < PollInterval*11/10 || !a.list.polling.CompareAndSwap(false, true) {
		return
	}
	defer a.list.polling.Store(false)
	_ = a.list.Sync(ctx, now) // see above
}

// factsAfter reads the page after c from memory, or else from the store.
func (a *Authority) factsAfter(ctx context.Context, c Cursor, limit int) (FactPage, error) {
	if c != (Cursor{}) {
		if p, ok := a.list.log.after(c, limit); ok {
			return p, nil
		}
	}
	p := FactPage{Now: a.c.Now()}
	var err error
	p.Facts, p.Cursor, err = a.c.Store.FactsSince(ctx, c, p.Now, limit)
	if err != nil {
		return FactPage{}, fmt.Errorf("read facts: %w", err)
	}
	p.More = len(p.Facts) == limit
	if c == (Cursor{}) {
		p.StatusKey, p.Profiles = slices.Clone(a.status), a.list.log.served()
	}
	return p, nil
}

// StatusKey returns the key by which services tell sessions from the ids in
// tokens; see [NewStatusNumbers].
func (a *Authority) StatusKey() []byte { return slices.Clone(a.status) }

// AuthenticateService is [Authority.AuthenticateClient] for clients that
// follow, and counts what fails under the address it comes from. It counts
// after the fact, unlike sign-ins: a secret of 32 random bytes is not guessed,
// what the limit saves is work, and services that come back all at once from
// one address, as they do after a restart here, must not lock each other out.
func (a *Authority) AuthenticateService(ctx context.Context, id, secret string, from Client) (ClientRecord, error) {
	r, err := a.AuthenticateClient(ctx, id, secret)
	origin := originKey(from.Address)
	if !errors.Is(err, InvalidClient) || a.c.Limiter == nil || origin == "" {
		return r, err
	}
	wait, limiterErr := a.c.Limiter.Take(ctx, origin, a.c.Now())
	if limiterErr != nil {
		return ClientRecord{}, fmt.Errorf("%w: limiter: %w", Unavailable, limiterErr)
	}
	if wait > 0 {
		return ClientRecord{}, &RetryError{Code: RateLimited, After: wait}
	}
	return ClientRecord{}, err
}

// ClientOf returns the machine client whose access token the claims are of:
// PermissionDenied where they are somebody else's, InvalidClient where it is
// gone.
func (a *Authority) ClientOf(ctx context.Context, c *Claims) (ClientRecord, error) {
	if c.Number != 0 || c.ClientID == "" || c.ClientID != c.Subject {
		return ClientRecord{}, fmt.Errorf("%w: not a token of a machine client", PermissionDenied)
	}
	clients, ok := a.c.Store.(Clients)
	if !ok {
		return ClientRecord{}, fmt.Errorf("%w: the store keeps no clients", InvalidClient)
	}
	r, err := clients.ClientByID(ctx, c.ClientID)
	if errors.Is(err, NotFound) {
		return ClientRecord{}, fmt.Errorf("%w: %w", InvalidClient, err)
	}
	if err != nil {
		return ClientRecord{}, fmt.Errorf("read client: %w", err)
	}
	return r, nil
}

// DirectoryPage is a page of users in order of their ids.
type DirectoryPage struct {
	Users []User
	// Next is what to ask with for the next page; "" at the end.
	Next string
	// Cursor was read before the users: whoever follows the feed from the
	// first page's misses no change, and is told of some that he has seen.
	Cursor Cursor
}

// MaxDirectoryPage is the most users in one page.
const MaxDirectoryPage = 1000

// Directory lists all users after the id, at most limit of them, for services
// that keep copies. NotFound where the users cannot be listed;
// InvalidRequest for an id that is none.
func (a *Authority) Directory(ctx context.Context, after string, limit int) (DirectoryPage, error) {
	lister, ok := a.c.Users.(interface {
		ListUsers(ctx context.Context, after string, limit int) ([]User, error)
	})
	if !ok {
		return DirectoryPage{}, fmt.Errorf("%w: %T lists no users", NotFound, a.c.Users)
	}
	if limit <= 0 || limit > MaxDirectoryPage {
		limit = MaxDirectoryPage
	}
	p := DirectoryPage{Cursor: a.list.log.at()}
	var err error
	if p.Users, err = lister.ListUsers(ctx, after, limit); err != nil {
		return DirectoryPage{}, fmt.Errorf("list users: %w", err)
	}
	if len(p.Users) == limit {
		p.Next = p.Users[limit-1].ID
	}
	return p, nil
}

// DirectoryUser returns one of them, or NotFound.
func (a *Authority) DirectoryUser(ctx context.Context, id string) (User, error) {
	u, err := a.c.Users.UserByID(ctx, id)
	if err != nil {
		return User{}, fmt.Errorf("read user: %w", err)
	}
	return u, nil
}
