package password_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/password"
)

// djangoSchemes are those that Django reads, cheap but for scrypt, whose
// hashes fill their column.
func djangoSchemes() []password.Params {
	return []password.Params{
		{Scheme: "argon2", Memory: 64, Time: 1},
		{Scheme: "django_bcrypt", Cost: 4},
		{Scheme: "bcrypt_sha256", Cost: 4},
		{Scheme: "django_scrypt", Cost: 14, BlockSize: 8, Parallelism: 5},
		{Scheme: "pbkdf2_sha256", Rounds: 1000},
		{Scheme: "pbkdf2_sha1", Rounds: 1000},
	}
}

// readAsDjango takes a hash apart as the decode methods of Django's hashers
// do, and says what is wrong with it.
func readAsDjango(encoded string) error {
	algorithm, rest, _ := strings.Cut(encoded, "$")
	parts := strings.Split(encoded, "$")
	saltChars := 0 // as Django counts them; 0 where it does not
	switch algorithm {
	case "pbkdf2_sha256", "pbkdf2_sha1":
		if len(parts) != 4 {
			return fmt.Errorf("%d parts, want 4", len(parts))
		}
		size := map[string]int{"pbkdf2_sha256": 32, "pbkdf2_sha1": 20}[algorithm]
		if b, err := base64.StdEncoding.DecodeString(parts[3]); err != nil || len(b) != size {
			return fmt.Errorf("digest of %d bytes, %w", len(b), err)
		}
		saltChars = len(parts[2])
	case "scrypt":
		if len(parts) != 6 {
			return fmt.Errorf("%d parts, want 6", len(parts))
		}
		if b, err := base64.StdEncoding.DecodeString(parts[5]); err != nil || len(b) != 64 {
			return fmt.Errorf("digest of %d bytes, %w", len(b), err)
		}
		saltChars = len(parts[2])
	case "argon2":
		fields := strings.Split(rest, "$")
		if len(fields) != 5 || fields[0] != "argon2id" || fields[1] != "v=19" {
			return fmt.Errorf("%q is no argon2id of version 19", rest)
		}
		salt, err := base64.RawStdEncoding.DecodeString(fields[3])
		if err != nil {
			return err
		}
		saltChars = len(salt)
		if b, err := base64.RawStdEncoding.DecodeString(fields[4]); err != nil || len(b) != 32 {
			return fmt.Errorf("digest of %d bytes, %w", len(b), err)
		}
	case "bcrypt", "bcrypt_sha256":
		if len(parts) != 5 || parts[1] != "" || parts[2] != "2b" || len(parts[4]) != 53 {
			return fmt.Errorf("%q is not name$$2b$cost$salt-and-digest", encoded)
		}
	default:
		return fmt.Errorf("no hasher is called %q", algorithm)
	}
	// The column of auth_user; PostgreSQL refuses what is longer. Costs in
	// earnest have up to eight digits more than those of these tests.
	room := 128
	if algorithm != "scrypt" {
		room -= 8
	}
	if len(encoded) > room {
		return fmt.Errorf("%d characters do not fit into %d", len(encoded), room)
	}
	// Django's must_update_salt: below 128 bits at log2(62) for each character
	// the hash is written anew at the next sign-in there, and the two systems
	// would never come to rest.
	if saltChars != 0 && saltChars < 22 {
		return fmt.Errorf("a salt of %d characters, which Django would replace", saltChars)
	}
	return nil
}

func TestDjangoReadsWhatIsWritten(t *testing.T) {
	// The rules are right if they take what Django has written.
	for _, v := range vectors(t) {
		name, fromDjango := strings.CutPrefix(v.Scheme, "django_")
		if !fromDjango || v.Expect != "match" ||
			!strings.HasPrefix(name, "pbkdf2") && !strings.HasPrefix(name, "bcrypt") && name != "scrypt" {
			continue
		}
		if err := readAsDjango(v.Hash); err != nil {
			t.Errorf("the rules refuse Django's own %q: %v", v.Hash, err)
		}
	}
	for _, params := range djangoSchemes() {
		h := newHasher(t, password.Config{Preferred: params, Wait: time.Hour})
		encoded, err := h.Hash(t.Context(), "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		if err := readAsDjango(encoded); err != nil {
			t.Errorf("%q: %v", encoded, err)
		}
	}
}

