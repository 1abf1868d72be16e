package adminapi

import (
	"encoding/base64"

	"github.com/watchword-auth/watchword/httpauth"
)

// Cursors look like nothing in particular, so that nobody takes one apart.

// cursor returns the text of a list's place, null for none.
func cursor(place string) any {
	if place == "" {
		return nil
	}
	return base64.RawURLEncoding.EncodeToString([]byte(place))
}

// place returns the place that the cursor of the query stands for.
func (q *query) place() string {
	place, err := base64.RawURLEncoding.Strict().DecodeString(q.text("cursor"))
	if err != nil {
		q.fault("cursor", "it is none of this list")
	}
	return string(place)
}

// paging are the parameters that every list has.
func paging() []httpauth.Parameter {
	return []httpauth.Parameter{
		{Name: "limit", Description: "How many entries a page has: 1 to 500, 100 where it is not said.", Example: int64(100)},
		{Name: "cursor", Description: "The next of the page before.", Example: sampleCursor},
	}
}

const sampleCursor = "aWQ6MTAw"
