package josediff

import "testing"

// FuzzJSON varies header and payload, well encoded and well signed.
func FuzzJSON(f *testing.F) {
	for _, c := range classes() {
		for _, s := range c.examples {
			f.Add(s.facts().headerText, s.facts().payloadText)
		}
	}
	f.Add([]byte(head), []byte(`{"iss":"i","sub":"s","aud":["a"],"exp":1800000000,"nbf":1,"iat":1,"jti":"j"}`))
	f.Add([]byte(`{"typ":"JWT","alg":"HS256","kid":"k","x5t":"AA","cty":"x","nonce":"n","iv":"AA","tag":"AA"}`), []byte(claims))
	f.Fuzz(func(t *testing.T, header, payload []byte) {
		if u := unexplained(t, plain(string(header), string(payload))); u != "" {
			t.Error(u)
		}
	})
}

// FuzzSegments varies the segments themselves; the signature is over them as they are.
func FuzzSegments(f *testing.F) {
	for _, c := range classes() {
		for _, s := range c.examples {
			f.Add(s.header, s.payload, s.bits, s.suffix)
		}
	}
	for _, suffix := range []string{"=", ".", " ", "\r\n", "A", "AAAA"} {
		f.Add(encode(head), encode(claims), byte(0), suffix)
	}
	f.Fuzz(func(t *testing.T, header, payload string, bits byte, suffix string) {
		if u := unexplained(t, sample{header, payload, bits, suffix}); u != "" {
			t.Error(u)
		}
	})
}
