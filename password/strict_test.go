package password_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/password"
)

// Well-formed hashes whose passwords do not matter, to be spoilt.
const (
	someSalt   = "VUcEDO7aZkRCukiUC1gfxQ"                                                                   // 16 bytes
	someDigest = "9PZLzcDGlxZNa/y415kCzg"                                                                   // 16 bytes
	someBcrypt = "TSaCBM5YXiPAsigSAzedvO7DTc0iOUbzxJwz5JHnHu75t04y8Ej0."                                    // salt and digest
	someSHA256 = "OlqJn3tsBLNdmW69A5WxnO/57ndqEwgfo0vWwCMlPgc="                                             // 32 bytes
	somePass   = "68BPEOjaTqfsjj5MJ2fV7MnEKIIhPeJGHAFm2V7jisE"                                              // 32 bytes, passlib
	someHex    = "0ae41789e60d124fd0182cc7510197f88e4f5443072e66b05a7d3849ccc8833c"                         // 32 bytes
	some64     = "+7TWLfknDr0CeZjY4a67EYhSTDqGABanksz5P46WxR60HDMaMPaWAdfXBhJYsG3CFBfnYPjslK4VqFqoGzd/Cw==" // 64 bytes
	someCrypt  = "zjjStxAL/oqP4U0bvRvIXP3RI6EJrwOlO6D9La34MNA"                                              // sha256-crypt
)

