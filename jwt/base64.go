package jwt

import (
	"bytes"
	"encoding/base64"
)

// encoding is base64url without padding (RFC 7515, section 2). Strict refuses unused bits that are
// set: without it, one signature has several spellings.
var encoding = base64.RawURLEncoding.Strict()

// appendDecoded appends what src stands for to dst. It refuses padding, the standard alphabet and
// unused bits, and line breaks, which encoding/base64 skips even when strict.
func appendDecoded(dst, src []byte) ([]byte, bool) {
	if bytes.IndexByte(src, '\n') >= 0 || bytes.IndexByte(src, '\r') >= 0 {
		return dst, false
	}
	out, err := encoding.AppendDecode(dst, src)
	if err != nil {
		return dst, false
	}
	return out, true
}

func encode(b []byte) string { return encoding.EncodeToString(b) }
