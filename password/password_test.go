package password_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/password"
)

// cheap are parameters for every scheme that cost next to nothing.
func cheap() []password.Params {
	return []password.Params{
		{Memory: 64, Time: 1},
		{Scheme: "bcrypt", Cost: 4},
		{Scheme: "scrypt", Cost: 4, Parallelism: 1},
		{Scheme: "pbkdf2-sha256", Rounds: 10},
		{Scheme: "argon2", Memory: 64, Time: 1},
		{Scheme: "django-bcrypt", Cost: 4},
		{Scheme: "bcrypt_sha256", Cost: 4},
		{Scheme: "django-scrypt", Cost: 4, Parallelism: 1},
		{Scheme: "pbkdf2_sha256", Rounds: 10},
		{Scheme: "pbkdf2_sha1", Rounds: 10},
	}
}

func TestHashVerifies(t *testing.T) {
	starts := []string{
		"$argon2id$v=19$m=64,t=1,p=1$",
		"$2b$04$",
		"$scrypt$ln=4,r=8,p=1$",
		"$pbkdf2-sha256$10$",
		"argon2$argon2id$v=19$m=64,t=1,p=1$",
		"bcrypt$$2b$04$",
		"bcrypt_sha256$$2b$04$",
		"scrypt$16$",
		"pbkdf2_sha256$10$",
		"pbkdf2_sha1$10$",
	}
	classes := []string{
		"argon2id m=64 t=1 p=1",
		"bcrypt 4",
		"scrypt n=16 r=8 p=1",
		"pbkdf2-sha256 10",
		"django-argon2 m=64 t=1 p=1",
		"django-bcrypt 4",
		"django-bcrypt-sha256 4",
		"django-scrypt n=16 r=8 p=1",
		"django-pbkdf2-sha256 10",
		"django-pbkdf2-sha1 10",
	}
	if len(starts) != len(password.Schemes()) {
		t.Fatalf("%d schemes tested, want %d", len(starts), len(password.Schemes()))
	}
	const other = "md5$QSusShhggKPdjZ7JMbnIm5$8c2896dad3796f0eb261bcf71b962379"
	for i, params := range cheap() {
		t.Run(password.Schemes()[i], func(t *testing.T) {
			h := newHasher(t, password.Config{Preferred: params, Wait: time.Hour})
			for _, pw := range []string{"", "p", "correct horse", "\xff\xfe", "пароль", strings.Repeat("x", 72)} {
				encoded, err := h.Hash(t.Context(), pw)
				if err != nil {
					t.Fatalf("Hash(%q) = %v", pw, err)
				}
				if !strings.HasPrefix(encoded, starts[i]) {
					t.Errorf("Hash(%q) = %q, want it to begin with %q", pw, encoded, starts[i])
				}
				if err := h.Verify(t.Context(), pw, encoded); err != nil {
					t.Errorf("Verify(%q, %q) = %v, want nil", pw, encoded, err)
				}
				if err := h.Verify(t.Context(), pw+"x", encoded); !errors.Is(err, password.ErrMismatch) {
					t.Errorf("Verify(%q, %q) = %v, want ErrMismatch", pw+"x", encoded, err)
				}
				if got := h.Class(encoded); got != classes[i] {
					t.Errorf("Class(%q) = %q, want %q", encoded, got, classes[i])
				}
				if h.NeedsUpgrade(encoded) {
					t.Errorf("NeedsUpgrade(%q) = true, want false", encoded)
				}
				again, err := h.Hash(t.Context(), pw)
				if err != nil || again == encoded {
					t.Errorf("Hash(%q) twice = %q, %v: the salt is the same", pw, again, err)
				}
			}
			if !h.NeedsUpgrade(other) {
				t.Errorf("NeedsUpgrade(%q) = false, want true", other)
			}
			if h.NeedsUpgrade("nonsense") {
				t.Error("NeedsUpgrade(nonsense) = true, want false")
			}
			if err := h.Dummy(t.Context(), "correct horse"); !errors.Is(err, password.ErrMismatch) {
				t.Errorf("Dummy = %v, want ErrMismatch", err)
			}
		})
	}
}

func TestNeedsUpgradeWhereOnlyTheCostDiffers(t *testing.T) {
	weak := newHasher(t, password.Config{Preferred: password.Params{Memory: 64, Time: 1}})
	strong := newHasher(t, password.Config{Preferred: password.Params{Memory: 64, Time: 2}})
	encoded, err := weak.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strong.NeedsUpgrade(encoded) {
		t.Errorf("NeedsUpgrade(%q) = false, want true", encoded)
	}
}

func TestZeroConfigWritesArgon2id(t *testing.T) {
	h := newHasher(t, password.Config{})
	encoded, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := password.Class(encoded), "argon2id m=19456 t=2 p=1"; got != want {
		t.Errorf("Class(%q) = %q, want %q", encoded, got, want)
	}
	if h.NeedsUpgrade(encoded) {
		t.Errorf("NeedsUpgrade(%q) = true, want false", encoded)
	}
}

