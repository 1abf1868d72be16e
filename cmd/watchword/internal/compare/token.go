package compare

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// slack is how far lifetimes may differ, for clocks and slow answers.
const slack = 10 * time.Second

// tokens compares two tokens: the header, the names, the order and the types
// of the claims, how long the token lives, and the claims that say whose it
// is. The others are the user's, or random.
func (d *differ) tokens(theirs, ours Answer, name string) {
	header, claims := parts(theirs.tokens[name])
	ownHeader, ownClaims := parts(ours.tokens[name])
	if claims == nil && ownClaims == nil {
		return // neither is a JWT
	}
	if claims == nil || ownClaims == nil {
		d.differs("form of "+name, form(claims), form(ownClaims))
		return
	}
	d.differs("header of the token", plain(header), plain(ownHeader))
	var order, ownOrder []string
	for _, m := range claims.members {
		own := ownClaims.member(m.name)
		d.claim(m.name, m.value, own, theirs.at, ours.at)
		if own != nil {
			order = append(order, m.name)
		}
	}
	for _, m := range ownClaims.members {
		if claims.member(m.name) == nil {
			d.claim(m.name, nil, m.value, theirs.at, ours.at)
			continue
		}
		ownOrder = append(ownOrder, m.name)
	}
	d.differs("order of claims", fmt.Sprint(order), fmt.Sprint(ownOrder))
}

func form(n *node) string {
	if n == nil {
		return "opaque"
	}
	return "JWT"
}

// claim compares one claim; nil is absent.
func (d *differ) claim(name string, theirs, ours *node, at, ownAt time.Time) {
	what := "claim " + name
	switch {
	case theirs == nil || ours == nil || !theirs.like(ours):
		d.differs(what, theirs.outline(), ours.outline())
	case name == "exp" || name == "nbf" || name == "iat":
		a, b := after(theirs, at), after(ours, ownAt)
		if diff := a - b; diff > slack || diff < -slack {
			d.differs(what, fmt.Sprintf("in %s", a.Round(time.Second)), fmt.Sprintf("in %s", b.Round(time.Second)))
		}
	case name == "iss" || name == "aud" || name == "token_type" || name == "type":
		d.differs(what, plain(theirs), plain(ours))
	}
}

// after returns how long after a time a claim's is.
func after(n *node, at time.Time) time.Duration {
	number, ok := n.scalar.(json.Number)
	if !ok {
		return 0
	}
	seconds, err := number.Float64()
	if err != nil {
		return 0
	}
	return time.Unix(int64(seconds), 0).Sub(at.Truncate(time.Second))
}

// parts decodes a token; nil where it is none.
func parts(token string) (header, claims *node) {
	list := strings.Split(token, ".")
	if len(list) != 3 {
		return nil, nil
	}
	var decoded [2]*node
	for i := range decoded {
		text, err := base64.RawURLEncoding.DecodeString(list[i])
		if err != nil {
			return nil, nil
		}
		n, ok := decode(string(text))
		if !ok || n.kind != object {
			return nil, nil
		}
		decoded[i] = n
	}
	return decoded[0], decoded[1]
}
