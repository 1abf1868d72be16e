package dialect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/jwt"
)

// keys is what a dialect's settings say of its keys.
type keys struct {
	setting   string // the name of the secret's setting, for messages
	algorithm jwt.Algorithm
	signing   string // secret, or private key as PEM
	verifying string // public key as PEM
	short     bool   // Options.InsecureShortSecret
	exposed   bool
}

// algorithmOf reads an algorithm out of those that the original knows.
func (s *settings) algorithmOf(name string, known ...jwt.Algorithm) jwt.Algorithm {
	names := make([]string, len(known))
	for i, a := range known {
		names[i] = string(a)
	}
	s.know(name, strings.Join(names, ", "), string(jwt.HS256))
	a := jwt.Algorithm(s.text(name, string(jwt.HS256)))
	if !slices.Contains(known, a) {
		s.fault(name, "%q is none of %v", a, known)
		return jwt.HS256
	}
	return a
}

// classic are the algorithms of older libraries.
func classic() []jwt.Algorithm {
	return []jwt.Algorithm{
		jwt.HS256, jwt.HS384, jwt.HS512, jwt.RS256, jwt.RS384, jwt.RS512, jwt.ES256, jwt.ES384, jwt.ES512,
	}
}

// printed are the SHA-256 sums of secrets that stand in public documents:
// whoever reads them can sign. (The sums, so that no scanner takes this file
// for a leak.)
func printed(secret string) bool {
	sum := sha256.Sum256([]byte(secret))
	return slices.Contains([]string{
		"048af2438891a89a3536ac09cc96ccbd34a1714e88cf8fdb63e6186dcc3ff89d", // the ellar-jwt guide
		"6ffce1ce768e28af40ba3d5c16f3aae29d33918699f8a4f10ea5bb7f990cba23", // the ellar-jwt samples
		"03f7a5864c0dcd3ec879d21a746bd20cec2f3bb9dff8292e878440148a16b293", // the django-easyjwt README
		"f8d1da78f8f0359f3bb896d40c4f86697a96fb5c667a5b00724d857f35294244", // the Esmerald guide
		"570dad43de1af4c925f92c16a68a50936da42b7dd6fdeb24850507a1199aac89", // the FastAPI guide
	}, hex.EncodeToString(sum[:]))
}

// apply puts the keys into an engine's configuration. The dialect's own win;
// without them it uses the server's where those are of its algorithm, else
// it gets a ring of its own in the store.
func (k keys) apply(c watchword.Config) (watchword.Config, []string, error) {
	// Another algorithm is another ring: what the former one signed counts no
	// longer, and nothing is signed by it.
	c.KeyAlgorithm, c.OmitKeyID, c.KeyRing = k.algorithm, true, k.setting+" "+string(k.algorithm)
	if k.signing == "" {
		if c.Keys != nil && c.Keys.Signer().Algorithm() == k.algorithm {
			return c, nil, nil
		}
		c.Keys = nil
		return c, []string{fmt.Sprintf("%s is not set: tokens are signed by the %s secret of [keys], or else by a key that this server makes and keeps", k.setting, k.algorithm)}, nil
	}
	var notes []string
	if printed(k.signing) {
		if k.exposed {
			return c, nil, fmt.Errorf("%s is printed in a public document, so anybody can sign: make one with `watchword key secret`", k.setting)
		}
		notes = append(notes, k.setting+" is printed in a public document: for trying out only")
	}
	signing, err := k.signingKey()
	if err != nil {
		return c, nil, err
	}
	if !signing.CanSign() {
		c.Keys, c.VerifyKeys = nil, both{jwt.KeySet{signing}, c.VerifyKeys}
		return c, append(notes, k.setting+" is too short to sign with: it only verifies tokens issued before"), nil
	}
	c.Keys, err = jwt.NewKeyring(jwt.RingKey{Key: signing, State: jwt.Active})
	return c, notes, err
}

func (k keys) signingKey() (*jwt.Key, error) {
	if !k.algorithm.Symmetric() {
		key, err := jwt.ParsePEM([]byte(k.signing), k.algorithm)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.setting, err)
		}
		return key, k.checkVerifying(key)
	}
	key, err := jwt.NewSecret("", k.algorithm, []byte(k.signing))
	if err == nil {
		return key, nil
	}
	if k.short {
		return jwt.InsecureSecret("", k.algorithm, []byte(k.signing))
	}
	return nil, fmt.Errorf("%s: %w: make one with `watchword key secret`; insecure_short_secret lets it verify tokens already issued", k.setting, err)
}

// checkVerifying refuses a public key that does not belong to the private
// one: no token would ever verify.
func (k keys) checkVerifying(signing *jwt.Key) error {
	if k.verifying == "" {
		return nil
	}
	public, err := jwt.ParsePEM([]byte(k.verifying), k.algorithm)
	if err != nil {
		return fmt.Errorf("verifying key: %w", err)
	}
	if public.Thumbprint() != signing.Thumbprint() {
		return errors.New("the verifying key is not that of the signing key")
	}
	return nil
}

// both is two sources of keys; either may be nil.
type both [2]jwt.KeySource

func (b both) VerifyingKeys(ctx context.Context, h jwt.Header) ([]*jwt.Key, error) {
	var found []*jwt.Key
	var faults []error
	for _, source := range b {
		if source == nil {
			continue
		}
		keys, err := source.VerifyingKeys(ctx, h)
		found = append(found, keys...)
		if err != nil {
			faults = append(faults, err)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	return nil, errors.Join(faults...)
}
