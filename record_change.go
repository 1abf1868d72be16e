package watchword

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"
)

// RecordChange asks to change what the claims' user may change of his own
// record: nil fields stay as they are.
type RecordChange struct {
	Claims                               *Claims
	FirstName, LastName, Phone, Location *string
	Client                               Client
}

// maxOwnText bounds what somebody says of himself, in bytes, as the command
// line bounds it.
const maxOwnText = 256

// ChangeRecord changes the user's own names, telephone number and location,
// and returns the record as it is then. Errors: InvalidRequest, UserDisabled,
// NotFound where users are kept elsewhere or the token is no user's.
func (a *Authority) ChangeRecord(ctx context.Context, r RecordChange) (User, error) {
	admin, ok := a.c.Users.(UserAdmin)
	if !ok {
		return User{}, fmt.Errorf("%w: users are kept elsewhere", NotFound)
	}
	var changed []string
	for _, f := range []struct {
		name string
		text *string
	}{{"first_name", r.FirstName}, {"last_name", r.LastName}, {"phone", r.Phone}, {"location", r.Location}} {
		if f.text == nil {
			continue
		}
		if t := *f.text; len(t) > maxOwnText || !utf8.ValidString(t) || !Visible(t) || strings.TrimSpace(t) != t {
			return User{}, fmt.Errorf("%w: %s is longer than %d bytes, has characters that cannot be seen or space around it", InvalidRequest, f.name, maxOwnText)
		}
		changed = append(changed, f.name)
	}
	u, err := a.User(ctx, r.Claims)
	if err != nil || changed == nil {
		return u, err
	}
	// Names end nothing and are no rights: the store tells of them by the fact
	// that concerns those who keep copies of the record, and no token.
	now := a.c.Now()
	change := UserChange{FirstName: r.FirstName, LastName: r.LastName, Phone: r.Phone, Location: r.Location}
	if u, err = admin.UpdateUser(ctx, u.ID, change, 0, a.factsUntil(now), now); err != nil {
		return User{}, fmt.Errorf("change record: %w", err)
	}
	_ = a.list.Sync(ctx, now) // who follows is told by the next poll at the latest
	a.tell(ctx, Event{
		Kind: UserChanged, UserID: u.ID, Login: u.Login, Session: r.Claims.Number, Client: r.Client, Detail: strings.Join(changed, ", "),
	})
	return u, nil
}
