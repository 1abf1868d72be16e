package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"time"

	"github.com/watchword-auth/watchword"
)

// stream follows server-sent events until they break, and returns how many
// came in time. Old words end it: a proxy holds them back, or one of the two
// clocks was set, and the poll that follows tells which.
func (f *feed) stream(ctx context.Context) (events int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := time.AfterFunc(f.c.c.Timeout, func() { cancel(errors.New("the stream is silent")) })
	defer silent.Stop()
	answer, err := f.connect(ctx)
	if err != nil {
		return 0, errors.Join(err, context.Cause(ctx))
	}
	defer answer.Body.Close()
	idle := max(min(streamIdle, f.c.c.MaxStale*3/4), minStale*3/4)
	reader := newEventReader(answer.Body)
	for {
		silent.Reset(idle)
		ev, err := reader.next()
		if err != nil {
			return events, errors.Join(err, context.Cause(ctx))
		}
		page, err := pageOf(ev)
		if page == nil {
			return events, err
		}
		silent.Stop()
		age, err := f.apply(ctx, f.s.cursor, page)
		if err == nil && age > idle {
			err = fmt.Errorf("the stream's word is %s old, or a clock was set", age)
		}
		if err != nil {
			return events, err
		}
		events++
	}
}

// connect begins a stream after the cursor.
func (f *feed) connect(ctx context.Context) (*http.Response, error) {
	n, err := f.c.native(ctx)
	if err != nil {
		return nil, err
	}
	r, err := f.c.newRequest(ctx, request{method: http.MethodGet, url: n.at("revocations"), asClient: true})
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Accept-Encoding", "identity")
	r.Header.Set("Cache-Control", "no-store")
	r.Header.Set("Last-Event-ID", f.s.cursor.String())
	answer, err := f.c.http.Do(r)
	if err != nil {
		return nil, err
	}
	stated := answer.Header.Get("Content-Type")
	media, _, err := mime.ParseMediaType(stated)
	if answer.StatusCode != http.StatusOK || err != nil || media != "text/event-stream" {
		_ = answer.Body.Close()
		return nil, fmt.Errorf("%s: status %d, media type %.64q, want a stream", r.URL, answer.StatusCode, stated)
	}
	return answer, nil
}

// pageOf returns an event's page; nil ends the stream, without an error where
// the authority asked for that.
func pageOf(ev event) (*watchword.FactPage, error) {
	switch ev.name {
	case "facts", "alive":
	case "reset":
		return nil, nil
	default:
		return nil, fmt.Errorf("event %.64q is none of a feed", ev.name)
	}
	page := new(watchword.FactPage)
	if err := json.Unmarshal(ev.data, page); err != nil {
		return nil, fmt.Errorf("event %s: %w", ev.name, err)
	}
	cursor, err := watchword.ParseCursor(ev.id)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", ev.name, err)
	}
	page.Cursor = cursor
	return page, nil
}
