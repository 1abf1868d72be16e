package move

import "testing"

func TestWeak(t *testing.T) {
	for class, want := range map[string]bool{
		"argon2id m=19456 t=2 p=1":       false,
		"django-argon2 m=102400 t=2 p=8": false,
		"argon2id m=7168 t=5 p=1":        false,
		"django-argon2 m=512 t=2 p=2":    true,
		"bcrypt 10":                      false,
		"django-bcrypt-sha256 12":        false,
		"bcrypt 9":                       true,
		"scrypt n=131072 r=8 p=1":        false,
		"django-scrypt n=16384 r=8 p=5":  false,
		"django-scrypt n=16384 r=8 p=1":  true,
		"django-pbkdf2-sha256 600000":    false,
		"django-pbkdf2-sha256 260000":    true,
		"pbkdf2-sha512 210000":           false,
		"django-pbkdf2-sha1 600000":      true,
		"sha512-crypt 656000":            false,
		"sha512-crypt 5000":              true,
		"django-md5-unsalted":            true,
		"salted-sha1":                    true,
		"md5-crypt":                      true,
		"phpass 8192":                    true,
	} {
		if got := weak(class); got != want {
			t.Errorf("weak(%s) = %t", class, got)
		}
	}
}
