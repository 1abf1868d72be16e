package move

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/mirror"
)

// Bounds of what is kept of a person, in bytes.
const (
	maxLogin = 256  // a longer one could never sign in
	maxText  = 1024 // of Django's 150 characters each may take four
	maxExtra = 8 << 10
)

// settle cleans what was read and finds what cannot be taken over.
func (p *Person) settle() {
	if p.Fault == "" {
		p.Fault = loginFault(p.Login)
	}
	if p.Fault == "" && p.Email != "" {
		if why := loginFault(p.Email); why != "" {
			p.Fault = "the e-mail address: " + why
		}
	}
	if p.Fault == "" && len(p.Extra) > 0 {
		p.Fault = extraFault(p.Extra)
	}
	if p.Fault == "" {
		p.Fault = rightsFault(p.Groups, p.Permissions)
	}
	if p.Fault == "" {
		p.Fault = scopesFault(p.Scopes)
	}
	for _, text := range []*string{&p.FirstName, &p.LastName, &p.Phone, &p.Location} {
		p.clean(text)
	}
	for _, list := range []*[]string{&p.Groups, &p.Permissions, &p.Scopes} {
		for i, text := range *list {
			(*list)[i] = strings.TrimSpace(text)
		}
		slices.Sort(*list)
		*list = slices.DeleteFunc(slices.Compact(*list), func(s string) bool { return s == "" })
	}
	if p.Fault != "" {
		p.Login = tidy(p.Login, 64) // it is only shown from here on
	}
	if isHash(p.Login) || isHash(p.Email) {
		p.Login, p.Email, p.Fault = "", "", "a hash stands where the login or the e-mail address should"
	}
}

// loginFault says what is wrong with a login. A line break in one would forge
// a line of every list that shows it. It is kept as it is otherwise, for its
// owner types it so.
func loginFault(login string) string {
	switch {
	case login == "":
		return "there is no login"
	case len(login) > maxLogin:
		return fmt.Sprintf("it has %d bytes, and nobody could sign in with more than %d", len(login), maxLogin)
	case !utf8.ValidString(login):
		return "it is not UTF-8"
	case strings.ContainsFunc(login, unicode.IsControl):
		return "it holds control characters"
	}
	if _, _, mirrored := mirror.Remote(login); mirrored {
		return "users mirrored from an authority are called so"
	}
	return ""
}

// extraFault says what is wrong with an object that goes into answers as it
// is: it must be what strict readers take.
func extraFault(extra []byte) string {
	value := jsontext.Value(extra)
	switch {
	case len(extra) > maxExtra:
		return fmt.Sprintf("extra: %d bytes, and at most %d are kept", len(extra), maxExtra)
	case value.Kind() != '{' || !value.IsValid():
		return "extra: this is no JSON object, or a name is in it twice"
	}
	return ""
}

// rightsFault says what is wrong with groups and permissions. They are not
// cleaned: another text would be another right.
func rightsFault(lists ...[]string) string {
	for _, text := range slices.Concat(lists...) {
		switch {
		case len(text) > maxText:
			return fmt.Sprintf("a group or permission has %d bytes, and at most %d are kept", len(text), maxText)
		case !utf8.ValidString(text), strings.ContainsFunc(strings.TrimSpace(text), unicode.IsControl):
			return "a group or permission is not UTF-8 or holds control characters"
		}
	}
	return ""
}

func scopesFault(scopes []string) string {
	for _, s := range scopes {
		if parsed, err := watchword.ParseScope(s); err != nil || len(parsed) > 1 {
			return "scopes: a scope is one word of printable ASCII without quotes and backslashes"
		}
	}
	return ""
}

// clean makes text fit to be kept and shown.
func (p *Person) clean(text *string) {
	if kept := tidy(*text, maxText); kept != *text {
		p.Cleaned = p.Cleaned || kept != strings.TrimSpace(*text)
		*text = kept
	}
}

func tidy(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	text = strings.TrimSpace(text)
	for len(text) > most {
		_, last := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-last]
	}
	return text
}

// digestSize is that of each half of a digest.
const digestSize = 16

// digest is what the source's record is known again by: a half for the hash
// and a half for the rest, but for the time of the last sign-in, which goes
// on in both systems. The password's half stands apart so that a new surname
// there does not undo the better hash that was made here meanwhile.
func (p *Person) digest() []byte {
	h := sha256.New()
	put := func(texts ...string) {
		for _, s := range texts {
			var size [8]byte
			binary.BigEndian.PutUint64(size[:], uint64(len(s)))
			h.Write(size[:])
			h.Write([]byte(s))
		}
	}
	put(p.ID, p.Login, p.Email, p.FirstName, p.LastName, p.Phone, p.Location,
		fmt.Sprint(p.Active, p.Staff, p.Superuser), string(p.Extra))
	for _, list := range [][]string{p.Groups, p.Permissions, p.Scopes} {
		put(fmt.Sprint(len(list)))
		put(list...)
	}
	password := sha256.Sum256([]byte(p.Hash))
	return append(h.Sum(nil)[:digestSize], password[:digestSize]...)
}

// samePassword reports whether two digests are of the same hash.
func samePassword(a, b []byte) bool {
	return len(a) == 2*digestSize && len(b) == 2*digestSize && bytes.Equal(a[digestSize:], b[digestSize:])
}

// equals reports whether the user here is as the source has him.
func (p *Person) equals(u watchword.User, hash string) bool {
	return p.Hash == hash && p.Login == u.Login && p.Email == u.Email && p.FirstName == u.FirstName &&
		p.LastName == u.LastName && p.Phone == u.Phone && p.Location == u.Location &&
		p.Active == u.Active && p.Staff == u.Staff && p.Superuser == u.Superuser &&
		slices.Equal(p.Groups, u.Groups) && slices.Equal(p.Permissions, u.Permissions) &&
		slices.Equal(p.Scopes, u.Scopes) && bytes.Equal(p.Extra, u.Extra)
}

// change is what of the user must be changed to be as the source has him.
func (p *Person) change(u watchword.User, hash string, password bool) watchword.UserChange {
	var c watchword.UserChange
	for _, f := range []struct {
		to   **string
		was  string
		want *string
	}{
		{&c.Login, u.Login, &p.Login},
		{&c.Email, u.Email, &p.Email},
		{&c.FirstName, u.FirstName, &p.FirstName},
		{&c.LastName, u.LastName, &p.LastName},
		{&c.Phone, u.Phone, &p.Phone},
		{&c.Location, u.Location, &p.Location},
	} {
		if f.was != *f.want {
			*f.to = f.want
		}
	}
	for _, f := range []struct {
		to   **bool
		was  bool
		want *bool
	}{{&c.Active, u.Active, &p.Active}, {&c.Staff, u.Staff, &p.Staff}, {&c.Superuser, u.Superuser, &p.Superuser}} {
		if f.was != *f.want {
			*f.to = f.want
		}
	}
	for _, f := range []struct {
		to   **[]string
		was  []string
		want *[]string
	}{{&c.Groups, u.Groups, &p.Groups}, {&c.Permissions, u.Permissions, &p.Permissions}, {&c.Scopes, u.Scopes, &p.Scopes}} {
		if !slices.Equal(f.was, *f.want) {
			*f.to = f.want
		}
	}
	if !bytes.Equal(u.Extra, p.Extra) {
		c.Extra = &p.Extra
	}
	if password && p.Hash != hash {
		c.PasswordHash = &p.Hash
	}
	return c
}
