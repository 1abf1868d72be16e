package watchword

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// Numbers turns session numbers into the opaque ids that tokens carry, and
// back. An id is the number under a keyed permutation (AES), so it shows
// neither how many sessions there are nor their order, needs no column and
// no look-up, and a made-up one is recognised by its zero bits. Safe for
// concurrent use.
type Numbers struct {
	session cipher.Block
	token   cipher.Block
	index   cipher.Block
	profile [2]byte
}

// NewNumbers derives the permutations from the seal key. Token ids bear a
// mark of the profile, so that one profile's jti is recognised as such by
// another, also where the two share a signing secret; session ids are the
// same for all.
func NewNumbers(sealKey []byte, profile string) (*Numbers, error) {
	status, err := statusKey(sealKey)
	if err != nil {
		return nil, err
	}
	return NewStatusNumbers(status, profile)
}

// statusKey is all of the seal key that telling sessions by their ids takes.
func statusKey(sealKey []byte) ([]byte, error) { return derive(sealKey, "status") }

// NewStatusNumbers makes the same permutations from the status key, which the
// revocation feed hands to services (see [Authority.StatusKey]). Whoever has
// it can tell the session behind an id and make up an id, which opens nothing:
// tokens are signed, and native refresh tokens hang on another key. A dialect's
// hang on its own: with a secret that it shares, they can be made up as well.
func NewStatusNumbers(status []byte, profile string) (*Numbers, error) {
	if len(status) != statusKeySize {
		return nil, fmt.Errorf("the status key has %d bytes, want %d", len(status), statusKeySize)
	}
	var n Numbers
	mark := sha256.Sum256([]byte(profile))
	copy(n.profile[:], mark[:])
	for info, block := range map[string]*cipher.Block{"sid": &n.session, "jti": &n.token, "idx": &n.index} {
		key, err := derive(status, info)
		if err != nil {
			return nil, err
		}
		if *block, err = aes.NewCipher(key); err != nil {
			return nil, err
		}
	}
	return &n, nil
}

// statusKeySize is what derive makes, in bytes.
const statusKeySize = 32

// derive makes a key for one purpose from a master key (RFC 5869).
func derive(master []byte, purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, master, nil, "watchword "+purpose, 32)
}

// SessionID returns the opaque id of a session: 22 characters of base64url.
func (n *Numbers) SessionID(number int64) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(number))
	n.session.Encrypt(b[:], b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Session returns the number behind an id made by SessionID.
func (n *Numbers) Session(id string) (number int64, ok bool) {
	var b [16]byte
	if len(id) != 22 {
		return 0, false
	}
	if _, err := base64.RawURLEncoding.Strict().Decode(b[:], []byte(id)); err != nil {
		return 0, false
	}
	n.session.Decrypt(b[:], b[:])
	number = int64(binary.BigEndian.Uint64(b[:8]))
	return number, binary.BigEndian.Uint64(b[8:]) == 0 && number > 0
}

// A TokenID is a jti that carries its session: 44 bits of number, 24 of
// generation, 2 of kind, 16 that mark the profile, and 36 zero bits as the
// check. Its 128 bits are a well-formed UUID of version 4 (RFC 9562), so that
// it fits wherever a dialect writes one, dashed or as 32 hex digits.
type TokenID struct {
	Number     int64
	Generation int
	Kind       Kind
}

// Maker says who made a jti.
type Maker uint8

const (
	// Foreign ids were made by another system, or by nobody.
	Foreign Maker = iota
	// Ours was made by this profile.
	Ours
	// OtherProfile is another profile of this installation.
	OtherProfile
)

// Seal returns the id as 16 bytes.
func (n *Numbers) Seal(id TokenID) [16]byte {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(id.Number)<<20) // 44 bits in bytes 0 to 5
	b[6], b[7] = 0x40, 0
	b[8] = 0x80
	b[9], b[10], b[11] = byte(id.Generation>>16), byte(id.Generation>>8), byte(id.Generation)
	b[12] = byte(id.Kind)
	b[13], b[14] = n.profile[0], n.profile[1]
	// Cycle walking: the permutation of all blocks, repeated until it lands
	// among those that are well-formed, is a permutation of those (Black and
	// Rogaway, 2002). 64 steps on average, a microsecond.
	for {
		n.token.Encrypt(b[:], b[:])
		if isUUID4(&b) {
			return b
		}
	}
}

