package manage

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/mirror"
)

// Bounds of what is kept of a user, in bytes and in entries.
const (
	maxText  = 256 // longer logins could never sign in
	maxExtra = 8 << 10
	maxList  = 200 // of scopes, permissions or groups: they ride in every token
)

// FieldFault is one thing that is wrong with what somebody entered.
type FieldFault struct {
	Field  string // as the JSON API names it: "email"
	Reason string // for people; it repeats nothing secret
}

// InputError is everything that is wrong with what somebody entered. It is
// InvalidRequest.
type InputError struct{ Faults []FieldFault }

// Error lists the faults.
func (e *InputError) Error() string {
	texts := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		texts[i] = f.Field + ": " + f.Reason
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns the code.
func (e *InputError) Unwrap() error { return watchword.InvalidRequest }

func invalid(field, reason string) error {
	return &InputError{Faults: []FieldFault{{field, reason}}}
}

// input collects faults.
type input struct{ faults []FieldFault }

func (in *input) fault(field, format string, args ...any) {
	in.faults = append(in.faults, FieldFault{field, fmt.Sprintf(format, args...)})
}

func (in *input) err() error {
	if in.faults == nil {
		return nil
	}
	return &InputError{Faults: in.faults}
}

// text refuses what nobody could type or read back: a line break in a login
// forges a line of every list that shows it, and one that has no width makes
// it another's.
func (in *input) text(field, text string) {
	switch {
	case len(text) > maxText:
		in.fault(field, "%d bytes, and at most %d are kept", len(text), maxText)
	case !utf8.ValidString(text):
		in.fault(field, "the text is not UTF-8")
	case !watchword.Visible(text):
		in.fault(field, "line breaks and other characters that cannot be seen are not kept")
	case strings.TrimSpace(text) != text:
		in.fault(field, "spaces at the ends are not kept")
	}
}

func (in *input) login(field, login string) {
	if login == "" {
		in.fault(field, "a user needs a login")
		return
	}
	if _, _, ok := mirror.Remote(login); ok {
		// Whoever had it would be taken for somebody from there.
		in.fault(field, "this is the login of a mirrored user")
		return
	}
	in.text(field, login)
}

// email looks whether text may be an address. Whether it is one, only mail to
// it can tell.
func (in *input) email(field, text string) {
	at := strings.LastIndexByte(text, '@')
	if _, _, mirrored := mirror.Remote(text); mirrored || text != "" && len(text) <= maxText &&
		(at < 1 || at == len(text)-1 || strings.ContainsFunc(text, unicode.IsSpace)) {
		in.fault(field, "%q is no address such as ann@example.com", text)
		return
	}
	in.text(field, text)
}

func (in *input) scopes(field string, scopes []string) {
	in.list(field, scopes, func(scope string) string {
		if parsed, err := watchword.ParseScope(scope); err != nil || len(parsed) != 1 {
			return fmt.Sprintf("%q is no scope: one word of printable ASCII without quotes and backslashes", scope)
		}
		return ""
	})
}

func (in *input) names(field string, names []string) {
	in.list(field, names, func(name string) string {
		if name == "" {
			return "an entry is empty"
		}
		return ""
	})
}

func (in *input) list(field string, list []string, judge func(string) string) {
	if len(list) > maxList {
		in.fault(field, "%d entries, and at most %d are kept", len(list), maxList)
		return
	}
	for i, entry := range list {
		before := len(in.faults)
		in.text(field, entry)
		if len(in.faults) == before {
			if why := judge(entry); why != "" {
				in.fault(field, "%s", why)
			} else if slices.Contains(list[:i], entry) {
				in.fault(field, "an entry is there twice")
			}
		}
		if len(in.faults) > before {
			return // one tells enough
		}
	}
}

// extra looks at the application's own object. It goes into answers as it is,
// so it must be what strict readers take: no name twice, UTF-8 throughout.
func (in *input) extra(field string, object []byte) {
	value := jsontext.Value(object)
	switch {
	case len(object) > maxExtra:
		in.fault(field, "%d bytes, and at most %d are kept", len(object), maxExtra)
	case len(object) > 0 && (value.Kind() != '{' || !value.IsValid()):
		in.fault(field, `want a JSON object such as {"plan":"pro"}, no name in it twice`)
	}
}

// CheckUser judges a user to be made: an [InputError] with everything that is
// wrong. CreateUser does so too.
func CheckUser(u watchword.User) error {
	c := changeTo(u)
	c.Login, c.Email, c.FirstName, c.LastName = &u.Login, &u.Email, &u.FirstName, &u.LastName
	c.Phone, c.Location, c.Extra = &u.Phone, &u.Location, &u.Extra
	return CheckChange(c)
}

// CheckChange judges what a change sets, as ChangeUser does.
func CheckChange(c watchword.UserChange) error {
	in := &input{}
	with(c.Login, func(text string) { in.login("login", text) })
	with(c.Email, func(text string) { in.email("email", text) })
	with(c.FirstName, func(text string) { in.text("first_name", text) })
	with(c.LastName, func(text string) { in.text("last_name", text) })
	with(c.Phone, func(text string) { in.text("phone", text) })
	with(c.Location, func(text string) { in.text("location", text) })
	with(c.Groups, func(list []string) { in.names("groups", list) })
	with(c.Permissions, func(list []string) { in.names("permissions", list) })
	with(c.Scopes, func(list []string) { in.scopes("scopes", list) })
	with(c.Extra, func(object []byte) { in.extra("extra", object) })
	return in.err()
}

func with[T any](value *T, do func(T)) {
	if value != nil {
		do(*value)
	}
}