// recompute is a program of Python's standard library alone: OpenSSL's PBKDF2
// and scrypt, and the bcrypt of the C library where there is one.
const recompute = `
import base64, hashlib, json, sys, warnings
warnings.simplefilter("ignore")
try:
    import crypt
    if crypt.crypt("x", "$2b$04$" + "." * 22) is None: crypt = None
except ImportError:
    crypt = None
said = []
for encoded in json.load(sys.stdin):
    name, rest = encoded.split("$", 1)
    pw = "correct horse \u043f\u0430\u0440\u043e\u043b\u044c"
    if name.startswith("pbkdf2_"):
        rounds, salt, digest = rest.split("$")
        made = hashlib.pbkdf2_hmac(name[7:], pw.encode(), salt.encode(), int(rounds))
        said.append(base64.b64encode(made).decode() == digest)
    elif name == "scrypt":
        n, salt, r, p, digest = rest.split("$")
        made = hashlib.scrypt(pw.encode(), salt=salt.encode(), n=int(n), r=int(r), p=int(p), maxmem=64 << 20, dklen=64)
        said.append(base64.b64encode(made).decode() == digest)
    elif name in ("bcrypt", "bcrypt_sha256"):
        if name == "bcrypt_sha256": pw = hashlib.sha256(pw.encode()).hexdigest()
        said.append(None if crypt is None else crypt.crypt(pw, rest) == rest)
    else:
        said.append(None)
json.dump(said, sys.stdout)
`

func TestHashesRecomputed(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	var hashes []string
	for _, params := range []password.Params{
		{Scheme: "pbkdf2_sha256", Rounds: 1000},
		{Scheme: "pbkdf2_sha1", Rounds: 1000},
		{Scheme: "django-scrypt"},
		{Scheme: "django-bcrypt", Cost: 4},
		{Scheme: "bcrypt_sha256", Cost: 4},
	} {
		h := newHasher(t, password.Config{Preferred: params, Wait: time.Hour})
		encoded, err := h.Hash(t.Context(), "correct horse пароль")
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, encoded)
	}
	asked, err := json.Marshal(hashes)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, python, "-I", "-c", recompute)
	c.Stdin = strings.NewReader(string(asked))
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v", python, err)
	}
	var said []*bool
	if err := json.Unmarshal(out, &said); err != nil || len(said) != len(hashes) {
		t.Fatalf("answer %q: %v", out, err)
	}
	for i, matches := range said {
		switch {
		case matches == nil:
			t.Logf("%q: not recomputed, this Python has no bcrypt", hashes[i])
		case !*matches:
			t.Errorf("%q is not what another implementation computes", hashes[i])
		}
	}
}

func TestParamsInDjangosSpelling(t *testing.T) {
	for from, want := range map[string]string{
		"argon2id m=65536": "argon2$argon2id$v=19$m=65536,t=2,p=1$",
		"bcrypt 4":         "bcrypt$$2b$04$",
		"scrypt n=16":      "scrypt$16$",
		"pbkdf2-sha256 10": "pbkdf2_sha256$10$",
		"bcrypt_sha256 4":  "bcrypt_sha256$$2b$04$",
		"pbkdf2_sha1 10":   "pbkdf2_sha1$10$",
	} {
		params, err := password.ParseParams(from)
		if err != nil {
			t.Fatal(err)
		}
		h := newHasher(t, password.Config{Preferred: params.Django()})
		encoded, err := h.Hash(t.Context(), "correct horse")
		if err != nil || !strings.HasPrefix(encoded, want) {
			t.Errorf("%s in Django's spelling writes %q, %v, want it to begin with %q", from, encoded, err, want)
		}
	}
}

func TestSaltsAreOfTheWholeAlphabet(t *testing.T) {
	h := newHasher(t, password.Config{Preferred: password.Params{Scheme: "pbkdf2_sha256", Rounds: 1}})
	seen := make(map[rune]bool)
	for range 200 { // a letter is missing in 4400 draws once in 10^29
		encoded, err := h.Hash(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range strings.Split(encoded, "$")[2] {
			seen[r] = true
		}
	}
	var letters []rune
	for r := range seen {
		letters = append(letters, r)
	}
	slices.Sort(letters)
	if got, want := string(letters), "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"; got != want {
		t.Errorf("letters of salts = %q, want %q", got, want)
	}
}
