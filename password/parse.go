package password

import (
	"fmt"
	"math/bits"
	"strings"
)

// ParseParams reads Params as a setting gives them: the scheme, and the costs that are not to be the default, as
// Class writes them, such as "argon2id", "argon2id m=65536 t=3", "bcrypt 13", "scrypt n=32768 r=8 p=3" or
// "pbkdf2-sha256 1000000".
func ParseParams(s string) (Params, error) {
	p := Params{Scheme: schemeArgon2}
	f := strings.Fields(s)
	if len(f) > 0 {
		p.Scheme = canonical(f[0])
	}
	given := make(map[string]bool)
	for _, option := range f[min(1, len(f)):] {
		name, value, named := strings.Cut(option, "=")
		if !named {
			name, value = "", option
		}
		n, ok := number(value, 1, 1<<31-1)
		if !ok || given[name] || !p.set(name, n) {
			return Params{}, fmt.Errorf("password: %q: bad cost %q", s, option)
		}
		given[name] = true
	}
	return p.resolve()
}

// set sets the field that the cost called name stands for in p's scheme, if there is one.
func (p *Params) set(name string, n int) bool {
	family := p.family()
	switch {
	case family == schemeArgon2 && name == "m":
		p.Memory = uint32(n)
	case family == schemeArgon2 && name == "t":
		p.Time = uint32(n)
	case (family == schemeArgon2 || family == schemeScrypt) && name == "p":
		p.Parallelism = uint32(n)
	case family == schemeBcrypt && name == "":
		p.Cost = n
	case family == schemeScrypt && name == "n" && bits.OnesCount(uint(n)) == 1:
		p.Cost = bits.TrailingZeros(uint(n))
	case family == schemeScrypt && name == "r":
		p.BlockSize = n
	case family == schemePBKDF2 && name == "":
		p.Rounds = n
	default:
		return false
	}
	return true
}
