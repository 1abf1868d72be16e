package main

import (
	"strings"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/bench/internal/measure"
	"github.com/watchword-auth/watchword/jwt"
)

const nameLayout = "watchword, native access token"

// layoutSigner writes the claims as an authority does: by its layout, which
// adds client_id, permissions, sid and status to what the others write.
func layoutSigner(k keys, alg string, c claims) (measure.Op, error) {
	key, err := jwtKey(k, alg)
	if err != nil {
		return measure.Op{}, err
	}
	numbers, err := watchword.NewNumbers(make([]byte, 32), watchword.NativeProfile)
	if err != nil {
		return measure.Op{}, err
	}
	layout := watchword.NewAccessLayout(issuer, numbers)
	scopes := strings.Fields(c.Scope)
	return measure.Op{Name: nameLayout, Do: func() error {
		payload, err := layout.Marshal(&watchword.ClaimSet{
			Kind: watchword.Access, ID: c.ID, Issuer: c.Issuer, Subject: c.Subject, ClientID: watchword.PeopleClient,
			Audience: []string{c.Audience}, IssuedAt: time.Unix(c.IssuedAt, 0), NotBefore: time.Unix(c.NotBefore, 0),
			Expiry: time.Unix(c.Expiry, 0), Session: numbers.SessionID(4711), Number: 4711, Scopes: scopes,
			Custom: map[string]any{"user": c.User},
		})
		if err != nil {
			return err
		}
		_, err = jwt.Sign(key, watchword.AccessType, payload)
		return err
	}}, nil
}
