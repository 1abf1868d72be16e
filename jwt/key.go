package jwt

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"math/big"
	"sync"
	"unicode/utf8"
)

const (
	// maxKeyID bounds a kid in bytes; thumbprints have 43.
	maxKeyID = 512
	// rsaBits is the size of the RSA keys made here.
	rsaBits = 3072
)

// Key is a key bound to one algorithm. It is immutable and safe for concurrent use. Printing it, with
// whatever verb, shows its algorithm and id only.
type Key struct {
	id     string
	alg    Algorithm
	traits traits

	secret []byte           // HMAC
	public crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
	signer crypto.Signer    // nil when there is only the public half

	maySign   bool
	mayVerify bool
	short     bool // made by InsecureSecret

	segments [commonTypes]string // the header segments of the common types
	pool     *sync.Pool          // of *scratch
}

// commonTypes counts the header types whose segments a key keeps ready, to write them and to
// recognise them without decoding.
const commonTypes = 3

// commonType returns the type that the i-th segment of a key is for.
func commonType(i int) string {
	return [commonTypes]string{"at+jwt", "JWT", ""}[i]
}

// GenerateKey makes a new key. RSA keys have 3072 bits; secrets have the length of the hash. The id is
// the RFC 7638 thumbprint, but random for a secret, whose thumbprint would let guesses be tested.
func GenerateKey(a Algorithm) (*Key, error) {
	switch t := a.traits(); t.family {
	case familyHMAC:
		secret := make([]byte, t.hash.Size())
		rand.Read(secret)
		return NewSecret(randomID(), a, secret)
	case familyRSA, familyPSS:
		k, err := rsa.GenerateKey(rand.Reader, rsaBits)
		if err != nil {
			return nil, err
		}
		return NewKey("", a, k)
	case familyECDSA:
		k, err := ecdsa.GenerateKey(curveOf(t.curve), rand.Reader)
		if err != nil {
			return nil, err
		}
		return NewKey("", a, k)
	case familyEd25519:
		_, k, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		return NewKey("", a, k)
	}
	return nil, unknownAlgorithm(a)
}

func randomID() string {
	b := make([]byte, 16)
	rand.Read(b)
	return encode(b)
}

func curveOf(name string) elliptic.Curve {
	switch name {
	case "P-256":
		return elliptic.P256()
	case "P-384":
		return elliptic.P384()
	case "P-521":
		return elliptic.P521()
	}
	return nil
}

func unknownAlgorithm(a Algorithm) error {
	return fmt.Errorf("%w: %.32q is not supported", ErrAlgorithm, string(a))
}

// NewKey returns a key that signs by s: a private key of the standard library, or one in a key
// service or module, which must sign digests as crypto.Signer says (ECDSA signatures in ASN.1). s is
// used as it is and must be safe for concurrent use. An empty id stands for the thumbprint.
func NewKey(id string, a Algorithm, s crypto.Signer) (*Key, error) {
	if s == nil {
		return nil, badKey("no signer")
	}
	k, err := NewPublicKey(id, a, s.Public())
	if err != nil {
		return nil, err
	}
	k.signer, k.maySign = s, true
	return k, nil
}

// NewPublicKey returns a key that only verifies. p is an *rsa.PublicKey, an *ecdsa.PublicKey or an
// ed25519.PublicKey, of the type that a demands, and strong enough: RSA has 2048 to 8192 bits, an
// odd exponent of at least 65537 and no ROCA fingerprint. An empty id stands for the thumbprint.
func NewPublicKey(id string, a Algorithm, p crypto.PublicKey) (*Key, error) {
	t := a.traits()
	if t.family == familyNone || t.family == familyHMAC {
		return nil, fmt.Errorf("%w: %.32q has no public key", ErrAlgorithm, string(a))
	}
	own, err := checkPublic(a, p)
	if err != nil {
		return nil, err
	}
	k := &Key{alg: a, traits: t, public: own, mayVerify: true}
	if id == "" {
		id = k.Thumbprint()
	}
	return k.named(id)
}

// checkPublic returns a copy of p that nobody else can change, if a can be verified by it.
func checkPublic(a Algorithm, p crypto.PublicKey) (crypto.PublicKey, error) {
	t := a.traits()
	switch p := p.(type) {
	case *rsa.PublicKey:
		if t.family != familyRSA && t.family != familyPSS {
			return nil, badKey("an RSA key cannot be used for %s", a)
		}
		if err := checkRSA(p); err != nil {
			return nil, err
		}
		return &rsa.PublicKey{N: new(big.Int).Set(p.N), E: p.E}, nil
	case *ecdsa.PublicKey:
		if t.family != familyECDSA || p == nil || p.Curve != curveOf(t.curve) {
			return nil, badKey("an ECDSA key of another curve cannot be used for %s", a)
		}
		point, err := p.Bytes() // refuses points that are not on the curve
		if err != nil {
			return nil, badKey("the point is not on %s", t.curve)
		}
		return ecdsa.ParseUncompressedPublicKey(p.Curve, point)
	case ed25519.PublicKey:
		if t.family != familyEd25519 {
			return nil, badKey("an Ed25519 key cannot be used for %s", a)
		}
		if len(p) != ed25519.PublicKeySize {
			return nil, badKey("an Ed25519 key has %d bytes, not %d", ed25519.PublicKeySize, len(p))
		}
		return ed25519.PublicKey(bytes.Clone(p)), nil
	}
	return nil, badKey("%T cannot be used for %s", p, a)
}

