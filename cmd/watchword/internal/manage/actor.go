package manage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/watchword-auth/watchword"
)

// ScopeAdmin is the scope of tokens that may administer.
const ScopeAdmin = "admin"

// Permission is what a staff member needs for an action. Its text stands in
// [watchword.User].Permissions.
type Permission string

// The permissions.
const (
	ViewUsers     Permission = "users.view"
	AddUsers      Permission = "users.add"
	ChangeUsers   Permission = "users.change"
	DeleteUsers   Permission = "users.delete"
	ViewSessions  Permission = "sessions.view"
	EndSessions   Permission = "sessions.end"
	ViewKeys      Permission = "keys.view"
	ChangeKeys    Permission = "keys.change"
	ViewClients   Permission = "clients.view"
	ChangeClients Permission = "clients.change"
	ViewAudit     Permission = "audit.view"
	ViewSettings  Permission = "settings.view"
	ExplainTokens Permission = "tokens.explain"
)

// Permissions returns all of them.
func Permissions() []Permission {
	return []Permission{
		ViewUsers, AddUsers, ChangeUsers, DeleteUsers, ViewSessions, EndSessions, ViewKeys, ChangeKeys,
		ViewClients, ChangeClients, ViewAudit, ViewSettings, ExplainTokens,
	}
}

// django is what Django calls the permission, so that staff who moved in from
// there keep their rights; "" where it has none.
func (p Permission) django() string {
	switch p {
	case ViewUsers:
		return "auth.view_user"
	case AddUsers:
		return "auth.add_user"
	case ChangeUsers:
		return "auth.change_user"
	case DeleteUsers:
		return "auth.delete_user"
	default:
		return ""
	}
}

// Actor is who acts. The zero Actor may nothing.
type Actor struct {
	// User is the person; zero where it is a machine or the command line.
	User watchword.User
	// Machine is the id of a machine client, or the subject of a token that was
	// issued without a sign-in.
	Machine string
	// Operator is whoever runs the command line: the database is his anyway.
	Operator bool
	// Admin says that the token has the scope admin.
	Admin bool
	// Scopes are those of the token.
	Scopes []string
	// Narrowed says that the token was made for some of the user's scopes only.
	// Whoever holds it was not given the rest: neither permissions nor standing
	// count.
	Narrowed bool
	// Session is the number of the session in which the user acts; 0: none.
	Session int64
	From    watchword.Client
}

// Name is the actor as the audit log names him.
func (a Actor) Name() string {
	switch {
	case a.Operator:
		return "command line"
	case a.User.ID != "":
		return "user:" + a.User.ID
	case a.Machine != "":
		return "client:" + a.Machine
	default:
		return "nobody"
	}
}

// Can reports whether the actor may do what the permission stands for, to
// whom he may do it.
func (a Actor) Can(p Permission) bool {
	switch {
	case a.Operator:
		return true
	case a.User.ID == "" && a.Machine == "", a.User.ID != "" && !a.User.Active:
		return false
	case a.Admin, a.Superuser():
		return true
	case a.User.Staff && !a.Narrowed:
		return slices.Contains(a.User.Permissions, string(p)) ||
			p.django() != "" && slices.Contains(a.User.Permissions, p.django())
	default:
		return false
	}
}

// Superuser reports whether the actor may do what is a superuser's alone.
func (a Actor) Superuser() bool {
	return a.Operator || a.User.ID != "" && a.User.Superuser && a.User.Active && !a.Narrowed
}

// Staff reports whether the actor has any business with the pages for people.
func (a Actor) Staff() bool { return a.Superuser() || a.User.Staff && a.User.Active && !a.Narrowed }

// has reports whether the actor has a scope, permission or group himself.
func (a Actor) has(kind, name string) bool {
	switch kind {
	case "scope":
		return slices.Contains(a.Scopes, name)
	case "permission":
		return !a.Narrowed && slices.Contains(a.User.Permissions, name)
	default:
		return !a.Narrowed && slices.Contains(a.User.Groups, name)
	}
}

