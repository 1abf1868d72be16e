package watchword

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// SignUpRequest asks for an account. It prints redacted.
type SignUpRequest struct {
	// User is who it is for: Login, Email, FirstName, LastName, Phone and
	// Location count, nothing else. Nobody makes himself staff.
	User     User
	Password string
	Client   Client
}

// maxName bounds the other texts of an account, in bytes.
const maxName = 1024

// writeFloor hides how long the store took: a new account is written and
// synced, and a login that is taken only looked up.
const writeFloor = 100 * time.Millisecond

// SignUp makes an active account with a password. Every attempt of an address
// counts with the limiter. A login that is taken costs a hash as well, and is
// answered as long after it as one that was free: in 100 ms, or the next
// whole number of them. Errors: InvalidRequest, PasswordWeak, Conflict where
// login or e-mail address is taken (whether a client is told so is its
// profile's decision), RateLimited, Unavailable, NotFound where users are kept
// elsewhere. What is refused otherwise than with Conflict is refused alike
// whoever exists.
func (a *Authority) SignUp(ctx context.Context, r SignUpRequest) (User, error) {
	admin, ok := a.c.Users.(UserAdmin)
	passwords, isPasswords := a.c.Authenticator.(*Passwords)
	if !ok || !isPasswords {
		return User{}, fmt.Errorf("%w: users and their passwords are kept elsewhere", NotFound)
	}
	u := User{
		Login: r.User.Login, Email: r.User.Email, FirstName: r.User.FirstName, LastName: r.User.LastName,
		Phone: r.User.Phone, Location: r.User.Location, Active: true, CreatedAt: a.c.Now(),
	}
	if err := checkAccount(u); err != nil {
		return User{}, err
	}
	if err := a.limitSignUp(ctx, r.Client); err != nil {
		return User{}, err
	}
	if err := CheckPassword(r.Password, u.Login); err != nil {
		return User{}, err
	}
	hash, err := passwords.hasher.Hash(ctx, r.Password)
	if err != nil {
		return User{}, newPasswordError(err)
	}
	hashed := passwords.now()
	made, err := admin.CreateUser(ctx, NewUser{User: u, PasswordHash: hash})
	switch {
	case err == nil:
		a.tell(ctx, Event{Kind: UserChanged, UserID: made.ID, Login: made.Login, Client: r.Client, Detail: "signed up"})
	case errors.Is(err, Conflict):
		a.tell(ctx, Event{Kind: UserChanged, Login: u.Login, Client: r.Client, Code: Conflict, Detail: "sign-up refused"})
	default:
		return User{}, fmt.Errorf("sign up: %w", err)
	}
	passwords.hold(ctx, hashed, writeFloor)
	if err != nil {
		return User{}, fmt.Errorf("sign up: %w", err)
	}
	return made, nil
}

// checkAccount judges what a stranger says of himself.
func checkAccount(u User) error {
	if u.Login == "" || len(u.Login) > maxLogin || strings.TrimSpace(u.Login) != u.Login {
		return fmt.Errorf("%w: login has %d bytes, want 1 to %d without space around them", InvalidRequest, len(u.Login), maxLogin)
	}
	if u.Email != "" && (len(u.Email) > maxLogin || !strings.Contains(u.Email, "@")) {
		return fmt.Errorf("%w: the e-mail address has no @, or more than %d bytes", InvalidRequest, maxLogin)
	}
	for _, text := range []string{u.Login, u.Email, u.FirstName, u.LastName, u.Phone, u.Location} {
		if len(text) > maxName || !utf8.ValidString(text) || !Visible(text) {
			return fmt.Errorf("%w: a text is longer than %d bytes or has characters that cannot be seen", InvalidRequest, maxName)
		}
	}
	return nil
}

// limitSignUp takes an attempt of the address, apart from those to sign in.
// Nothing is given back: accounts made in masses are abuse as well.
func (a *Authority) limitSignUp(ctx context.Context, from Client) error {
	key := originKey(from.Address)
	if a.c.Limiter == nil || key == "" {
		return nil
	}
	wait, err := a.c.Limiter.Take(ctx, "signup:"+key, a.c.Now())
	if err != nil {
		return fmt.Errorf("%w: limiter: %w", Unavailable, err)
	}
	if wait > 0 {
		return &RetryError{Code: RateLimited, After: wait}
	}
	return nil
}
