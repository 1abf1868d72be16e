package httpauth_test

import (
	"testing"

	"github.com/watchword-auth/watchword/httpauth"
)

func TestLocalPath(t *testing.T) {
	for next, want := range map[string]string{
		"/":                     "/",
		"/orders/":              "/orders/",
		"/orders?page=2&q=a%2F": "/orders?page=2&q=a%2F",
		"/caf%C3%A9":            "/caf%C3%A9",
		"/orders#top":           "/orders",
		"":                      "",
		"orders":                "",
		"//evil.test/":          "",
		"///evil.test/":         "",
		"/\\evil.test":          "",
		"\\\\evil.test":         "",
		"/%5cevil.test":         "",
		"/%2f%2fevil.test":      "",
		"/..//evil.test":        "",
		"/a/../b":               "",
		"/a//b":                 "",
		"https://evil.test/":    "",
		"https:evil.test":       "",
		"javascript:alert(1)":   "",
		"data:text/html,x":      "",
		"//user@evil.test":      "",
		" /orders":              "",
		"/\tevil.test":          "",
		"\t//evil.test":         "",
		"/\r\nSet-Cookie: a=b":  "",
		"/caf\u00e9":            "",
		"/%zz":                  "",
		"/\u2028evil":           "",
	} {
		if got := httpauth.LocalPath(next); got != want {
			t.Errorf("LocalPath(%q) = %q, want %q", next, got, want)
		}
	}
}
