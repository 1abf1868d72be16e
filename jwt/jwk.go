package jwt

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// maxKeyData bounds one JWK or PEM block in bytes; an RSA key of 8192 bits with all its numbers has
// less than 8 KiB.
const maxKeyData = 64 << 10

// errOtherUse marks keys that are not ours to judge: for encryption, or of a kind we do not know.
var errOtherUse = errors.New("not a signature key of this package")

// otherUse returns an error that wraps ErrKey and errOtherUse.
func otherUse(format string, args ...any) error {
	return fmt.Errorf("%w: %w: %s", ErrKey, errOtherUse, fmt.Sprintf(format, args...))
}

// ParseKey reads one JWK (RFC 7517) or one PEM block (see [ParsePEM]). What a JWK says about itself is
// obeyed: its kid becomes the id, its alg the algorithm, and its use and key_ops say what it may do.
// Without an alg, the curve decides, RSA means RS256 and a secret HS256; see [ParseJWK] for others.
// Weak, malformed and contradictory keys are refused; errors wrap [ErrKey].
func ParseKey(data []byte) (*Key, error) {
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		return ParseJWK(data, "")
	}
	return ParsePEM(data, "")
}

// ParseJWK reads one JWK for the algorithm a. A JWK that names another algorithm is refused; an empty a
// stands for the one it names, or the default that [ParseKey] describes.
func ParseJWK(data []byte, a Algorithm) (*Key, error) {
	if a != "" && !a.Valid() {
		return nil, unknownAlgorithm(a)
	}
	d, err := readJWK(data)
	if err != nil {
		return nil, err
	}
	return d.key(a)
}

// jwkDocument holds the members of a JWK that are read at all.
type jwkDocument struct {
	text   map[string]string
	ops    []string
	hasOps bool
}

// readJWK reads the members of a JWK without judging them. Unknown ones are ignored (RFC 7517,
// section 4).
func readJWK(data []byte) (*jwkDocument, error) {
	if len(data) > maxKeyData {
		return nil, badKey("longer than %d bytes", maxKeyData)
	}
	d := &jwkDocument{text: make(map[string]string, 12)}
	err := Walk(data, d.visit)
	if err != nil {
		return nil, badKeyJSON("JWK", err)
	}
	return d, nil
}

func (d *jwkDocument) visit(name string, v Value) error {
	switch name {
	case "kty", "use", "alg", "kid", "crv", "n", "e", "d", "p", "q", "dp", "dq", "qi", "x", "y", "k":
		s, err := v.Text()
		d.text[name] = s
		return err
	case "key_ops":
		if v.first() != '[' {
			return badKey("key_ops is not an array")
		}
		ops, err := v.Texts()
		d.ops, d.hasOps = ops, true
		return err
	case "oth":
		return badKey("RSA keys of more than two primes are not supported")
	}
	for _, known := range [...]string{"kty", "use", "alg", "kid", "crv", "key_ops"} {
		if strings.EqualFold(name, known) {
			return badKey("member %q is %q in the wrong case", name, known)
		}
	}
	return nil
}

// key builds the key that d describes, for the algorithm a unless that is empty.
func (d *jwkDocument) key(a Algorithm) (*Key, error) {
	kid, hasKid := d.text["kid"]
	if hasKid && kid == "" {
		return nil, badKey("the kid is empty")
	}
	alg, err := d.algorithm(a)
	if err != nil {
		return nil, err
	}
	sign, verify, err := d.operations()
	if err != nil {
		return nil, err
	}
	k, err := d.material(kid, alg)
	if err != nil {
		return nil, err
	}
	if !hasKid && k.id != "" {
		// The id is the JWK's; one without a kid puts none into its tokens.
		if k, err = k.named(""); err != nil {
			return nil, err
		}
	}
	k.maySign = k.maySign && sign
	k.mayVerify = k.mayVerify && verify
	if !k.maySign && !k.mayVerify {
		return nil, badKey("key_ops leave a public key nothing to do")
	}
	return k, nil
}

