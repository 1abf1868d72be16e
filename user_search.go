package watchword

import "context"

// UserFilter selects users for a list. The zero value selects all of them.
type UserFilter struct {
	// Prefix is how a login or an e-mail address begins, in any case; "": all.
	Prefix string
	// Ranked true: staff and superusers only; false: all but them; nil: all.
	Ranked *bool
	// Active likewise.
	Active *bool
	// After is what FindUsers returned as next, for the same filter; "" begins.
	After string
	Limit int // at most so many; 0 means 100
}

// UserSearcher is optional for a UserAdmin: a search that stays fast however
// many users there are.
type UserSearcher interface {
	// FindUsers returns a page of users, in an order of the store's own, and
	// where the next one begins, "" after the last. A user who is there all the
	// while is on exactly one page. An After that the store did not make is
	// InvalidRequest.
	FindUsers(ctx context.Context, f UserFilter) (page []User, next string, err error)
}
