package manage

import "github.com/watchword-auth/watchword"

// MayTouch reports whether the user is not above the actor, nor beside him.
// It is for showing only what will work: every action asks again.
func (a Actor) MayTouch(u watchword.User) bool { return touches(a, u) == "" }

// ChangesUsers reports whether users can be changed here at all: those in
// another system's table are that system's to keep.
func (m *Actions) ChangesUsers() bool {
	_, err := m.admin()
	return err == nil
}
