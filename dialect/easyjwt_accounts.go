package dialect

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
)

// Parameters of the routes that make accounts.
const (
	paramFirstName httpauth.Param = "first_name"
	paramLastName  httpauth.Param = "last_name"
	paramPhone     httpauth.Param = "phone"
)

// serveCreate makes an account. It tells who exists, as the original does;
// that it is off unless asked for, and throttled, is the remedy.
func (c *easyjwtSettings) serveCreate(x *httpauth.Exchange) (httpauth.Reply, error) {
	email, pass := strings.ToLower(x.Text(httpauth.ParamLogin)), x.Text(httpauth.ParamPassword)
	u := watchword.User{
		Login: email, Email: email, FirstName: x.Text(paramFirstName), LastName: x.Text(paramLastName), Phone: x.Text(paramPhone),
	}
	var faults httpauth.Object
	if !isEmail(email) {
		faults = append(faults, httpauth.Pair{Name: "email", Value: []string{"Enter a valid email address."}})
	}
	if weak := weakness(pass, email); weak != nil {
		faults = append(faults, httpauth.Pair{Name: "password", Value: weak})
	}
	for _, bound := range []struct {
		name, text string
		most       int
	}{{"first_name", u.FirstName, 150}, {"last_name", u.LastName, 150}, {"phone", u.Phone, 15}} {
		if len([]rune(bound.text)) > bound.most {
			faults = append(faults, httpauth.Pair{Name: bound.name, Value: []string{
				fmt.Sprintf("Ensure this field has no more than %d characters.", bound.most),
			}})
		}
	}
	if faults != nil {
		return x.JSON(http.StatusBadRequest, faults)
	}
	made, err := x.Service.(accountMaker).SignUp(x.Request.Context(), watchword.SignUpRequest{User: u, Password: pass, Client: x.Client})
	switch {
	case errors.Is(err, watchword.Conflict):
		return x.JSON(http.StatusBadRequest, httpauth.Object{{Name: "email", Value: []string{"This email already exists."}}})
	case err != nil:
		return httpauth.Reply{}, err
	}
	return x.JSON(http.StatusCreated, httpauth.Object{
		{Name: "id", Value: number(made.ID)},
		{Name: "email", Value: made.Email},
		{Name: "first_name", Value: made.FirstName},
		{Name: "last_name", Value: made.LastName},
		{Name: "phone", Value: orNull(made.Phone)},
	})
}

// weakness is what Django's validators say of a password, nil for nothing.
func weakness(pass, login string) []string {
	var list []string
	err := watchword.CheckPassword(pass, login)
	switch local, _, _ := strings.Cut(login, "@"); {
	case err != nil && len([]rune(pass)) < 8:
		list = append(list, "This password is too short. It must contain at least 8 characters.")
	case strings.EqualFold(pass, login), strings.EqualFold(pass, local):
		list = append(list, "The password is too similar to the email.")
	case err != nil:
		list = append(list, "This password is too common.")
	}
	if isNumeric(pass) {
		list = append(list, "This password is entirely numeric.")
	}
	return list
}

// servePassword changes the password of whoever knows the old one, and ends
// his sessions.
func (c *easyjwtSettings) servePassword(x *httpauth.Exchange) (httpauth.Reply, error) {
	email, old, pass := x.Text(httpauth.ParamLogin), x.Text(httpauth.ParamPassword), x.Text(httpauth.ParamNew)
	if weak := weakness(pass, email); weak != nil {
		return x.JSON(http.StatusBadRequest, httpauth.Object{{Name: "new_password", Value: weak}})
	}
	ctx := x.Request.Context()
	u, err := x.Service.(authenticator).Authenticate(ctx, watchword.Credentials{Login: email, Password: old}, x.Client)
	if err == nil {
		who := watchword.ClaimSet{Kind: watchword.Access, UserID: u.ID, Subject: u.ID}
		err = x.Service.(httpauth.PasswordChanger).ChangePassword(ctx, watchword.PasswordChange{
			Claims: who.Freeze(nil), Current: old, New: pass, Client: x.Client,
		})
	}
	switch code := watchword.CodeOf(err); {
	case err == nil:
		return x.JSON(http.StatusOK, httpauth.Object{})
	case code == watchword.InvalidCredentials, code == watchword.PermissionDenied:
		return x.JSON(http.StatusBadRequest, httpauth.Object{{Name: "non_field_errors", Value: []string{"Invalid credentials."}}})
	default:
		return httpauth.Reply{}, err
	}
}

// isNumeric reports whether a password is digits alone.
func isNumeric(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