// NewSecret returns a key for HMAC. The secret must be at least as long as the hash (RFC 7518,
// section 3.2): 32, 48 or 64 bytes; it is copied. The text of a PEM or SSH key is refused. With an
// empty id, tokens bear no kid.
func NewSecret(id string, a Algorithm, secret []byte) (*Key, error) {
	if size := a.traits().hash.Size; a.Symmetric() && len(secret) < size() {
		return nil, badKey("a secret for %s needs at least %d bytes, this one has %d (RFC 7518, section 3.2)",
			a, size(), len(secret))
	}
	k, err := newSecret(id, a, secret)
	if err != nil {
		return nil, err
	}
	k.maySign = true
	return k, nil
}

// InsecureSecret returns a key for HMAC from a secret that may be shorter than [NewSecret] allows. It
// verifies tokens that another system has already issued, and never signs: whoever holds one token can
// search for a short secret offline.
func InsecureSecret(id string, a Algorithm, secret []byte) (*Key, error) {
	if len(secret) == 0 {
		return nil, badKey("the secret is empty")
	}
	k, err := newSecret(id, a, secret)
	if err != nil {
		return nil, err
	}
	k.short = len(secret) < k.traits.hash.Size()
	return k, nil
}

func newSecret(id string, a Algorithm, secret []byte) (*Key, error) {
	if !a.Valid() {
		return nil, unknownAlgorithm(a)
	}
	if !a.Symmetric() {
		return nil, fmt.Errorf("%w: %s takes no secret", ErrAlgorithm, a)
	}
	if isPublic(secret) {
		return nil, badKey("a key in PEM or SSH form is no secret")
	}
	k := &Key{alg: a, traits: a.traits(), secret: bytes.Clone(secret), mayVerify: true}
	return k.named(id)
}

// isPublic reports whether secret is the text of a key file. A public key taken for a secret lets
// everybody sign (CVE-2022-29217, CVE-2024-33663).
func isPublic(secret []byte) bool {
	text := bytes.TrimLeft(secret, " \t\r\n")
	for _, prefix := range [...]string{"-----BEGIN ", "ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"} {
		if bytes.HasPrefix(text, []byte(prefix)) {
			return true
		}
	}
	return false
}

// named gives k, which nobody else has seen yet, its id and what hangs on it.
func (k *Key) named(id string) (*Key, error) {
	if len(id) > maxKeyID || !utf8.ValidString(id) {
		return nil, badKey("the id is longer than %d bytes or not UTF-8", maxKeyID)
	}
	k.id = id
	for i := range k.segments {
		k.segments[i] = encode(k.header(commonType(i)))
	}
	if k.pool == nil {
		k.pool = newPool(k.traits, k.secret)
	}
	return k, nil
}

// header returns the protected header for tokens of type typ. Its form is fixed, so that verifiers
// can recognise it as bytes.
func (k *Key) header(typ string) []byte {
	h := make([]byte, 0, 128)
	h = append(h, `{"alg":"`...)
	h = append(h, k.alg...)
	h = append(h, '"')
	if k.id != "" {
		h = append(h, `,"kid":`...)
		h = appendQuoted(h, k.id)
	}
	if typ != "" {
		h = append(h, `,"typ":`...)
		h = appendQuoted(h, typ)
	}
	return append(h, '}')
}

// ID returns the kid, or "" for a key that puts none into its tokens.
func (k *Key) ID() string { return k.id }

// WithID returns k under another id. An id that is no UTF-8 or longer than 512 bytes cannot stand in
// a header: for such a one WithID returns nil.
func (k *Key) WithID(id string) *Key {
	c := *k
	named, err := c.named(id)
	if err != nil {
		return nil
	}
	return named
}

// Algorithm returns the one algorithm of k.
func (k *Key) Algorithm() Algorithm { return k.alg }

// CanSign reports whether k can make signatures.
func (k *Key) CanSign() bool { return k.maySign }

// CanVerify reports whether k may check signatures: all keys may but those whose JWK says otherwise.
func (k *Key) CanVerify() bool { return k.mayVerify }

// Short reports whether k is a secret shorter than its hash, made by [InsecureSecret].
func (k *Key) Short() bool { return k.short }

// Public returns the half of k that may be published, or nil for a secret, which has none.
func (k *Key) Public() *Key {
	if k.public == nil {
		return nil
	}
	c := *k
	c.signer, c.maySign, c.mayVerify = nil, false, true
	return &c
}

// String returns the algorithm and the id, nothing that is secret.
func (k *Key) String() string {
	if k == nil {
		return "jwt.Key(nil)"
	}
	return fmt.Sprintf("jwt.Key(%s %q)", k.alg, k.id)
}

// GoString is String, so that %#v shows no secret.
func (k *Key) GoString() string { return k.String() }

// Format writes String for every verb, so that none shows a secret.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }
