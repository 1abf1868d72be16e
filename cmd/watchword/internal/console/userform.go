package console

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/manage"
)

// userForm is a user as a form has him: all texts, as they were typed.
type userForm struct {
	ID   string
	Seen string // fingerprint of the record that the form was made from

	Login, Email, FirstName, LastName, Phone, Location string
	Groups, Permissions, Scopes, Extra                 string
	Active, Staff, Superuser                           bool
	Password                                           string // never shown again

	New, MayRank, MayChange bool
	Known                   []manage.Permission // those that mean something to these pages
	Errors                  map[string]string   // by field
	Fault                   string              // of no field
}

// formOf returns the form of a record.
func formOf(u watchword.User) userForm {
	return userForm{
		ID: u.ID, Seen: fingerprint(u),
		Login: u.Login, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName, Phone: u.Phone, Location: u.Location,
		Groups: strings.Join(u.Groups, "\n"), Permissions: strings.Join(u.Permissions, "\n"), Scopes: strings.Join(u.Scopes, "\n"),
		Extra: indented(u.Extra), Active: u.Active, Staff: u.Staff, Superuser: u.Superuser,
	}
}

// fingerprint stands for all of a record that a form can change.
func fingerprint(u watchword.User) string {
	u.LastLoginAt = u.CreatedAt // a sign-in is no change
	b, err := json.Marshal(u)
	if err != nil {
		return "" // no record: a struct of texts and numbers always is JSON
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12])
}

// readUserForm reads what was sent.
func readUserForm(v *visit) userForm {
	on := func(name string) bool { return v.r.PostForm.Get(name) == "on" }
	return userForm{
		Seen:  v.text("seen"),
		Login: v.text("login"), Email: v.text("email"), FirstName: v.text("first_name"), LastName: v.text("last_name"),
		Phone: v.text("phone"), Location: v.text("location"),
		Groups: v.text("groups"), Permissions: v.text("permissions"), Scopes: v.text("scopes"), Extra: v.text("extra"),
		Active: on("active"), Staff: on("staff"), Superuser: on("superuser"),
		Password: v.r.PostForm.Get("password"), // spaces count
	}
}

// user returns the user that the form describes.
func (f userForm) user() watchword.User {
	return watchword.User{
		Login: f.Login, Email: f.Email, FirstName: f.FirstName, LastName: f.LastName, Phone: f.Phone, Location: f.Location,
		Active: f.Active, Staff: f.Staff, Superuser: f.Superuser,
		Groups: lines(f.Groups), Permissions: lines(f.Permissions), Scopes: words(f.Scopes), Extra: compact(f.Extra),
	}
}

// change returns what of u the form changes. Without ranks the two boxes were
// not in the form, and say nothing.
func (f userForm) change(u watchword.User, ranks bool) (c watchword.UserChange, any bool) {
	n := f.user()
	text := func(to **string, old, new string) {
		if old != new {
			*to, any = &new, true
		}
	}
	flag := func(to **bool, old, new bool) {
		if old != new {
			*to, any = &new, true
		}
	}
	list := func(to **[]string, old, new []string) {
		if !slices.Equal(old, new) {
			*to, any = &new, true
		}
	}
	text(&c.Login, u.Login, n.Login)
	text(&c.Email, u.Email, n.Email)
	text(&c.FirstName, u.FirstName, n.FirstName)
	text(&c.LastName, u.LastName, n.LastName)
	text(&c.Phone, u.Phone, n.Phone)
	text(&c.Location, u.Location, n.Location)
	flag(&c.Active, u.Active, n.Active)
	if ranks {
		flag(&c.Staff, u.Staff, n.Staff)
		flag(&c.Superuser, u.Superuser, n.Superuser)
	}
	list(&c.Groups, u.Groups, n.Groups)
	list(&c.Permissions, u.Permissions, n.Permissions)
	list(&c.Scopes, u.Scopes, n.Scopes)
	if !bytes.Equal(compact(string(u.Extra)), n.Extra) {
		c.Extra, any = &n.Extra, true
	}
	return c, any
}

// tell puts a refusal beside the fields that it is about, and reports whether
// it is one of the form's at all. derived says that the login was made from
// the e-mail address, so that the field is the address's.
func (f *userForm) tell(err error, derived bool) bool {
	var input *manage.InputError
	var policy *watchword.PolicyError
	f.Errors = make(map[string]string)
	switch code := watchword.CodeOf(err); {
	case errors.As(err, &input):
		for _, fault := range input.Faults {
			field := fault.Field
			if derived && field == "login" {
				field = "email"
			}
			f.Errors[field] = sentence(fault.Reason)
		}
	case errors.As(err, &policy):
		f.Fault = "Not saved: " + policy.Message + "."
	case code == watchword.PasswordWeak:
		f.Errors["password"] = weak(err)
	case code == watchword.Conflict && derived:
		f.Errors["email"] = "Somebody has this as login or e-mail address already."
	case code == watchword.Conflict:
		f.Errors["login"] = "Somebody has this login or e-mail address already, or the password was changed meanwhile."
	default:
		return false
	}
	if len(f.Errors) > 0 {
		f.Fault = "Nothing was saved yet: look at the fields that are marked."
	}
	return true
}

// refusedForm is the status of a form that is shown again.
func refusedForm(err error) int {
	if watchword.CodeOf(err) == watchword.PermissionDenied {
		return http.StatusForbidden
	}
	return http.StatusUnprocessableEntity
}

// weak says what is wrong with a password: the reason without its code.
func weak(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		text = text[i+2:]
	}
	return sentence(text)
}

// sentence makes one of a reason.
func sentence(reason string) string {
	if reason == "" {
		return ""
	}
	return strings.ToUpper(reason[:1]) + reason[1:] + "."
}

// beforeAt is the part of an address before its @.
func beforeAt(address string) string {
	if at := strings.LastIndexByte(address, '@'); at > 0 {
		return address[:at]
	}
	return address
}

// lines returns the lines of a text, without empty ones and repeats.
func lines(text string) []string { return unique(strings.Split(text, "\n")) }

// words does so for words, which is what scopes are.
func words(text string) []string { return unique(strings.Fields(text)) }

func unique(texts []string) []string {
	var list []string
	seen := make(map[string]bool) // a form holds tens of thousands of words
	for _, text := range texts {
		if text = strings.TrimSpace(text); text != "" && !seen[text] {
			seen[text] = true
			list = append(list, text)
		}
	}
	return list
}

// indented lays JSON out for people. What is none stays as it is.
func indented(object []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, object, "", "  ") != nil {
		return string(object)
	}
	return b.String()
}

// compact takes the layout out again, and nothing else: names that are there
// twice stay for the check that refuses them.
func compact(text string) []byte {
	if text == "" {
		return nil
	}
	var b bytes.Buffer
	if json.Compact(&b, []byte(text)) != nil {
		return []byte(text)
	}
	return b.Bytes()
}
