package httpauth

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/watchword-auth/watchword"
)

// Media types of the service routes.
const (
	mediaEvents = "text/event-stream"
	mediaStatus = "application/" + watchword.StatusListType
)

// maxFeedWait is how long a long poll may wait, in seconds.
const maxFeedWait = 30

// serveFeed answers with a page of facts, or with a stream of them.
func serveFeed(x *Exchange) (Reply, error) {
	who, err := callerOf(x)
	if err != nil {
		return Reply{}, err
	}
	media, err := acceptable(x.Request, mediaJSON, mediaEvents)
	if err != nil {
		return Reply{}, err
	}
	q, err := queryOf(x.Request)
	if err != nil {
		return Reply{}, err
	}
	from, err := q.cursor(x.Request, media == mediaEvents)
	if err != nil {
		return Reply{}, err
	}
	if media == mediaEvents {
		return streamReply(x, who, from)
	}
	limit, err := q.number("limit", watchword.MaxFactPage, 1, watchword.MaxFactPage)
	if err != nil {
		return Reply{}, err
	}
	wait, err := q.number("wait", 0, 0, maxFeedWait)
	if err != nil {
		return Reply{}, err
	}
	return feedPage(x, who, from, limit, time.Duration(wait)*time.Second)
}

// feedPage answers with one page, after waiting for it where that is asked.
func feedPage(x *Exchange, who caller, from watchword.Cursor, limit int, wait time.Duration) (Reply, error) {
	feed, counts := x.Service.(FactFeed), x.endpoint.profile.Streams
	ctx, cancel := counts.context(x.Request.Context())
	defer cancel()
	if x.Request.Method == http.MethodHead {
		wait = 0
	}
	if wait > 0 {
		leave, err := counts.enter(who.client.ID, &counts.waits, &counts.longPolls)
		if err != nil {
			return Reply{}, err
		}
		defer leave()
		// The server's limit for reading, which is done, would end the request.
		_ = http.NewResponseController(x.writer).SetReadDeadline(time.Time{})
	}
	page, err := feed.NextFacts(ctx, from, limit, wait)
	if err != nil && ctx.Err() != nil && x.Request.Context().Err() == nil {
		// The program ends: the answer is that there is nothing new.
		page, err = feed.NextFacts(x.Request.Context(), from, limit, 0)
	}
	if err != nil {
		return Reply{}, err
	}
	if wait > 0 {
		// It may have been deleted meanwhile.
		if err := who.again(x.Request.Context()); err != nil {
			return Reply{}, err
		}
	}
	page.Facts = who.visible(page.Facts)
	body, err := page.MarshalJSON()
	if err != nil {
		return Reply{}, err
	}
	counts.facts.Add(uint64(len(page.Facts)))
	return Reply{Status: http.StatusOK, Header: make(http.Header), Body: body}, nil
}

// visible leaves out what is about users' records, where the client may see
// none. Pages are shared: it copies.
func (c caller) visible(facts []watchword.Fact) []watchword.Fact {
	isProfile := func(f watchword.Fact) bool { return f.Kind == watchword.ProfileFact }
	if len(c.client.UserFields) > 0 || !slices.ContainsFunc(facts, isProfile) {
		return facts
	}
	return slices.DeleteFunc(slices.Clone(facts), isProfile)
}

// query is the parameters of a service route.
type query url.Values

// queryOf reads them strictly: half a query must not be taken for a whole one.
func queryOf(r *http.Request) (query, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, syntaxFault("unreadable query")
	}
	for name, all := range values {
		if len(all) > 1 {
			return nil, Invalid(Fault{Kind: FaultValue, Param: Param(name), Name: name})
		}
	}
	return query(values), nil
}

func (q query) text(name string) string { return url.Values(q).Get(name) }

func (q query) number(name string, otherwise, least, most int) (int, error) {
	text := q.text(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most || strconv.Itoa(n) != text {
		return 0, Invalid(Fault{Kind: FaultValue, Param: Param(name), Name: name})
	}
	return n, nil
}

// cursor is where to start. A stream that is opened again says it by
// Last-Event-ID, which is newer than what its address says.
func (q query) cursor(r *http.Request, stream bool) (watchword.Cursor, error) {
	text, name := q.text("cursor"), "cursor"
	if last := r.Header.Values("Last-Event-ID"); stream && len(last) > 0 {
		text, name = last[0], "Last-Event-ID"
		if len(last) > 1 {
			return watchword.Cursor{}, syntaxFault("two Last-Event-ID headers")
		}
	}
	if text == "" {
		return watchword.Cursor{}, nil
	}
	c, err := watchword.ParseCursor(text)
	if err != nil {
		return c, Invalid(Fault{Kind: FaultValue, Param: "cursor", Name: name})
	}
	return c, nil
}

// serveStatus answers with a Status List Token (draft-ietf-oauth-status-list,
// 21, section 8.1). Of its two forms this is the JWT.
func serveStatus(x *Exchange) (Reply, error) {
	if _, err := callerOf(x); err != nil {
		return Reply{}, err
	}
	if _, err := acceptable(x.Request, mediaStatus); err != nil {
		return Reply{}, err
	}
	text := x.Request.PathValue("block")
	block, err := strconv.ParseInt(text, 10, 64)
	if err != nil || block < 0 || strconv.FormatInt(block, 10) != text {
		return Reply{}, fmt.Errorf("%w: no status list %q", watchword.NotFound, text)
	}
	list, err := x.Service.(StatusLister).StatusList(x.Request.Context(), block)
	if err != nil {
		return Reply{}, err
	}
	r := document(x.Request, []byte(list.Token))
	r.Header.Set("Cache-Control", "private, max-age="+seconds(list.TTL))
	r.Header.Set("Content-Type", mediaStatus)
	return r, nil
}
