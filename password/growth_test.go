package password_test

import (
	"testing"

	"github.com/watchword-auth/watchword/password"
)

// Growth bounds from above what was measured of the longest passwords, is
// exact where the length costs nothing, and never falls before the length at
// which a password is refused without work.
func TestGrowth(t *testing.T) {
	tests := []struct {
		class       string
		length      int
		least, most float64
	}{
		{"sha512-crypt 2000", 0, 1, 1},
		{"sha512-crypt 2000", 8, 1, 1.3},
		{"sha512-crypt 2000", 100, 2.1, 4},
		{"sha512-crypt 2000", 1000, 12.1, 30},
		{"sha256-crypt 2000", 0, 1, 1},
		{"sha256-crypt 2000", 8, 1.3, 2.1},
		{"sha256-crypt 2000", 1000, 17.0, 60},
		{"md5-crypt", 0, 1, 1},
		{"md5-crypt", 8, 1, 1.3},
		{"md5-crypt", 1000, 20.4, 60},
		{"phpass 2048", 0, 1, 1},
		{"phpass 2048", 1000, 14.1, 30},
		{"phpass 1048576", 64, 2, 3},
		{"phpass 1048576", 1024, 1, 1}, // refused at once
		{"sha256-crypt 1000000", 1024, 1, 1},
		{"argon2id m=19456 t=2 p=1", 1024, 1, 1},
		{"bcrypt 12", 1024, 1, 1},
		{"django-pbkdf2-sha256 600000", 1024, 1, 1},
		{"salted-md5", 1024, 1, 1},
		{"preferred", 1024, 1, 1},
		{"sha512-crypt", 1024, 1, 1}, // no class that Class returns
		{"", 1024, 1, 1},
	}
	for _, tt := range tests {
		if got := password.Growth(tt.class, tt.length); got < tt.least || got > tt.most {
			t.Errorf("Growth(%q, %d) = %v, want %v to %v", tt.class, tt.length, got, tt.least, tt.most)
		}
		for n := 1; n <= 400; n++ {
			if password.Growth(tt.class, n) < password.Growth(tt.class, n-1) {
				t.Errorf("Growth(%q) falls at %d", tt.class, n)
			}
		}
	}
}
