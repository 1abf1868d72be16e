package watchword

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// FactPage is one answer of the revocation feed: the facts after the cursor
// that was asked with. Its JSON is what GET /auth/v1/revocations answers and
// what each event of its stream carries, and both ends of the feed read and
// write it here.
type FactPage struct {
	// Cursor is to be asked with next; the zero Cursor is left out.
	Cursor Cursor
	// More says that there are facts after Cursor already.
	More bool
	// Now is the time of the authority, in microseconds: all facts that were
	// committed before it are in this page and those before, unless More.
	Now time.Time
	// StatusKey and Profiles come with the first page alone; see
	// [NewStatusNumbers].
	StatusKey []byte
	Profiles  []string
	Facts     []Fact
}

// kindNames are what facts are called on the wire, by FactKind.
var kindNames = [...]string{"", "session", "user", "token", "claims", "key", "profile"}

// String returns the name of the kind on the wire, or its number where it has
// none.
func (k FactKind) String() string {
	if k > 0 && int(k) < len(kindNames) {
		return kindNames[k]
	}
	return strconv.Itoa(int(k))
}

// maxEpoch is the longest epoch that is read: ours have 26 characters.
const maxEpoch = 64

// String returns EPOCH.N, as the feed writes it.
func (c Cursor) String() string { return c.Epoch + "." + strconv.FormatInt(c.N, 10) }

// ParseCursor reads what [Cursor.String] wrote. Anything else, another
// spelling of the number too, is InvalidRequest.
func ParseCursor(text string) (Cursor, error) {
	epoch, number, ok := strings.Cut(text, ".")
	n, err := strconv.ParseInt(number, 10, 64)
	c := Cursor{Epoch: epoch, N: n}
	if !ok || err != nil || n < 0 || !validEpoch(epoch) || c.String() != text {
		return Cursor{}, fmt.Errorf("%w: a cursor is EPOCH.N", InvalidRequest)
	}
	return c, nil
}

// validEpoch reports whether an epoch can stand in a query, in a header and in
// the id of an event: letters, digits, "-" and "_".
func validEpoch(epoch string) bool {
	for i := range len(epoch) {
		c := epoch[i]
		if !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '-' || c == '_') {
			return false
		}
	}
	return epoch != "" && len(epoch) <= maxEpoch
}

// MarshalJSON writes the page; members that are zero are left out, but for
// more, now and facts. A fact of a kind without a name is an error.
func (p FactPage) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 256+96*len(p.Facts))
	b = append(b, '{')
	if p.Cursor != (Cursor{}) {
		b = append(appendText(append(b, `"cursor":`...), p.Cursor.String()), ',')
	}
	b = strconv.AppendBool(append(b, `"more":`...), p.More)
	b = strconv.AppendInt(append(b, `,"now":`...), p.Now.UnixMicro(), 10)
	if len(p.StatusKey) > 0 {
		b = appendMember(b, ',', "status_key", base64.RawURLEncoding.EncodeToString(p.StatusKey))
	}
	if len(p.Profiles) > 0 {
		b = appendTexts(append(b, `,"profiles":`...), p.Profiles)
	}
	b = append(b, `,"facts":[`...)
	for i, f := range p.Facts {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendFact(b, f); err != nil {
			return nil, err
		}
	}
	return append(b, ']', '}'), nil
}

// appendFact writes one fact. A fact must not die early: its Until is rounded
// up to the whole second.
func appendFact(b []byte, f Fact) ([]byte, error) {
	if f.Kind == 0 || int(f.Kind) >= len(kindNames) {
		return nil, fmt.Errorf("a fact of the unknown kind %d", f.Kind)
	}
	b = appendMember(b, '{', "kind", kindNames[f.Kind])
	if f.ID != "" {
		b = appendMember(b, ',', "id", f.ID)
	}
	for _, m := range []struct {
		name  string
		value int64
	}{
		{"number", f.Number},
		{"up_to", f.UpTo},
		{"except", f.Except},
		{"before", unixOrZero(f.Before)},
		{"until", unixOrZero(f.Until.Add(time.Second - 1))},
	} {
		if m.value != 0 {
			b = appendInt(b, m.name, m.value)
		}
	}
	return append(b, '}'), nil
}

// maxUnix is the last second of the year 9999.
const maxUnix = 253402300799

// unixOrZero is t in seconds. The zero time, and what lies before 1970, where
// no token comes from, is 0.
func unixOrZero(t time.Time) int64 { return min(max(t.Unix(), 0), maxUnix) }

// wireFact and wirePage are the JSON as it is read.
type wireFact struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Number int64  `json:"number"`
	UpTo   int64  `json:"up_to"`
	Except int64  `json:"except"`
	Before int64  `json:"before"`
	Until  int64  `json:"until"`
}

type wirePage struct {
	Cursor    string     `json:"cursor"`
	More      bool       `json:"more"`
	Now       *int64     `json:"now"`
	StatusKey string     `json:"status_key"`
	Profiles  []string   `json:"profiles"`
	Facts     []wireFact `json:"facts"`
}

// UnmarshalJSON reads what MarshalJSON wrote. It is strict: duplicate names,
// doubtful text, numbers out of range and facts of a kind that it does not
// know are errors, since a fact passed over would be a revoked token that
// works. Members that it does not know are passed over.
func (p *FactPage) UnmarshalJSON(data []byte) error {
	var w wirePage
	if err := json.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("read facts: %w", err)
	}
	if w.Now == nil || *w.Now < 0 {
		return fmt.Errorf("read facts: no time")
	}
	next := FactPage{More: w.More, Now: time.UnixMicro(*w.Now).UTC()}
	if len(w.Profiles) > 0 {
		next.Profiles = w.Profiles
	}
	var err error
	if w.Cursor != "" {
		if next.Cursor, err = ParseCursor(w.Cursor); err != nil {
			return fmt.Errorf("read facts: %w", err)
		}
	}
	if w.StatusKey != "" {
		next.StatusKey, err = base64.RawURLEncoding.Strict().DecodeString(w.StatusKey)
		if err != nil || len(next.StatusKey) != statusKeySize {
			return fmt.Errorf("read facts: the status key is not %d bytes in base64url", statusKeySize)
		}
	}
	if len(w.Facts) > 0 {
		next.Facts = make([]Fact, len(w.Facts))
	}
	for i, f := range w.Facts {
		if next.Facts[i], err = f.fact(); err != nil {
			return fmt.Errorf("read facts: %w", err)
		}
	}
	*p = next
	return nil
}

func (w wireFact) fact() (Fact, error) {
	kind := slices.Index(kindNames[:], w.Kind)
	if kind <= 0 {
		return Fact{}, fmt.Errorf("a fact of the unknown kind %q", w.Kind)
	}
	if min(w.Number, w.UpTo, w.Except, w.Before, w.Until) < 0 || max(w.Before, w.Until) > maxUnix {
		return Fact{}, fmt.Errorf("a fact with a number out of range")
	}
	f := Fact{Kind: FactKind(kind), ID: w.ID, Number: w.Number, UpTo: w.UpTo, Except: w.Except}
	if w.Before != 0 {
		f.Before = time.Unix(w.Before, 0).UTC()
	}
	if w.Until != 0 {
		f.Until = time.Unix(w.Until, 0).UTC()
	}
	return f, nil
}