// algorithm decides the one algorithm of the key: the JWK's own, which want must equal, or else want,
// or else the default of its type. That it fits the key is checked when the key is made.
func (d *jwkDocument) algorithm(want Algorithm) (Algorithm, error) {
	if alg, stated := d.text["alg"]; stated {
		if !Algorithm(alg).Valid() {
			return "", otherUse("algorithm %.32q", alg)
		}
		if want != "" && want != Algorithm(alg) {
			return "", badKey("the JWK is for %s, not for %s", alg, want)
		}
		want = Algorithm(alg)
	}
	var fallback Algorithm
	switch kty, crv := d.text["kty"], d.text["crv"]; kty {
	case "oct":
		fallback = HS256
	case "RSA":
		fallback = RS256
	case "EC":
		for _, a := range [...]Algorithm{ES256, ES384, ES512} {
			if a.traits().curve == crv {
				fallback = a
			}
		}
	case "OKP":
		if crv == EdDSA.traits().curve {
			fallback = EdDSA
		}
	case "":
		return "", badKey("kty is missing")
	}
	if fallback == "" {
		return "", otherUse("key type %.32q, curve %.32q", d.text["kty"], d.text["crv"])
	}
	if want == "" {
		return fallback, nil
	}
	// RS256 stands for all algorithms of RSA keys, and so on: a key of one kind never serves
	// algorithms of another (RFC 8725, section 3.1).
	if !sameKind(want.traits(), fallback.traits()) {
		return "", badKey("a JWK of type %s %s cannot be used for %s", d.text["kty"], d.text["crv"], want)
	}
	return want, nil
}

func sameKind(a, b traits) bool {
	isRSA := func(t traits) bool { return t.family == familyRSA || t.family == familyPSS }
	return a.curve == b.curve && (a.family == b.family || isRSA(a) && isRSA(b))
}

// operations reports what use and key_ops allow (RFC 7517, sections 4.2 and 4.3).
func (d *jwkDocument) operations() (sign, verify bool, err error) {
	if use, stated := d.text["use"]; stated && use != "sig" {
		return false, false, otherUse("use %.32q", use)
	}
	if !d.hasOps {
		return true, true, nil
	}
	for i, op := range d.ops {
		if slices.Contains(d.ops[:i], op) {
			return false, false, badKey("key_ops repeat %.32q", op)
		}
		switch op {
		case "sign":
			sign = true
		case "verify":
			verify = true
		default:
			// Section 4.3: one key is not to serve unrelated operations.
			return false, false, otherUse("key_ops contain %.32q", op)
		}
	}
	if !sign && !verify {
		return false, false, otherUse("key_ops are empty")
	}
	return sign, verify, nil
}

// material builds the key itself. With a private part, both halves must belong together.
func (d *jwkDocument) material(kid string, a Algorithm) (*Key, error) {
	switch t := a.traits(); t.family {
	case familyHMAC:
		secret, err := d.bytes("k", 0)
		if err != nil {
			return nil, err
		}
		return NewSecret(kid, a, secret)
	case familyRSA, familyPSS:
		return d.rsaKey(kid, a)
	case familyECDSA:
		return d.ecdsaKey(kid, a)
	default:
		return d.ed25519Key(kid, a)
	}
}

func (d *jwkDocument) ecdsaKey(kid string, a Algorithm) (*Key, error) {
	t := a.traits()
	// RFC 7518, section 6.2.1.2: coordinates have the full length of the field.
	x, errX := d.bytes("x", t.coord)
	y, errY := d.bytes("y", t.coord)
	if err := errors.Join(errX, errY); err != nil {
		return nil, err
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curveOf(t.curve), slices.Concat([]byte{4}, x, y))
	if err != nil {
		return nil, badKey("the point is not on %s", t.curve)
	}
	if !d.private() {
		return NewPublicKey(kid, a, public)
	}
	scalar, err := d.bytes("d", t.coord)
	if err != nil {
		return nil, err
	}
	private, err := ecdsa.ParseRawPrivateKey(public.Curve, scalar)
	if err != nil {
		return nil, badKey("the private number is not in the range of %s", t.curve)
	}
	if !private.PublicKey.Equal(public) {
		return nil, badKey("the private number and the point do not belong together")
	}
	return NewKey(kid, a, private)
}

