package watchword_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword"
)

// statusBits are those of block 0, and the token they came in.
func (b *bench) statusBits(t *testing.T) (bits []byte, token string) {
	t.Helper()
	list, err := b.StatusList(ctx, 0)
	want(t, "StatusList", err, fine)
	parts := strings.Split(list.Token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	want(t, "payload", err, fine)
	var claims struct {
		StatusList struct {
			List string `json:"lst"`
		} `json:"status_list"`
	}
	want(t, "claims", json.Unmarshal(payload, &claims), fine)
	compressed, err := base64.RawURLEncoding.DecodeString(claims.StatusList.List)
	want(t, "lst", err, fine)
	r, err := zlib.NewReader(bytes.NewReader(compressed))
	want(t, "zlib", err, fine)
	bits, err = io.ReadAll(r)
	want(t, "zlib", err, fine)
	return bits, list.Token
}

// A status list is about all sessions of its block, whatever face they belong
// to, and a rotation of the key signs it anew.
func TestStatusListHasSessionsOfAllFaces(t *testing.T) {
	var shared watchword.Config
	b := newBench(t, func(c *watchword.Config) {
		c.Revocations = watchword.NewRevocationList(c.Store)
		shared = *c
	})
	shared.Profile = "djwto"
	other, err := watchword.New(shared)
	want(t, "New", err, fine)
	numbers, err := watchword.NewNumbers(sealKey, "esmerald") // of any profile
	want(t, "NewNumbers", err, fine)
	var open, ended []int64
	for i := range 8 {
		a := []*watchword.Authority{b.Authority, other}[i%2]
		issued, err := a.Issue(ctx, watchword.IssueRequest{Subject: "car:42"})
		want(t, "Issue", err, fine)
		if i < 4 {
			open = append(open, issued.Session.Number)
			continue
		}
		ended = append(ended, issued.Session.Number)
		_, err = b.store.EndSessions(ctx, watchword.Which{Number: issued.Session.Number}, b.clock().Add(time.Hour), b.clock())
		want(t, "EndSessions", err, fine)
	}
	check := func(what string) (token string) {
		t.Helper()
		bits, token := b.statusBits(t)
		set := 0
		for _, one := range bits {
			for ; one != 0; one &= one - 1 {
				set++
			}
		}
		for i, number := range append(open, ended...) {
			_, idx := numbers.Status(number)
			if got, want := bits[idx>>3]>>(idx&7)&1 == 1, i >= len(open); got != want {
				t.Errorf("%s: session %d is %v in the list, want %v", what, number, got, want)
			}
		}
		if set != len(ended) {
			t.Errorf("%s: %d bits are set, want %d", what, set, len(ended))
		}
		return token
	}
	want(t, "Follow", b.Follow(ctx), fine)
	before := check("ended")
	if again, err := b.StatusList(ctx, 0); err != nil || again.Token != before {
		t.Error("a list that has not changed is another")
	}
	want(t, "RotateKeys", b.RotateKeys(ctx), fine)
	header, _, _ := strings.Cut(before, ".")
	if after := check("after a rotation"); strings.HasPrefix(after, header+".") {
		t.Error("the list is signed by the key of before")
	}
}
