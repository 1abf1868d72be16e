package httpauth

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/watchword-auth/watchword"
)

// maxAccept bounds what is read of an Accept header, in bytes.
const maxAccept = 1024

// acceptable returns the media type of offers that the request likes best, the
// first of those it likes alike (RFC 9110, section 12.5.1), or NotAcceptable.
// No header accepts anything.
func acceptable(r *http.Request, offers ...string) (string, error) {
	header := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(header) == "" {
		return offers[0], nil
	}
	if len(header) > maxAccept {
		return "", syntaxFault("too long an Accept header")
	}
	best, most := "", 0.0
	for _, offer := range offers {
		if q := quality(header, offer); q > most {
			best, most = offer, q
		}
	}
	if best == "" {
		return "", watchword.NotAcceptable
	}
	return best, nil
}

// quality is the weight that a header gives to a media type: that of the most
// specific range it is in. Ranges that cannot be read count for nothing.
func quality(header, offer string) float64 {
	kind, _, _ := strings.Cut(offer, "/")
	best, closest := 0.0, 0
	for part := range strings.SplitSeq(header, ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		fit := 0
		switch media {
		case offer:
			fit = 3
		case kind + "/*":
			fit = 2
		case "*/*":
			fit = 1
		}
		q := 1.0
		if text, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(text, 64); err != nil || !(q >= 0 && q <= 1) {
				continue
			}
		}
		if fit > closest {
			best, closest = q, fit
		}
	}
	return best
}
