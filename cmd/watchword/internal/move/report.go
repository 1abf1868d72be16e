package move

import (
	"cmp"
	"maps"
	"slices"
)

// Report is what an import did, or would do.
type Report struct {
	DryRun bool   `json:"dry_run"`
	Source string `json:"source"`

	Users  Users  `json:"users"`
	Hashes Hashes `json:"hashes"`

	// Groups and Permissions are how many different ones the people have.
	Groups      int `json:"groups"`
	Permissions int `json:"permissions"`

	Blacklist Blacklisted `json:"blacklist"`

	// LeftOut names who was not taken over and why, at most MostNamed of
	// them; Users has the count.
	LeftOut []LeftOut `json:"left_out"`
	// Differing names at most MostNamed of those who have changed in the
	// source since they were taken over, and whom only Update touches.
	Differing []Named `json:"differing"`
	// Unchecked names at most MostNamed of those whose hash cannot be
	// checked: they are here without a password.
	Unchecked []Unchecked `json:"unchecked"`
	// LongLists names at most MostNamed of those whose groups, permissions
	// and scopes make long tokens.
	LongLists []Named `json:"long_lists"`
	// WithoutEmail names at most MostNamed of those who were taken over
	// without their address.
	WithoutEmail []Named `json:"without_email"`
}

// MostNamed bounds each list of names in a report.
const MostNamed = 10_000

// Users counts people. Read is the sum of the others but Cleaned,
// LongLists and WithoutEmail.
type Users struct {
	Read         int `json:"read"`
	Added        int `json:"added"`
	Same         int `json:"same"`      // here already, and nothing new of them
	Updated      int `json:"updated"`   // changed in the source since, and taken over
	Differing    int `json:"differing"` // changed in the source since, and left as they are here
	Deleted      int `json:"deleted"`   // taken over before and deleted here since
	LeftOut      int `json:"left_out"`
	Cleaned      int `json:"cleaned"`    // a text was too long or held control characters
	LongLists    int `json:"long_lists"` // groups, permissions and scopes that make long tokens
	WithoutEmail int `json:"without_email"`
}

// Hashes counts the stored passwords of all who were read and can be taken.
type Hashes struct {
	Checked   int     `json:"checked"`   // can sign in as before
	Unusable  int     `json:"unusable"`  // have no password in the source either
	Unchecked int     `json:"unchecked"` // in no format, or beyond the bounds, that are read here
	Weak      int     `json:"weak"`      // of those checked: below what is advised today
	Classes   []Class `json:"classes"`   // of those checked, the most frequent first
}

// Class counts hashes of one scheme and cost.
type Class struct {
	Class string `json:"class"`
	Users int    `json:"users"`
	Weak  bool   `json:"weak"`
}

// Blacklisted counts tokens that the source refuses.
type Blacklisted struct {
	Rows  int `json:"rows"`
	Live  int `json:"live"`  // those not expired
	Added int `json:"added"` // those not refused here before
}

// Named is somebody in a list.
type Named struct {
	Place string `json:"place"` // "id 7", "line 12"
	Login string `json:"login"`
}

// LeftOut is somebody who was not taken over.
type LeftOut struct {
	Named

	Kind string `json:"kind"`
	Why  string `json:"why"`
}

// Unchecked is somebody whose password cannot be checked.
type Unchecked struct {
	Named

	Why string `json:"why"`
}

// Kinds of reasons to be left out.
const (
	BadRow       = "bad_row"       // what the source has is no user
	BadID        = "bad_id"        // the id is no positive number, or above maxID
	IDTaken      = "id_taken"      // by somebody else here
	IDGone       = "id_gone"       // it was of a user who was deleted here
	LoginTaken   = "login_taken"   // by somebody else here
	EmailTaken   = "email_taken"   // by somebody else here
	LoginTwice   = "login_twice"   // in the source, in this or another case
	EmailTwice   = "email_twice"   // in the source
	EmailIsLogin = "email_is_name" // the address is the login of another in the source
	KeyTwice     = "id_twice"      // in the source
	Meanwhile    = "meanwhile"     // a name was taken while the import ran
)

// note appends to a list of names until that is full.
func note[T any](list *[]T, one T) {
	if len(*list) < MostNamed {
		*list = append(*list, one)
	}
}

// classes lists the counts, the most frequent first.
func classes(counts map[string]int) []Class {
	list := make([]Class, 0, len(counts))
	for _, class := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, Class{Class: class, Users: counts[class], Weak: weak(class)})
	}
	slices.SortStableFunc(list, func(a, b Class) int { return cmp.Compare(b.Users, a.Users) })
	return list
}
