package move

import (
	"hash/maphash"

	"github.com/watchword-auth/watchword"
)

// names knows who in the source has which login or address, so that of two
// who have the same the same one is left out however the source is ordered:
// a login goes before an address, since anybody could enter another's login
// as his address; of two alike the first keeps it.
//
// It holds 64 bits of a name. Of two million different names two are taken
// for one with a chance of one in ten million; one is then left out and
// named, and the next run, of another seed, takes him.
type names struct {
	seed   maphash.Seed
	owners map[uint64]owner
	keys   map[uint64]int
	count  int
}

type owner struct {
	place int32
	login bool
}

func newNames() *names {
	return &names{seed: maphash.MakeSeed(), owners: make(map[uint64]owner), keys: make(map[uint64]int)}
}

func (n *names) hash(name string) uint64 {
	return maphash.String(n.seed, watchword.FoldLogin(name))
}

// add takes in the next person's.
func (n *names) add(key, login, email string) {
	me := owner{place: int32(n.count)}
	n.count++
	if key != "" {
		k := maphash.String(n.seed, key)
		if _, ok := n.keys[k]; !ok {
			n.keys[k] = int(me.place)
		}
	}
	for _, name := range []struct {
		text  string
		login bool
	}{{login, true}, {email, false}} {
		if name.text == "" {
			continue
		}
		h := n.hash(name.text)
		if was, ok := n.owners[h]; !ok || name.login && !was.login {
			n.owners[h] = owner{me.place, name.login}
		}
	}
}

// keyTwice reports whether somebody before has the person's key.
func (n *names) keyTwice(place int, key string) bool {
	first, ok := n.keys[maphash.String(n.seed, key)]
	return ok && first != place
}

// loginTwice reports whether the login is another's.
func (n *names) loginTwice(place int, login string) bool {
	o, ok := n.owners[n.hash(login)]
	return ok && int(o.place) != place
}

// emailTaken returns why the address is another's, "" where it is not.
func (n *names) emailTaken(place int, email string) string {
	if email == "" {
		return ""
	}
	switch o, ok := n.owners[n.hash(email)]; {
	case !ok || int(o.place) == place:
		return ""
	case o.login:
		return EmailIsLogin
	default:
		return EmailTwice
	}
}
