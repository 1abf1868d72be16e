package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/watchword-auth/watchword"
)

// source reads the facts of an authority elsewhere over its feed, for a
// [watchword.RevocationList] to sync from: the list knows how to go on after a
// break and how to replace everything when the epoch has changed. Only the
// feed's goroutine uses it.
type source struct {
	c *Client

	// A page that came by itself, in answer to the cursor from, waits here for
	// the list; nil: the list's question is passed on to the authority.
	brought *watchword.FactPage
	from    watchword.Cursor
	// done says that the authority has just been asked and had no more.
	done bool

	// offset is what this clock shows beyond the authority's, at least.
	offset time.Duration
	cursor watchword.Cursor // after the newest page
	key    string           // the status key, as bytes
	// What was on the pages since the list was last asked to sync.
	notes []note
	facts int
	keyed bool // a signing key changed
	reset bool // everything was read from the beginning
}

// note is a page as the mirror sees it: whose records changed up to a cursor.
type note struct {
	cursor watchword.Cursor
	ids    []string
	all    bool // so many at once that nobody is named
}

var _ watchword.Facts = (*source)(nil)

// AddFact is refused: facts are the authority's.
func (s *source) AddFact(context.Context, watchword.Fact) (watchword.Cursor, error) {
	return watchword.Cursor{}, fmt.Errorf("%w: the feed is read only", watchword.InvalidRequest)
}

// FactsSince returns the page that the stream brought, or asks the authority.
func (s *source) FactsSince(ctx context.Context, after watchword.Cursor, _ time.Time, limit int) ([]watchword.Fact, watchword.Cursor, error) {
	page := s.brought
	s.brought = nil
	switch {
	case page != nil && s.from == after:
		s.done = true
	case s.done && after != (watchword.Cursor{}):
		return nil, after, nil
	default:
		sent := s.c.c.Now()
		var err error
		if page, err = s.ask(ctx, after, 0, limit); err != nil {
			return nil, watchword.Cursor{}, err
		}
		s.done, s.offset = !page.More, sent.Sub(page.Now)
	}
	if err := s.take(after, page); err != nil {
		return nil, watchword.Cursor{}, err
	}
	return page.Facts, page.Cursor, nil
}

// ask gets one page of at most limit facts, and lets the authority wait that
// long for news. What would be too large is asked for in parts.
func (s *source) ask(ctx context.Context, after watchword.Cursor, wait time.Duration, limit int) (*watchword.FactPage, error) {
	for {
		page, err := s.get(ctx, after, wait, limit)
		if !errors.Is(err, errTooMuch) || limit <= 10 {
			return page, err
		}
		limit /= 10
	}
}

func (s *source) get(ctx context.Context, after watchword.Cursor, wait time.Duration, limit int) (*watchword.FactPage, error) {
	n, err := s.c.native(ctx)
	if err != nil {
		return nil, err
	}
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if after != (watchword.Cursor{}) {
		query.Set("cursor", after.String())
	}
	if wait > 0 {
		query.Set("wait", strconv.Itoa(int(wait/time.Second)))
	}
	body, err := s.c.call(ctx, request{
		method: http.MethodGet, url: n.at("revocations") + "?" + query.Encode(),
		asClient: true, max: maxPage, patience: wait,
	})
	if err != nil {
		return nil, err
	}
	page := new(watchword.FactPage)
	if err := json.Unmarshal(body, page); err != nil {
		return nil, fmt.Errorf("%w: page of the feed: %w", watchword.Unavailable, err)
	}
	return page, nil
}

// take judges a page and notes what others than the list want to know of it.
// A page that goes back, or stands still and promises more, is none of a feed:
// following it would lose facts, or never end.
func (s *source) take(after watchword.Cursor, page *watchword.FactPage) error {
	first := after == (watchword.Cursor{})
	var fault error
	switch {
	case page.Cursor.Epoch == "":
		fault = errors.New("no cursor")
	case !first && page.Cursor.Epoch != after.Epoch:
		fault = errors.New("another epoch")
	case !first && page.Cursor.N < after.N:
		fault = errors.New("it goes back")
	case page.More && page.Cursor == after:
		fault = errors.New("it promises more and brings nothing")
	case first && len(page.StatusKey) == 0:
		fault = errors.New("no status key")
	}
	if fault != nil {
		return fmt.Errorf("%w: page of the feed at %s: %w", watchword.Unavailable, page.Cursor, fault)
	}
	if first {
		s.reset = true
		if s.key != string(page.StatusKey) {
			// From here on sessions have other ids. Nothing is accepted by the
			// old ones; the new verifier is made once all facts are there.
			s.c.verifier.Store(nil)
			s.key = string(page.StatusKey)
		}
	}
	s.cursor = page.Cursor
	s.facts += len(page.Facts)
	changed := note{cursor: page.Cursor}
	for _, f := range page.Facts {
		switch f.Kind {
		case watchword.ProfileFact:
			if f.ID == "" {
				changed.all = true
				continue
			}
			changed.ids = append(changed.ids, f.ID)
		case watchword.KeyFact:
			s.keyed = true
		default: // the list's business
		}
	}
	s.notes = append(s.notes, changed)
	return nil
}

// bring has the list take a page that came in answer to the cursor from.
func (s *source) bring(from watchword.Cursor, page *watchword.FactPage) {
	s.brought, s.from, s.done = page, from, false
}

// fresh forgets what the last answers were, so that the authority is asked.
func (s *source) fresh() { s.brought, s.done = nil, false }
