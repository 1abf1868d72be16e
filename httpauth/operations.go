package httpauth

import (
	"errors"
	"fmt"
	"slices"

	"github.com/watchword-auth/watchword"
)

// operate does what a route's Op says.
type operate func(*Exchange) (Result, error)

// operation returns the function of an Op over a service, or an error that
// names what the service lacks.
func operation(op Op, s Service) (operate, error) {
	switch op {
	case OpCustom:
		return nothing, nil
	case OpToken:
		clients, err := needs[ClientAuthenticator](s, "ClientAuthenticator")
		return tokenEndpoint(s, clients), err
	case OpSignIn:
		return signIn(s), nil
	case OpRefresh:
		return refresh(s), nil
	case OpVerify:
		return verify(s), nil
	case OpSignOut:
		return signOut(s), nil
	case OpWhoami:
		users, err := needs[UserFinder](s, "UserFinder")
		return whoami(users), err
	case OpChangePassword:
		passwords, err := needs[PasswordChanger](s, "PasswordChanger")
		return changePassword(passwords), err
	case OpListSessions:
		sessions, err := needs[SessionKeeper](s, "SessionKeeper")
		return listSessions(sessions), err
	case OpEndSession:
		sessions, err := needs[SessionKeeper](s, "SessionKeeper")
		return endSession(sessions), err
	case OpIntrospect:
		clients, err := needs[ClientAuthenticator](s, "ClientAuthenticator")
		introspector, err2 := needs[Introspector](s, "Introspector")
		return introspect(clients, introspector), errors.Join(err, err2)
	case OpRevoke:
		clients, err := needs[ClientAuthenticator](s, "ClientAuthenticator")
		revoker, err2 := needs[Revoker](s, "Revoker")
		return revoke(s, clients, revoker), errors.Join(err, err2)
	case OpKeys:
		_, err := needs[KeyPublisher](s, "KeyPublisher")
		return nothing, err
	case OpMetadata:
		_, err := needs[Issuer](s, "Issuer")
		return nothing, err
	case OpCSRF:
		return issueCSRF(s), nil
	case OpChangeRecord:
		records, err := needs[RecordKeeper](s, "RecordKeeper")
		return changeRecord(records), err
	case OpSignUp:
		accounts, err := needs[AccountMaker](s, "AccountMaker")
		return signUp(accounts), err
	default:
		return nil, fmt.Errorf("there is no operation %d", op)
	}
}

// needs finds an optional interface of a service.
func needs[T any](s Service, name string) (T, error) {
	t, ok := s.(T)
	if !ok {
		return t, fmt.Errorf("%T is no %s", s, name)
	}
	return t, nil
}

func nothing(*Exchange) (Result, error) { return Result{}, nil }

func signIn(s Service) operate {
	return func(x *Exchange) (Result, error) {
		scopes, err := x.scopes()
		if err != nil {
			return Result{}, err
		}
		t, err := s.SignIn(x.Request.Context(), watchword.SignInRequest{
			Credentials: watchword.Credentials{Login: x.Text(ParamLogin), Password: x.Text(ParamPassword)},
			Scopes:      scopes, Client: x.Client,
		})
		return Result{Tokens: t, signedIn: true}, err
	}
}

func refresh(s Service) operate {
	return func(x *Exchange) (Result, error) {
		raw, err := x.refreshToken()
		if err != nil {
			return Result{}, err
		}
		scopes, err := watchword.ParseScope(x.Text(ParamScope))
		if err != nil {
			return Result{}, err
		}
		t, err := s.Refresh(x.Request.Context(), watchword.RefreshRequest{Raw: raw, Scopes: scopes, Client: x.Client})
		return Result{Tokens: t}, err
	}
}

func verify(s Service) operate {
	return func(x *Exchange) (Result, error) {
		c, err := s.Verify(x.Request.Context(), x.Text(ParamToken), x.endpoint.route.Kinds...)
		return Result{Claims: c}, err
	}
}

