package adminapi

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// maxBody bounds a request's body in bytes.
const maxBody = 64 << 10

// body reads a JSON object into a struct, strictly: unknown and repeated
// members are refused, as is what is not of its type. It returns what was
// read. Of a value that is refused nothing is repeated: it may be a password.
func (c *call) body(into any) ([]byte, error) {
	r := c.Request
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, named := params["charset"]
	if err != nil || media != "application/json" || named && !strings.EqualFold(charset, "utf-8") ||
		len(r.Header.Values("Content-Type")) != 1 || len(r.Header.Values("Content-Encoding")) > 0 {
		return nil, fmt.Errorf("%w: want application/json", watchword.UnsupportedMediaType)
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, fmt.Errorf("%w: body", watchword.TooLarge)
	case err != nil:
		return nil, wrong("", "the body ended early")
	}
	if jsontext.Value(body).Kind() != '{' {
		return nil, wrong("", "the body is no JSON object in UTF-8")
	}
	if err := json.Unmarshal(body, into, json.RejectUnknownMembers(true)); err != nil {
		return nil, bodyFault(err)
	}
	return body, nil
}

func bodyFault(err error) error {
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.As(err, &semantic) && errors.Is(err, json.ErrUnknownName):
		return wrong(member(semantic.JSONPointer), "there is no such member")
	case errors.As(err, &semantic):
		return wrong(member(semantic.JSONPointer), "the value is of the wrong type")
	case errors.As(err, &syntactic) && errors.Is(err, jsontext.ErrDuplicateName):
		return wrong(member(syntactic.JSONPointer), "the member is there twice")
	default:
		return wrong("", "the body is no JSON object in UTF-8")
	}
}

// member returns the name of the first member on the way to a place.
func member(p jsontext.Pointer) string {
	for token := range p.Tokens() {
		return token
	}
	return ""
}

func wrong(field, reason string) error {
	return httpauth.Invalid(httpauth.Fault{Kind: httpauth.FaultValue, Param: httpauth.Param(field), Name: field, Reason: reason})
}

// given is a member that may be absent, which leaves things as they are. It is
// never null: nobody can tell what that would mean.
type given[T any] struct {
	value T
	there bool
}

var errNull = errors.New("null")

// UnmarshalJSONFrom reads the value.
func (g *given[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == 'n' {
		return errNull
	}
	g.there = true
	return json.UnmarshalDecode(d, &g.value)
}

// pointer returns the value, nil where it was absent.
func (g given[T]) pointer() *T {
	if !g.there {
		return nil
	}
	return &g.value
}

// query is a request's parameters. They are read strictly: who misspells a
// filter must not get the list of everything.
type query struct {
	values url.Values
	known  map[string]bool
	err    error
}

func (c *call) query() *query {
	values, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		err = wrong("", "the query cannot be read")
	}
	return &query{values, make(map[string]bool), err}
}

// text returns a parameter, "" where it is absent.
func (q *query) text(name string) string {
	q.known[name] = true
	list := q.values[name]
	if len(list) == 0 {
		return ""
	}
	if len(list) > 1 || len(list[0]) > maxParameter || strings.ContainsRune(list[0], 0) {
		q.fault(name, "it is there twice, or too long")
	}
	return list[0]
}

// maxParameter bounds a parameter of a query, in bytes.
const maxParameter = 2048

func (q *query) fault(name, reason string) {
	if q.err == nil {
		q.err = wrong(name, reason)
	}
}

// flag returns a parameter that is true or false; nil where it is absent.
func (q *query) flag(name string) *bool {
	var yes bool
	switch q.text(name) {
	case "":
		return nil
	case "true":
		yes = true
	case "false":
	default:
		q.fault(name, "want true or false")
	}
	return &yes
}

// maxLimit bounds the length of a page.
const maxLimit = 500

// limit returns the length of the page asked for, 0 where none is.
func (q *query) limit() int {
	text := q.text("limit")
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		q.fault("limit", "want a number from 1 to 500")
	}
	return n
}

// end returns the first fault. It comes after all parameters were asked for.
func (q *query) end() error {
	if q.err != nil {
		return q.err
	}
	for name := range q.values {
		if !q.known[name] {
			return wrong(name, "there is no such parameter")
		}
	}
	return nil
}