func TestNewReportsAllFaults(t *testing.T) {
	_, err := password.New(password.Config{
		Preferred:  password.Params{Scheme: "rot13"},
		Concurrent: -1,
		Wait:       -1,
		MaxLength:  -1,
	})
	if err == nil {
		t.Fatal("New = nil, want an error")
	}
	for _, part := range []string{"rot13", "Concurrent", "Wait", "MaxLength"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("New = %q, want it to name %q", err, part)
		}
	}
}

func TestNewRefusesParams(t *testing.T) {
	tests := []struct {
		name   string
		params password.Params
	}{
		{"argon2 memory", password.Params{Memory: 1 << 31}},
		{"argon2 memory below 8p", password.Params{Memory: 8, Parallelism: 2}},
		{"argon2 passes", password.Params{Memory: 64, Time: 1 << 31}},
		{"argon2 work", password.Params{Memory: 256 << 10, Time: 5}},
		{"argon2 lanes", password.Params{Parallelism: 256}},
		{"bcrypt cost above", password.Params{Scheme: "bcrypt", Cost: 31}},
		{"bcrypt cost below", password.Params{Scheme: "bcrypt", Cost: 3}},
		{"bcrypt cost negative", password.Params{Scheme: "bcrypt", Cost: -1}},
		{"scrypt N above", password.Params{Scheme: "scrypt", Cost: 63}},
		{"scrypt N negative", password.Params{Scheme: "scrypt", Cost: -1}},
		{"scrypt memory", password.Params{Scheme: "django-scrypt", Cost: 18, Parallelism: 1}},
		{"scrypt block size", password.Params{Scheme: "scrypt", BlockSize: -8}},
		{"pbkdf2 rounds", password.Params{Scheme: "pbkdf2_sha256", Rounds: 1 << 30}},
		{"pbkdf2 rounds negative", password.Params{Scheme: "pbkdf2-sha256", Rounds: -1}},
		{"field of another scheme", password.Params{Scheme: "bcrypt", Rounds: 12}},
		{"read but not written", password.Params{Scheme: "phpass"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := password.New(password.Config{Preferred: tt.params}); err == nil {
				t.Errorf("New(%+v) = nil, want an error", tt.params)
			}
		})
	}
}

func TestParseParams(t *testing.T) {
	tests := []struct {
		in   string
		want password.Params
	}{
		{"", password.Params{Scheme: "argon2id", Memory: 19456, Time: 2, Parallelism: 1}},
		{"argon2id", password.Params{Scheme: "argon2id", Memory: 19456, Time: 2, Parallelism: 1}},
		{"argon2id m=65536 t=3", password.Params{Scheme: "argon2id", Memory: 65536, Time: 3, Parallelism: 1}},
		{"argon2 p=8", password.Params{Scheme: "django-argon2", Memory: 19456, Time: 2, Parallelism: 8}},
		{"bcrypt", password.Params{Scheme: "bcrypt", Cost: 12}},
		{"scrypt", password.Params{Scheme: "scrypt", Cost: 14, BlockSize: 8, Parallelism: 5}},
		{"django-scrypt", password.Params{Scheme: "django-scrypt", Cost: 14, BlockSize: 8, Parallelism: 5}},
		{"pbkdf2-sha256", password.Params{Scheme: "pbkdf2-sha256", Rounds: 600_000}},
		{"pbkdf2_sha256", password.Params{Scheme: "django-pbkdf2-sha256", Rounds: 600_000}},
		{"bcrypt 13", password.Params{Scheme: "bcrypt", Cost: 13}},
		{"bcrypt_sha256", password.Params{Scheme: "django-bcrypt-sha256", Cost: 12}},
		{"scrypt n=32768 r=8 p=3", password.Params{Scheme: "scrypt", Cost: 15, BlockSize: 8, Parallelism: 3}},
		{"pbkdf2_sha256 1000000", password.Params{Scheme: "django-pbkdf2-sha256", Rounds: 1_000_000}},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := password.ParseParams(tt.in)
			if err != nil || got != tt.want {
				t.Errorf("ParseParams(%q) = %+v, %v, want %+v", tt.in, got, err, tt.want)
			}
		})
	}
	for _, in := range []string{
		"md5", "bcrypt 99", "bcrypt 12 13", "bcrypt m=64", "argon2id 3", "argon2id m=64 m=65",
		"scrypt n=1000", "scrypt n=-2", "pbkdf2-sha256 0", "pbkdf2-sha256 1e6", "argon2id m=", "Bcrypt",
	} {
		t.Run(in, func(t *testing.T) {
			if got, err := password.ParseParams(in); err == nil {
				t.Errorf("ParseParams(%q) = %+v, want an error", in, got)
			}
		})
	}
}

