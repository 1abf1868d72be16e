package main

import (
	"context"
	"fmt"
	"time"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/bench/internal/measure"
)

// seen returns the entry that has a memory of tokens.
func seen() []entry {
	memory := func() *watchword.Verified { return watchword.NewVerified(0) }
	return []entry{{nameSeen, watchwordVerifier(false, memory), nil}}
}

// measureVerify is one table: verifying the reference token in one algorithm.
func measureVerify(k keys, alg string, o measure.Options) (table, error) {
	c := newClaims(time.Now())
	c.Expiry += 3600
	token, err := newLimit(k, alg).sign(c.payload())
	if err != nil {
		return table{}, err
	}
	var ops []measure.Op
	for _, e := range append(entries(), seen()...) {
		verify, err := e.verifier(k, alg)
		if err != nil {
			return table{}, err
		}
		ops = append(ops, measure.Op{Name: e.name, Do: func() error {
			_, err := verify(token)
			return err
		}})
	}
	many, err := seenMany(k, alg, c)
	if err != nil {
		return table{}, err
	}
	return run("Verify, "+alg, append(ops, many), []string{nameLimit, nameGolangJWT}, o)
}

// seenMany goes through a thousand tokens, more than the processor's nearest
// caches hold.
func seenMany(k keys, alg string, c claims) (measure.Op, error) {
	v, err := newVerifier(k, alg, watchword.NewVerified(0))
	if err != nil {
		return measure.Op{}, err
	}
	ctx := context.Background()
	verify := func(token string) error {
		_, err := v.Verify(ctx, token)
		return err
	}
	tokens := make([]string, 1000)
	for i := range tokens {
		c.ID = fmt.Sprintf("%032x", i)
		if tokens[i], err = newLimit(k, alg).sign(c.payload()); err != nil {
			return measure.Op{}, err
		}
		if err := verify(tokens[i]); err != nil {
			return measure.Op{}, err
		}
	}
	next := 0
	return measure.Op{Name: nameSeenMany, Do: func() error {
		next = (next + 1) % len(tokens)
		return verify(tokens[next])
	}}, nil
}

// measureSign is one table: signing the reference claims in one algorithm.
func measureSign(k keys, alg string, o measure.Options) (table, error) {
	c := newClaims(time.Now())
	var ops []measure.Op
	for _, e := range entries() {
		if e.signer == nil {
			continue
		}
		sign, err := e.signer(k, alg)
		if err != nil {
			return table{}, err
		}
		ops = append(ops, measure.Op{Name: e.name, Do: func() error {
			_, err := sign(c)
			return err
		}})
	}
	layout, err := layoutSigner(k, alg, c)
	if err != nil {
		return table{}, err
	}
	return run("Sign, "+alg, append(ops, layout), []string{nameLimit, nameGolangJWT}, o)
}