// TestClassTellsWhatIsRead has one case for each form and each end of a limit. Class decodes without working.
func TestClassTellsWhatIsRead(t *testing.T) {
	tests := []struct{ encoded, want string }{
		{"$argon2id$v=19$m=19456,t=2,p=1$" + someSalt + "$" + someDigest, "argon2id m=19456 t=2 p=1"},
		{"$argon2i$v=19$m=8,t=1,p=1$" + someSalt + "$" + someDigest, "argon2i m=8 t=1 p=1"},
		{"$argon2d$v=19$m=262144,t=4,p=64$" + someSalt + "$" + someDigest, "argon2d m=262144 t=4 p=64"},
		{"$argon2id$v=19$m=1024,t=1024,p=1$" + someSalt + "$" + someDigest, "argon2id m=1024 t=1024 p=1"},
		{"argon2$argon2id$v=19$m=102400,t=2,p=8$" + someSalt + "$" + someDigest, "django-argon2 m=102400 t=2 p=8"},
		{"argon2$argon2i$v=19$m=512,t=2,p=2$" + someSalt + "$" + someDigest, "django-argon2i m=512 t=2 p=2"},
		{"$2a$04$" + someBcrypt, "bcrypt 4"},
		{"$2b$10$" + someBcrypt, "bcrypt 10"},
		{"$2y$14$" + someBcrypt, "bcrypt 14"},
		{"bcrypt$$2b$12$" + someBcrypt, "django-bcrypt 12"},
		{"bcrypt_sha256$$2b$12$" + someBcrypt, "django-bcrypt-sha256 12"},
		{"$bcrypt-sha256$2a,12$CGefDb19V5yWYOo15ZKQsO$CYusmAVzEtId/kTpQ8.hl4JOqgQobKO", "bcrypt-sha256-v1 12"},
		{"$bcrypt-sha256$v=2,t=2b,r=12$KhxSMYIkZxgUit8Bi4S36e$R9DyqiCPlM3FPtfH8PnjuFCa43nhcD.", "bcrypt-sha256 12"},
		{"pbkdf2_sha256$5000000$s$" + someSHA256, "django-pbkdf2-sha256 5000000"},
		{"pbkdf2_sha1$1$s$Pa+CUMkkaoktM6dRwKqXVV4o9xs=", "django-pbkdf2-sha1 1"},
		{"$pbkdf2$1000$LUJMVAjLpaMlQx2Rxc0SeA$2B3CxZkzxiT1gB.xAJsyUzXLxxs", "pbkdf2-sha1 1000"},
		{"$pbkdf2$1000$LUJMVAjLpaMlQx2Rxc0SeA$2B3CxZkzxiT1gB+xAJsyUzXLxxs", "pbkdf2-sha1 1000"},
		{"$pbkdf2-sha256$1000$9xvPin0exO2wZcmr.iw9YA$" + somePass, "pbkdf2-sha256 1000"},
		{"pbkdf2:sha256:1000$salt$" + someHex, "werkzeug-pbkdf2-sha256 1000"},
		{"$scrypt$ln=17,r=8,p=1$" + someSalt + "$" + someDigest, "scrypt n=131072 r=8 p=1"},
		{"$scrypt$ln=1,r=1,p=64$" + someSalt + "$" + someDigest, "scrypt n=2 r=1 p=64"},
		{"scrypt$16384$salt$8$5$" + some64, "django-scrypt n=16384 r=8 p=5"},
		{"scrypt:32768:8:1$salt$" + someHex + someHex, "werkzeug-scrypt n=32768 r=8 p=1"},
		{"$5$" + "salt$" + someCrypt, "sha256-crypt 5000"},
		{"$5$$" + someCrypt, "sha256-crypt 5000"},
		{"$5$rounds=1000000$saltsaltsaltsalt$" + someCrypt, "sha256-crypt 1000000"},
		{"$6$rounds=1000$s$" + someCrypt + someCrypt, "sha512-crypt 1000"},
		{"$1$SvDy5drq$He1Hfel1Tph4QLLFj7Rl3/", "md5-crypt"},
		{"$P$62DVGCKPu378HPBr/ZOVd72PaiDmaq1", "phpass 256"},
		{"$H$I2DVGCKPu378HPBr/ZOVd72PaiDmaq1", "phpass 1048576"},
		{"md5$salt$8c2896dad3796f0eb261bcf71b962379", "salted-md5"},
		{"sha1$salt$683959e4381f818c92bde9b8e203e221e4ffa10a", "salted-sha1"},
		{"sha256$salt$" + someHex, "salted-sha256"},
		{"sha1$$abf7aad6438836dbe526aa231abde2d0eef74d42", "django-sha1-unsalted"},
		{"md5$$9cc2ae8a1ba7a93da39b46fc1019c481", "django-md5-unsalted"},
		{"9cc2ae8a1ba7a93da39b46fc1019c481", "django-md5-unsalted"},
	}
	for _, tt := range tests {
		if got := password.Class(tt.encoded); got != tt.want {
			t.Errorf("Class(%q) = %q, want %q", tt.encoded, got, tt.want)
		}
	}
}