// Open returns what Seal sealed, and who made it; the id is of use only if
// that is Ours.
func (n *Numbers) Open(b [16]byte) (TokenID, Maker) {
	if !isUUID4(&b) {
		return TokenID{}, Foreign
	}
	for {
		n.token.Decrypt(b[:], b[:])
		if isUUID4(&b) {
			break
		}
	}
	head := binary.BigEndian.Uint64(b[:8])
	switch {
	case head&(1<<20-1) != 0x4000, b[8] != 0x80, b[12] > 3, b[15] != 0:
		return TokenID{}, Foreign
	case [2]byte(b[13:15]) != n.profile:
		return TokenID{}, OtherProfile
	}
	return TokenID{
		Number:     int64(head >> 20),
		Generation: int(b[9])<<16 | int(b[10])<<8 | int(b[11]),
		Kind:       Kind(b[12]),
	}, Ours
}

func isUUID4(b *[16]byte) bool { return b[6]&0xf0 == 0x40 && b[8]&0xc0 == 0x80 }

// OpenHex reads a jti written as 32 hex digits or as a dashed UUID, both in
// lower case.
func (n *Numbers) OpenHex(jti string) (TokenID, Maker) {
	var b [16]byte
	switch len(jti) {
	case 32:
	case 36:
		if jti[8] != '-' || jti[13] != '-' || jti[18] != '-' || jti[23] != '-' {
			return TokenID{}, Foreign
		}
		jti = jti[:8] + jti[9:13] + jti[14:18] + jti[19:23] + jti[24:]
	default:
		return TokenID{}, Foreign
	}
	for i := range len(jti) {
		if c := jti[i]; c >= 'A' && c <= 'F' {
			return TokenID{}, Foreign
		}
	}
	if _, err := hex.Decode(b[:], []byte(jti)); err != nil {
		return TokenID{}, Foreign
	}
	return n.Open(b)
}

// Hex writes an id as 32 lower-case hex digits.
func (n *Numbers) Hex(id TokenID) string {
	b := n.Seal(id)
	return hex.EncodeToString(b[:])
}

// UUID writes an id as a dashed lower-case UUID.
func (n *Numbers) UUID(id TokenID) string {
	h := n.Hex(id)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Status lists hold 2^20 sessions each (Token Status List, draft 21).
const (
	blockBits = 20
	blockSize = 1 << blockBits
)

// Status returns a session's place: the block names the status list, idx the
// bit in it. Within a block idx is a keyed permutation of the number's low
// bits, so neighbours in time are not neighbours in the list.
func (n *Numbers) Status(number int64) (block, idx int64) {
	block, low := number>>blockBits, uint32(number&(blockSize-1))
	left, right := low>>10, low&0x3ff
	for round := range byte(feistelRounds) {
		left, right = right, left^n.round(block, round, right)
	}
	return block, int64(left<<10 | right)
}

// AtStatus returns the session number at a place, the inverse of Status.
func (n *Numbers) AtStatus(block, idx int64) int64 {
	left, right := uint32(idx)>>10, uint32(idx)&0x3ff
	for round := feistelRounds - 1; round >= 0; round-- {
		left, right = right^n.round(block, byte(round), left), left
	}
	return block<<blockBits | int64(left<<10|right)
}

// Eight rounds of a balanced Feistel network over 20 bits: enough to hide
// order; nothing secret hangs on it.
const feistelRounds = 8

func (n *Numbers) round(block int64, round byte, half uint32) uint32 {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(block))
	b[8] = round
	binary.BigEndian.PutUint32(b[12:], half)
	n.index.Encrypt(b[:], b[:])
	return uint32(binary.BigEndian.Uint16(b[:2])) & 0x3ff
}