// Actor returns who shows the claims. What he may is what the token says and
// his record still says now. Errors: UserDisabled where there is no such user
// any more or he is not active, TokenRevoked where there is no such client.
func (m *Actions) Actor(ctx context.Context, c *watchword.Claims, from watchword.Client) (Actor, error) {
	a := Actor{Scopes: slices.Collect(c.Scopes()), Session: c.Number, From: from}
	if c.ClientID == c.Subject && c.Number == 0 { // client credentials: no session
		record, err := m.o.Store.ClientByID(ctx, c.ClientID)
		if errors.Is(err, watchword.NotFound) {
			err = fmt.Errorf("%w: %w", watchword.TokenRevoked, err)
		}
		a.Machine = c.Subject
		a.keep(record.Scopes)
		return a, err
	}
	if len(m.o.Faces) == 0 {
		return Actor{}, errors.New("manage: no authority to ask about a token")
	}
	s, err := m.o.Store.Session(ctx, c.Number)
	switch {
	case errors.Is(err, watchword.NotFound):
		return Actor{}, fmt.Errorf("%w: %w", watchword.SessionEnded, err)
	case err != nil:
		return Actor{}, fmt.Errorf("read session: %w", err)
	case s.Generation == 0:
		// Issued without a sign-in, about whomever the issuer named: it has the
		// scopes that it was given and is nobody's own.
		a.Machine = c.Subject
		a.keep(a.Scopes)
		return a, nil
	}
	a.User, err = m.o.Faces[0].User(ctx, c)
	if errors.Is(err, watchword.NotFound) {
		err = fmt.Errorf("%w: %w", watchword.UserDisabled, err)
	}
	if err != nil {
		return Actor{}, err
	}
	a.Narrowed = s.Scopes != nil || slices.ContainsFunc(a.User.Scopes, func(scope string) bool { return !c.HasScope(scope) })
	a.keep(a.User.Scopes)
	return a, nil
}

// keep leaves the actor those of the token's scopes that his record has.
func (a *Actor) keep(scopes []string) {
	a.Scopes = slices.DeleteFunc(a.Scopes, func(scope string) bool { return !slices.Contains(scopes, scope) })
	a.Admin = slices.Contains(a.Scopes, ScopeAdmin)
}

// demand returns nil where the actor has the permission, and else writes down
// that he was refused.
func (m *Actions) demand(ctx context.Context, by Actor, p Permission) error {
	if by.Can(p) {
		return nil
	}
	return m.deny(ctx, by, watchword.User{}, fmt.Sprintf("permission %s is needed", p))
}

// deny writes down that something was refused, and returns the refusal. what
// is shown to the actor.
func (m *Actions) deny(ctx context.Context, by Actor, about watchword.User, what string) error {
	e := watchword.Event{
		Kind: watchword.Denied, UserID: about.ID, Login: about.Login, Code: watchword.PermissionDenied, Detail: what,
	}
	// Anybody with a token can have himself refused as often as he likes, and
	// must not fill the log with it. Staff are few.
	skipped, through := 0, true
	if !by.Staff() && !by.Admin {
		skipped, through = m.strangers.take(m.o.Now())
	}
	if skipped > 0 {
		e.Detail += fmt.Sprintf(" (and %d refusals of strangers since the last)", skipped)
	}
	if through {
		m.record(ctx, by, e)
	}
	return &watchword.PolicyError{Code: watchword.PermissionDenied, Message: what}
}

// recordedKey marks a context in which an authority acts for an actor.
type recordedKey struct{}

// recorded returns a context by which observers of an authority learn that
// what it does is written down here, with who has it done.
func recorded(ctx context.Context) context.Context {
	return context.WithValue(ctx, recordedKey{}, true)
}

// Recorded reports whether what an authority tells its observers is written
// down already.
func Recorded(ctx context.Context) bool { return ctx.Value(recordedKey{}) != nil }