func TestRefused(t *testing.T) {
	argon2 := func(version, costs, salt, digest string) string {
		return "$argon2id$" + version + "$" + costs + "$" + salt + "$" + digest
	}
	tests := []struct{ name, encoded string }{
		{"argon2 memory", argon2("v=19", "m=262145,t=1,p=1", someSalt, someDigest)},
		{"argon2 work", argon2("v=19", "m=262144,t=5,p=1", someSalt, someDigest)},
		{"argon2 passes", argon2("v=19", "m=64,t=1025,p=1", someSalt, someDigest)},
		{"argon2 lanes", argon2("v=19", "m=65536,t=1,p=65", someSalt, someDigest)},
		{"argon2 memory below 8p", argon2("v=19", "m=63,t=1,p=8", someSalt, someDigest)},
		{"argon2 costs in another order", argon2("v=19", "t=1,m=64,p=1", someSalt, someDigest)},
		{"argon2 cost missing", argon2("v=19", "m=64,t=1", someSalt, someDigest)},
		{"argon2 cost more", argon2("v=19", "m=64,t=1,p=1,k=1", someSalt, someDigest)},
		{"argon2 cost with zero", argon2("v=19", "m=064,t=1,p=1", someSalt, someDigest)},
		{"argon2 cost with plus", argon2("v=19", "m=+64,t=1,p=1", someSalt, someDigest)},
		{"argon2 cost wraps 64 bits", argon2("v=19", "m=18446744073709551680,t=1,p=1", someSalt, someDigest)},
		{"argon2 version 16", argon2("v=16", "m=64,t=1,p=1", someSalt, someDigest)},
		{"argon2 no version", "$argon2id$m=64,t=1,p=1$" + someSalt + "$" + someDigest},
		{"argon2 salt of 6 bytes", argon2("v=19", "m=64,t=1,p=1", "c2FsdHNh", someDigest)},
		{"argon2 no salt", argon2("v=19", "m=64,t=1,p=1", "", someDigest)},
		{"argon2 stray bits", argon2("v=19", "m=64,t=1,p=1", someSalt, "9PZLzcDGlxZNa/y415kCzh")},
		{"argon2 padding", argon2("v=19", "m=64,t=1,p=1", someSalt, someDigest+"==")},
		{"argon2 URL alphabet", argon2("v=19", "m=64,t=1,p=1", someSalt, "9PZLzcDGlxZNa_y415kCzg")},
		{"argon2 digest cut", argon2("v=19", "m=64,t=1,p=1", someSalt, "9PZLzcDGlxZNa/w")},
		{"argon2 bare", "argon2id$v=19$m=64,t=1,p=1$" + someSalt + "$" + someDigest},
		{"django argon2 of another", "argon2$2b$04$" + someBcrypt},
		{"django argon2 alone", "argon2$"},
		{"bcrypt 2x", "$2x$04$" + someBcrypt},
		{"bcrypt 2", "$2$04$" + someBcrypt},
		{"bcrypt 2B", "$2B$04$" + someBcrypt},
		{"bcrypt cost 15", "$2b$15$" + someBcrypt},
		{"bcrypt cost of one digit", "$2b$4$" + someBcrypt},
		{"bcrypt cost of three digits", "$2b$004$" + someBcrypt},
		{"bcrypt cost no number", "$2b$ 4$" + someBcrypt},
		{"bcrypt salt with stray bits", "$2b$04$TSaCBM5YXiPAsigSAzedvP7DTc0iOUbzxJwz5JHnHu75t04y8Ej0."},
		{"bcrypt digest with stray bits", "$2b$04$TSaCBM5YXiPAsigSAzedvO7DTc0iOUbzxJwz5JHnHu75t04y8Ej0/"},
		{"django bcrypt alone", "bcrypt$"},
		{"django bcrypt without dollar", "bcrypt$2b$04$" + someBcrypt},
		{"django bcrypt_sha256 of passlib", "$bcrypt_sha256$$2b$04$" + someBcrypt},
		{"passlib bcrypt cost", "$bcrypt-sha256$2b,15$CGefDb19V5yWYOo15ZKQsO$CYusmAVzEtId/kTpQ8.hl4JOqgQobKO"},
		{"passlib bcrypt cost with zero", "$bcrypt-sha256$2b,04$CGefDb19V5yWYOo15ZKQsO$CYusmAVzEtId/kTpQ8.hl4JOqgQobKO"},
		{"passlib bcrypt version", "$bcrypt-sha256$v=3,t=2b,r=4$CGefDb19V5yWYOo15ZKQsO$CYusmAVzEtId/kTpQ8.hl4JOqgQobKO"},
		{"passlib bcrypt 2 of 2a", "$bcrypt-sha256$v=2,t=2a,r=4$CGefDb19V5yWYOo15ZKQsO$CYusmAVzEtId/kTpQ8.hl4JOqgQobKO"},
		{"passlib bcrypt 2x", "$bcrypt-sha256$2x,4$CGefDb19V5yWYOo15ZKQsO$CYusmAVzEtId/kTpQ8.hl4JOqgQobKO"},
		{"passlib bcrypt no cost", "$bcrypt-sha256$2b$CGefDb19V5yWYOo15ZKQsO$CYusmAVzEtId/kTpQ8.hl4JOqgQobKO"},
		{"pbkdf2 rounds", "pbkdf2_sha256$5000001$salt$" + someSHA256},
		{"pbkdf2 no salt", "pbkdf2_sha256$1000$$" + someSHA256},
		{"pbkdf2 field more", "pbkdf2_sha256$1000$salt$" + someSHA256 + "$"},
		{"pbkdf2 digest cut", "pbkdf2_sha256$1000$salt$OlqJn3tsBLNdmW69A5Wxng=="},
		{"pbkdf2 digest of 1 byte", "pbkdf2_sha256$1000$salt$Og=="},
		{"pbkdf2 no digest", "pbkdf2_sha256$1000$salt$"},
		{"pbkdf2 without padding", "pbkdf2_sha256$1000$salt$" + strings.TrimSuffix(someSHA256, "=")},
		{"pbkdf2 digest of another hash", "pbkdf2_sha1$1000$salt$" + someSHA256},
		{"pbkdf2 in capitals", "PBKDF2_SHA256$1000$salt$" + someSHA256},
		{"pbkdf2 salt too long", "pbkdf2_sha256$1000$" + strings.Repeat("s", 257) + "$" + someSHA256},
		{"passlib pbkdf2 digest cut", "$pbkdf2-sha256$1000$9xvPin0exO2wZcmr.iw9YA$68BPEOjaTqfsjj5MJ2fV7A"},
		{"passlib pbkdf2 unknown hash", "$pbkdf2-md5$1000$9xvPin0exO2wZcmr.iw9YA$68BPEOjaTqfsjj5MJ2fV7A"},
		{"passlib pbkdf2 empty hash", "$pbkdf2-$1000$LUJMVAjLpaMlQx2Rxc0SeA$2B3CxZkzxiT1gB.xAJsyUzXLxxs"},
		{"werkzeug without rounds", "pbkdf2:sha256$salt$" + someHex},
		{"werkzeug parameter more", "pbkdf2:sha256:1000:1$salt$" + someHex},
		{"werkzeug rounds", "pbkdf2:sha256:1000000000$salt$" + someHex},
		{"werkzeug hex in capitals", "pbkdf2:sha256:1000$salt$" + strings.ToUpper(someHex)},
		{"werkzeug hex cut", "pbkdf2:sha256:1000$salt$" + someHex[:32]},
		{"werkzeug no salt", "pbkdf2:sha256:1000$$" + someHex},
		{"scrypt memory", "$scrypt$ln=18,r=8,p=1$" + someSalt + "$" + someDigest},
		{"scrypt work", "$scrypt$ln=14,r=8,p=17$" + someSalt + "$" + someDigest},
		{"scrypt r=0", "$scrypt$ln=4,r=0,p=1$" + someSalt + "$" + someDigest},
		{"scrypt digest cut", "$scrypt$ln=4,r=8,p=1$" + someSalt + "$9PZLzcDGlxZNa/w"},
		{"django scrypt N no power of two", "scrypt$1000$salt$8$1$" + some64},
		{"django scrypt N=1", "scrypt$1$salt$8$1$" + some64},
		{"django scrypt digest cut", "scrypt$1024$salt$8$1$" + someSHA256},
		{"werkzeug scrypt N no power of two", "scrypt:1000:8:1$salt$" + someHex + someHex},
		{"werkzeug scrypt r", "scrypt:1024:1000000:1$salt$" + someHex + someHex},
		{"werkzeug scrypt digest cut", "scrypt:1024:8:1$salt$" + someHex},
		{"sha256-crypt rounds below", "$5$rounds=999$salt$" + someCrypt},
		{"sha256-crypt rounds above", "$5$rounds=1000001$salt$" + someCrypt},
		{"sha256-crypt rounds twice", "$5$rounds=1000,rounds=1000$salt$" + someCrypt},
		{"sha256-crypt rounds with zero", "$5$rounds=01000$salt$" + someCrypt},
		{"sha256-crypt salt too long", "$5$saltsaltsaltsalts$" + someCrypt},
		{"sha256-crypt salt of others", "$5$sa:lt$" + someCrypt},
		{"sha256-crypt digest cut", "$5$salt$" + someCrypt[1:]},
		{"sha512-crypt digest of sha256", "$6$salt$" + someCrypt},
		{"md5-crypt salt too long", "$1$SvDy5drqx$He1Hfel1Tph4QLLFj7Rl3/"},
		{"md5-crypt digest long", "$1$SvDy5drq$He1Hfel1Tph4QLLFj7Rl3/x"},
		{"phpass rounds below", "$P$42DVGCKPu378HPBr/ZOVd72PaiDmaq1"},
		{"phpass rounds above", "$P$J2DVGCKPu378HPBr/ZOVd72PaiDmaq1"},
		{"phpass cut", "$P$62DVGCKPu378HPBr/ZOVd72PaiDmaq"},
		{"phpass field more", "$P$62DVGCKPu378HPBr/ZOVd72PaiDmaq1$"},
		{"md5 in capitals", "md5$salt$8C2896DAD3796F0EB261BCF71B962379"},
		{"md5 cut", "md5$salt$8c2896dad3796f0eb261bcf71b96237"},
		{"md5 of sha1's length", "md5$salt$683959e4381f818c92bde9b8e203e221e4ffa10a"},
		{"sha256 without salt", "sha256$$" + someHex},
		{"bare md5 in capitals", "9CC2AE8A1BA7A93DA39B46FC1019C481"},
		{"bare md5 with newline", "9cc2ae8a1ba7a93da39b46fc1019c481\n"},
		{"bare sha1", "abf7aad6438836dbe526aa231abde2d0eef74d42"},
		{"plain text", "correct horse"},
		{"LDAP", "{SSHA}" + someSHA256},
		{"base64 with newline", "pbkdf2_sha256$1000$salt$OlqJn3tsBLNdmW69A5Wx\nnO/57ndqEwgfo0vWwCMlPgc="},
		{"not ASCII", "pbkdf2_sha256$1000$s\u00e4lt$" + someSHA256},
		{"too long", "pbkdf2_sha256$1000$salt$" + someSHA256 + strings.Repeat("=", 1024)},
	}
	h := newHasher(t, password.Config{Wait: time.Hour})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := h.Class(tt.encoded); got != "" {
				t.Errorf("Class(%q) = %q, want none", tt.encoded, got)
			}
			for _, pw := range []string{"", "correct horse", tt.encoded} {
				if err := h.Verify(t.Context(), pw, tt.encoded); !errors.Is(err, password.ErrUnsupported) {
					t.Errorf("Verify(%q, %q) = %v, want ErrUnsupported", pw, tt.encoded, err)
				}
			}
		})
	}
}

