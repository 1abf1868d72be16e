package manage

import "github.com/watchword-auth/watchword"

// MayTouch reports whether the user is not above the actor, nor beside him.
// It is for showing only what will work: every action asks again.
func (a Actor) MayTouch(u watchword.User) bool { return touches(a, u) == "" }