func TestMaxLength(t *testing.T) {
	h := newHasher(t, password.Config{Preferred: password.Params{Memory: 64, Time: 1}})
	longest := strings.Repeat("x", 1024)
	encoded, err := h.Hash(t.Context(), longest)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Verify(t.Context(), longest, encoded); err != nil {
		t.Errorf("Verify of 1024 bytes = %v, want nil", err)
	}
	if _, err := h.Hash(t.Context(), longest+"x"); !errors.Is(err, password.ErrTooLong) {
		t.Errorf("Hash of 1025 bytes = %v, want ErrTooLong", err)
	}
	if err := h.Verify(t.Context(), longest+"x", encoded); !errors.Is(err, password.ErrMismatch) {
		t.Errorf("Verify of 1025 bytes = %v, want ErrMismatch", err)
	}
	if err := h.Dummy(t.Context(), longest+"x"); !errors.Is(err, password.ErrMismatch) {
		t.Errorf("Dummy of 1025 bytes = %v, want ErrMismatch", err)
	}
}

func TestContextAlreadyDone(t *testing.T) {
	h := newHasher(t, password.Config{Preferred: password.Params{Memory: 64, Time: 1}})
	encoded, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Verify(ctx, "correct horse", encoded); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify = %v, want context.Canceled", err)
	}
	if _, err := h.Hash(ctx, "correct horse"); !errors.Is(err, context.Canceled) {
		t.Errorf("Hash = %v, want context.Canceled", err)
	}
	if err := h.Dummy(ctx, "correct horse"); !errors.Is(err, context.Canceled) {
		t.Errorf("Dummy = %v, want context.Canceled", err)
	}
}

func TestUnusable(t *testing.T) {
	h := newHasher(t, password.Config{})
	u := password.Unusable()
	if len(u) != 41 || u[0] != '!' || u == password.Unusable() {
		t.Errorf("Unusable() = %q, want ! and 40 characters, each time others", u)
	}
	for _, pw := range []string{"", u, u[1:], "!"} {
		if err := h.Verify(t.Context(), pw, u); !errors.Is(err, password.ErrUnsupported) {
			t.Errorf("Verify(%q, %q) = %v, want ErrUnsupported", pw, u, err)
		}
	}
}

func TestWeak(t *testing.T) {
	tests := []struct {
		name, password, login string
		want                  error
	}{
		{"empty", "", "jane", password.ErrTooShort},
		{"seven characters", "aB3$xyz", "jane", password.ErrTooShort},
		{"seven characters of more bytes", "пароль!", "jane", password.ErrTooShort},
		{"eight characters", "aB3$xyzq", "jane", nil},
		{"common", "password", "jane", password.ErrCommon},
		{"common in capitals", "PassWord123", "jane", password.ErrCommon},
		{"common, the first of the list", "00000000", "jane", password.ErrCommon},
		{"common but for a space", "password ", "jane", nil},
		{"lines of the list", "password\npassword1", "jane", nil},
		{"the login", "jane.austen.7", "Jane.Austen.7", password.ErrIsLogin},
		{"login within", "jane.austen.7.x", "jane.austen.7", nil},
		{"long", "correct horse battery staple", "jane", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := password.Weak(tt.password, tt.login)
			if !errors.Is(err, tt.want) {
				t.Errorf("Weak(%q, %q) = %v, want %v", tt.password, tt.login, err, tt.want)
			}
			if tt.want != nil && !errors.Is(err, password.ErrWeak) {
				t.Errorf("Weak(%q, %q) = %v, want it to be ErrWeak", tt.password, tt.login, err)
			}
		})
	}
}

func ExampleHasher() {
	ctx := context.Background()
	hasher, err := password.New(password.Config{})
	if err != nil {
		panic(err)
	}
	// What a Django application has left in its table.
	stored := "pbkdf2_sha256$1000$pyrHceAReWcntY02GdQX3I$OlqJn3tsBLNdmW69A5WxnO/57ndqEwgfo0vWwCMlPgc="

	if err := hasher.Verify(ctx, "correct horse battery staple", stored); err != nil {
		fmt.Println(err)
		return
	}
	if hasher.NeedsUpgrade(stored) {
		fmt.Println("from", hasher.Class(stored))
		stored, err = hasher.Hash(ctx, "correct horse battery staple")
		if err != nil {
			panic(err)
		}
		fmt.Println("to", hasher.Class(stored))
	}
	// Output:
	// from django-pbkdf2-sha256 1000
	// to argon2id m=19456 t=2 p=1
}

func ExampleWeak() {
	fmt.Println(password.Weak("Password123", "jane"))
	fmt.Println(password.Weak("four words in a row", "jane"))
	// Output:
	// weak password: it is one of the most common passwords
	// <nil>
}

func BenchmarkVerify(b *testing.B) {
	for _, scheme := range password.Schemes() {
		b.Run(scheme, func(b *testing.B) {
			h := newHasher(b, password.Config{Preferred: password.Params{Scheme: scheme}})
			encoded, err := h.Hash(b.Context(), "correct horse battery staple")
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := h.Verify(b.Context(), "correct horse battery staple", encoded); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWeak(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if err := password.Weak("correct horse battery staple", "jane"); err != nil {
			b.Fatal(err)
		}
	}
}
