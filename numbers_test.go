package watchword_test

import (
	"encoding/hex"
	"testing"

	"github.com/watchword-auth/watchword"
)

func newNumbers(t testing.TB, profile string) *watchword.Numbers {
	t.Helper()
	n, err := watchword.NewNumbers(sealKey, profile)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSessionIDs(t *testing.T) {
	n, other := newNumbers(t, "native"), newNumbers(t, "djwto")
	seen := map[string]bool{}
	for _, number := range []int64{1, 2, 3, 1 << 20, 1<<44 - 1} {
		id := n.SessionID(number)
		if got, ok := n.Session(id); !ok || got != number || len(id) != 22 || seen[id] {
			t.Errorf("Session(%q) = %d, %v, want %d", id, got, ok, number)
		}
		if got, ok := other.Session(id); !ok || got != number {
			t.Errorf("a session's id depends on the profile")
		}
		seen[id] = true
	}
	for _, bad := range []string{"", "x", n.SessionID(1)[:21], n.SessionID(1) + "A", "AAAAAAAAAAAAAAAAAAAAAA", "!!!!!!!!!!!!!!!!!!!!!!", n.SessionID(0), n.SessionID(-5)} {
		if got, ok := n.Session(bad); ok {
			t.Errorf("Session(%q) = %d, want refused", bad, got)
		}
	}
}

func TestStatusNumbers(t *testing.T) {
	if _, err := watchword.NewStatusNumbers(make([]byte, 31), "native"); err == nil {
		t.Error("a status key of 31 bytes was taken")
	}
}

func TestTokenIDs(t *testing.T) {
	n, other := newNumbers(t, "native"), newNumbers(t, "djwto")
	for _, id := range []watchword.TokenID{
		{Number: 1, Generation: 1, Kind: watchword.Access},
		{Number: 1, Generation: 1, Kind: watchword.Refresh},
		{Number: 1<<44 - 1, Generation: 1<<24 - 1, Kind: watchword.Sliding},
	} {
		uuid := n.UUID(id)
		if uuid[14] != '4' || uuid[19] != '8' && uuid[19] != '9' && uuid[19] != 'a' && uuid[19] != 'b' {
			t.Errorf("%s is no UUID of version 4", uuid)
		}
		for _, text := range []string{uuid, n.Hex(id)} {
			if got, who := n.OpenHex(text); who != watchword.Ours || got != id {
				t.Errorf("OpenHex(%s) = %+v, %v, want %+v", text, got, who, id)
			}
			if _, who := other.OpenHex(text); who != watchword.OtherProfile {
				t.Errorf("another profile takes %s as %v", text, who)
			}
		}
		flipped := n.Seal(id)
		flipped[15] ^= 1
		if _, who := n.Open(flipped); who != watchword.Foreign {
			t.Error("a flipped bit opens")
		}
	}
	for _, bad := range []string{"", "00000000000000000000000000000000", "F47AC10B-58CC-4372-A567-0E02B2C3D479", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "zz7ac10b58cc4372a5670e02b2c3d479"} {
		if _, who := n.OpenHex(bad); who != watchword.Foreign {
			t.Errorf("OpenHex(%q) opens", bad)
		}
	}
}

func FuzzTokenIDs(f *testing.F) {
	n := newNumbers(f, "native")
	b := n.Seal(watchword.TokenID{Number: 9, Generation: 2, Kind: watchword.Access})
	f.Add(hex.EncodeToString(b[:]))
	f.Fuzz(func(t *testing.T, jti string) {
		if id, who := n.OpenHex(jti); who == watchword.Ours && n.Hex(id) != jti && n.UUID(id) != jti {
			t.Errorf("%q opens as %+v, which is written otherwise", jti, id)
		}
	})
}

func TestStatusIsAPermutationOfEachBlock(t *testing.T) {
	n := newNumbers(t, "native")
	const block = 1 << 20
	seen := make([]bool, block)
	ascending := 0
	last := int64(-1)
	for number := int64(3 * block); number < 4*block; number++ {
		b, idx := n.Status(number)
		if b != 3 || idx < 0 || idx >= block || seen[idx] {
			t.Fatalf("Status(%d) = %d, %d", number, b, idx)
		}
		seen[idx] = true
		if idx > last {
			ascending++
		}
		last = idx
		if number%4099 == 0 && n.AtStatus(b, idx) != number {
			t.Fatalf("AtStatus(%d, %d) = %d, want %d", b, idx, n.AtStatus(b, idx), number)
		}
	}
	if share := float64(ascending) / block; share < 0.49 || share > 0.51 {
		t.Errorf("%.3f of neighbours ascend: the order shows", share)
	}
}