// TestBcryptNeverCuts: two passwords that bcrypt would take for one are never both taken.
func TestBcryptNeverCuts(t *testing.T) {
	full := strings.Repeat("x", 72)
	for _, scheme := range []string{"bcrypt", "django-bcrypt"} {
		t.Run(scheme, func(t *testing.T) {
			h := newHasher(t, password.Config{Preferred: password.Params{Scheme: scheme, Cost: 4}})
			encoded, err := h.Hash(t.Context(), full)
			if err != nil {
				t.Fatal(err)
			}
			for _, pw := range []string{full + "x", full + "\x00", full + strings.Repeat("y", 200)} {
				if err := h.Verify(t.Context(), pw, encoded); !errors.Is(err, password.ErrMismatch) {
					t.Errorf("Verify(%q) = %v, want ErrMismatch", pw, err)
				}
			}
			if _, err := h.Hash(t.Context(), full+"x"); !errors.Is(err, password.ErrTooLong) {
				t.Errorf("Hash of 73 bytes = %v, want ErrTooLong", err)
			}
			if _, err := h.Hash(t.Context(), "a\x00b"); !errors.Is(err, password.ErrNUL) {
				t.Errorf("Hash with a zero byte = %v, want ErrNUL", err)
			}
			// bcrypt repeats a short password with a zero byte between.
			if encoded, err = h.Hash(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
			if err := h.Verify(t.Context(), "a\x00a", encoded); !errors.Is(err, password.ErrMismatch) {
				t.Errorf("Verify(a, zero, a) against the hash of a = %v, want ErrMismatch", err)
			}
		})
	}
}

// TestPrehashedBcryptTakesLongPasswords: where the format hashes first, all bytes count.
func TestPrehashedBcryptTakesLongPasswords(t *testing.T) {
	h := newHasher(t, password.Config{Preferred: password.Params{Scheme: "bcrypt_sha256", Cost: 4}})
	long := strings.Repeat("x", 200) + "\x00"
	encoded, err := h.Hash(t.Context(), long+"1")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Verify(t.Context(), long+"1", encoded); err != nil {
		t.Errorf("Verify = %v, want nil", err)
	}
	if err := h.Verify(t.Context(), long+"2", encoded); !errors.Is(err, password.ErrMismatch) {
		t.Errorf("Verify of another end = %v, want ErrMismatch", err)
	}
}

// TestCryptWorkGrowsWithThePassword: rounds within their limit and a long password are together beyond it.
func TestCryptWorkGrowsWithThePassword(t *testing.T) {
	h := newHasher(t, password.Config{MaxLength: 1 << 20})
	long := strings.Repeat("x", 1<<20)
	for _, encoded := range []string{
		"$5$rounds=1000000$salt$" + someCrypt,
		"$6$salt$" + someCrypt + someCrypt,
		"$1$SvDy5drq$He1Hfel1Tph4QLLFj7Rl3/",
		"$P$I2DVGCKPu378HPBr/ZOVd72PaiDmaq1",
	} {
		if err := h.Verify(t.Context(), long, encoded); !errors.Is(err, password.ErrMismatch) {
			t.Errorf("Verify(1 MiB, %q) = %v, want ErrMismatch", encoded, err)
		}
	}
}

// FuzzClass: whatever is stored, reading it neither panics nor lets a secret into what is shown, and what is
// recognised obeys the limits.
func FuzzClass(f *testing.F) {
	seen := make(map[string]bool)
	for _, v := range vectors(f) {
		if !seen[v.Scheme] || v.Expect == "reject" && len(v.Hash) < 1024 {
			f.Add(v.Hash)
		}
		seen[v.Scheme] = true
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		class := password.Class(encoded)
		if class == "" {
			return
		}
		if len(encoded) > 1024 || bytes.ContainsAny([]byte(encoded), "\x00\r\n\t") {
			t.Errorf("Class(%q) = %q, want none", encoded, class)
		}
		scheme, cost, _ := strings.Cut(class, " ")
		if strings.ContainsAny(scheme, "$,=+/.") || len(class) > 64 {
			t.Errorf("Class(%q) = %q: not a class", encoded, class)
		}
		var m, t1, p, n, r int
		switch {
		case strings.Contains(scheme, "argon2"):
			if c, err := fmt.Sscanf(cost, "m=%d t=%d p=%d", &m, &t1, &p); c != 3 || err != nil || m*t1 > 1<<20 || m < 8*p {
				t.Errorf("Class(%q) = %q: beyond limits", encoded, class)
			}
		case strings.Contains(scheme, "scrypt"):
			if c, err := fmt.Sscanf(cost, "n=%d r=%d p=%d", &n, &r, &p); c != 3 || err != nil || 128*n*r > 128<<20 {
				t.Errorf("Class(%q) = %q: beyond limits", encoded, class)
			}
		case cost != "":
			if c, err := fmt.Sscanf(cost, "%d", &n); c != 1 || err != nil || n > 5_000_000 || fmt.Sprint(n) != cost {
				t.Errorf("Class(%q) = %q: beyond limits", encoded, class)
			}
		}
	})
}