// signOut ends the session of every token shown. What is no token of ours,
// or has ended already, is no reason to tell anybody anything but that he is
// signed out; a service that failed is.
func signOut(s Service) operate {
	return func(x *Exchange) (Result, error) {
		var shown []string
		add := func(raw string, ok bool) {
			if ok && raw != "" && !slices.Contains(shown, raw) {
				shown = append(shown, raw)
			}
		}
		add(x.Text(ParamRefresh), true)
		// All transports are asked one by one: of two tokens that disagree,
		// both are shown and both end.
		for _, one := range each(x.Transport()) {
			add(one.Refresh(x.Request))
			add(one.Access(x.Request))
		}
		if x.onlyOthers() {
			return Result{}, signOutOthers(s, x, shown)
		}
		for _, raw := range shown {
			err := s.SignOut(x.Request.Context(), watchword.SignOutRequest{
				Raw: raw, Everywhere: x.Flag(ParamEverywhere), Client: x.Client,
			})
			if failed(err) {
				return Result{}, err
			}
		}
		return Result{}, nil
	}
}

// failed reports whether the service, not the token, was at fault.
func failed(err error) bool {
	code := watchword.CodeOf(err)
	return err != nil && (code == watchword.Internal || code == watchword.Unavailable || code == watchword.RateLimited)
}

// onlyOthers reports whether a sign-out is about the other sessions only.
func (x *Exchange) onlyOthers() bool { return x.Flag(ParamOthers) && !x.Flag(ParamEverywhere) }

// signOutOthers ends the user's other sessions by the first token that
// counts. Where none does it says so: somebody who shuts a thief out must not
// be told that it is done.
func signOutOthers(s Service, x *Exchange, shown []string) error {
	err := error(watchword.Unauthenticated)
	for _, raw := range shown {
		err = s.SignOut(x.Request.Context(), watchword.SignOutRequest{Raw: raw, Others: true, Client: x.Client})
		if err == nil || failed(err) {
			return err
		}
	}
	return err
}

// signUp makes an account. That the login or the address is taken is told to
// nobody (ASVS 6.3.8); the engine makes both take equally long.
func signUp(accounts AccountMaker) operate {
	return func(x *Exchange) (Result, error) {
		_, err := accounts.SignUp(x.Request.Context(), watchword.SignUpRequest{
			User: watchword.User{
				Login: x.Text(ParamLogin), Email: x.Text(ParamEmail),
				FirstName: x.Text(ParamFirstName), LastName: x.Text(ParamLastName),
			},
			Password: x.Text(ParamPassword), Client: x.Client,
		})
		if errors.Is(err, watchword.Conflict) {
			return Result{}, nil
		}
		return Result{}, err
	}
}

func whoami(users UserFinder) operate {
	return func(x *Exchange) (Result, error) {
		u, err := users.User(x.Request.Context(), x.Claims)
		return Result{User: u, Claims: x.Claims}, noUser(x.Claims, err)
	}
}

// noUser turns NotFound about the bearer himself into a refusal of his
// token: a machine has no record, and a user that is gone no valid token.
func noUser(c *watchword.Claims, err error) error {
	switch {
	case !errors.Is(err, watchword.NotFound):
		return err
	case c.ClientID != "" && c.ClientID == c.Subject:
		return fmt.Errorf("%w: a client has no record: %w", watchword.PermissionDenied, err)
	default:
		return fmt.Errorf("%w: %w", watchword.UserDisabled, err)
	}
}

func changeRecord(records RecordKeeper) operate {
	return func(x *Exchange) (Result, error) {
		u, err := records.ChangeRecord(x.Request.Context(), watchword.RecordChange{
			Claims: x.Claims, FirstName: x.given(ParamFirstName), LastName: x.given(ParamLastName),
			Phone: x.given(ParamPhone), Location: x.given(ParamLocation), Client: x.Client,
		})
		return Result{User: u, Claims: x.Claims}, err
	}
}

func changePassword(passwords PasswordChanger) operate {
	return func(x *Exchange) (Result, error) {
		err := passwords.ChangePassword(x.Request.Context(), watchword.PasswordChange{
			Claims: x.Claims, Current: x.Text(ParamCurrent), New: x.Text(ParamNew), Client: x.Client,
		})
		return Result{}, err
	}
}

func listSessions(sessions SessionKeeper) operate {
	return func(x *Exchange) (Result, error) {
		list, err := sessions.Sessions(x.Request.Context(), x.Claims)
		return Result{Sessions: list}, noUser(x.Claims, err)
	}
}

func endSession(sessions SessionKeeper) operate {
	return func(x *Exchange) (Result, error) {
		return Result{}, sessions.EndSession(x.Request.Context(), x.Claims, x.Request.PathValue("id"), x.Client)
	}
}
