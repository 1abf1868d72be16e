package watchword

import (
	"context"
	"fmt"
)

// SignUpRequest asks for an account. It prints redacted.
type SignUpRequest struct {
	// User is who it is for: Login, Email, FirstName, LastName, Phone and
	// Location count, nothing else. Nobody makes himself staff.
	User     User
	Password string
	Client   Client
}

// SignUp makes an active account with a password. Every attempt of an address
// counts with the limiter, and a login that is taken costs a hash as well.
// Errors: InvalidRequest, PasswordWeak, Conflict where login or e-mail
// address is taken (whether a client is told so is its profile's decision),
// RateLimited, Unavailable, NotFound where users are kept elsewhere.
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
	if u.Login == "" || len(u.Login) > maxLogin || len(u.Email) > maxLogin {
		return User{}, fmt.Errorf("%w: login has %d bytes, want 1 to %d", InvalidRequest, len(u.Login), maxLogin)
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
	made, err := admin.CreateUser(ctx, NewUser{User: u, PasswordHash: hash})
	if err != nil {
		return User{}, fmt.Errorf("sign up: %w", err)
	}
	a.tell(ctx, Event{Kind: UserChanged, UserID: made.ID, Login: made.Login, Client: r.Client, Detail: "signed up"})
	return made, nil
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