func (d *jwkDocument) ed25519Key(kid string, a Algorithm) (*Key, error) {
	x, err := d.bytes("x", ed25519.PublicKeySize)
	if err != nil {
		return nil, err
	}
	if !d.private() {
		return NewPublicKey(kid, a, ed25519.PublicKey(x))
	}
	seed, err := d.bytes("d", ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	private := ed25519.NewKeyFromSeed(seed)
	if !bytes.Equal(private.Public().(ed25519.PublicKey), x) {
		return nil, badKey("the private and the public half do not belong together")
	}
	return NewKey(kid, a, private)
}

func (d *jwkDocument) rsaKey(kid string, a Algorithm) (*Key, error) {
	public := new(rsa.PublicKey)
	var err error
	if public.N, err = d.integer("n"); err != nil {
		return nil, err
	}
	e, err := d.integer("e")
	if err != nil {
		return nil, err
	}
	if !e.IsInt64() || e.Int64() > maxRSAExponent {
		return nil, badKey("the RSA exponent is larger than %d", maxRSAExponent)
	}
	public.E = int(e.Int64())
	if !d.private() {
		// A prime or what is made of one is the whole secret: no public key has
		// it, and a private one has all (RFC 7518, section 6.3.2).
		for _, name := range [...]string{"p", "q", "dp", "dq", "qi"} {
			if _, stated := d.text[name]; stated {
				return nil, badKey("member %q stands without \"d\"", name)
			}
		}
		return NewPublicKey(kid, a, public)
	}
	// Before the numbers below are computed with, the modulus must be of a bearable size.
	if err := checkRSA(public); err != nil {
		return nil, err
	}
	var numbers [6]*big.Int
	for i, name := range [...]string{"d", "p", "q", "dp", "dq", "qi"} {
		if numbers[i], err = d.integer(name); err != nil {
			return nil, err
		}
		if numbers[i].Cmp(public.N) >= 0 {
			return nil, badKey("member %q is larger than the modulus", name)
		}
	}
	private := &rsa.PrivateKey{PublicKey: *public, D: numbers[0], Primes: numbers[1:3]}
	private.Precompute()
	if err := private.Validate(); err != nil {
		return nil, badKey("the RSA numbers do not belong together: %v", err)
	}
	c := &private.Precomputed
	if c.Dp.Cmp(numbers[3]) != 0 || c.Dq.Cmp(numbers[4]) != 0 || c.Qinv.Cmp(numbers[5]) != 0 {
		return nil, badKey("the RSA numbers do not belong together")
	}
	return NewKey(kid, a, private)
}

func (d *jwkDocument) private() bool {
	_, stated := d.text["d"]
	return stated
}

// bytes returns the octets of member name, which must be size of them unless size is 0.
func (d *jwkDocument) bytes(name string, size int) ([]byte, error) {
	s, stated := d.text[name]
	if !stated {
		return nil, badKey("member %q is missing", name)
	}
	b, ok := appendDecoded(nil, []byte(s))
	if !ok {
		return nil, badKey("member %q is not canonical base64url", name)
	}
	if size > 0 && len(b) != size {
		return nil, badKey("member %q has %d bytes, not %d", name, len(b), size)
	}
	return b, nil
}

// integer returns the positive number of member name, in as few octets as possible (RFC 7518,
// section 2, "Base64urlUInt").
func (d *jwkDocument) integer(name string) (*big.Int, error) {
	b, err := d.bytes(name, 0)
	if err != nil {
		return nil, err
	}
	if len(b) == 0 || b[0] == 0 {
		return nil, badKey("member %q is empty, zero or has leading zeros", name)
	}
	return new(big.Int).SetBytes(b), nil
}
