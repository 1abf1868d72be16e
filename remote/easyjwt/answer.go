package easyjwt

import (
	"encoding/json"

	"github.com/watchword-auth/watchword"
)

// The original's texts about an authority that cannot be used.
const (
	textConnection  = "Authentication Service Connection Error."
	textTimedOut    = "Authentication Service Timed Out."
	textRequest     = "Authentication Service Request Error."
	textContentType = "Authentication Service response has incorrect content-type. Expected application/json but received "
	textBadAnswer   = "Authentication service returned an invalid response."
	textBadUser     = "Authentication service returned an invalid user response."
	textFailed      = "Authentication service returned an error."
	textIncorrect   = "Incorrect authentication credentials."
	textOtherModels = "Integrity error. Different User models?"
)

// A Refusal is an answer of the authority that is no success, or what stands
// for one where it could not be had. Its code is Unavailable where the
// authority was at fault, RateLimited where it asks for patience, and else says
// that what was shown is no good.
type Refusal struct {
	Code watchword.Code
	// Status of the authority's answer; 0: there was none that counts.
	Status int
	// Text is for the caller: the authority's detail, or one of the original's
	// fixed texts.
	Text string
	// JSON is the authority's answer where it is a JSON object, else
	// {"detail": Text}.
	JSON []byte
	// Err is what was behind it, for logs; nil for none.
	Err error
}

// Error names the code, the text and what was behind it.
func (r *Refusal) Error() string {
	text := r.Code.Error() + ": " + r.Text
	if r.Err != nil {
		text += ": " + r.Err.Error()
	}
	return text
}

// Unwrap returns the code with the text as its message, as guards tell it, and
// what was behind it.
func (r *Refusal) Unwrap() []error {
	list := []error{&watchword.PolicyError{Code: r.Code, Message: r.Text}}
	if r.Err != nil {
		list = append(list, r.Err)
	}
	return list
}

// Answer returns the JSON to answer with: the authority's own, where there is
// one.
func (r *Refusal) Answer() []byte { return r.JSON }

// refusal is one in the words of the original.
func refusal(code watchword.Code, text string, err error) *Refusal {
	body, _ := json.Marshal(map[string]string{"detail": text}) // texts always marshal
	return &Refusal{Code: code, Text: text, JSON: body, Err: err}
}

// of puts a code on a refusal: what was shown decides what it says.
func (r *Refusal) of(code watchword.Code) *Refusal {
	if r.Code == watchword.Unauthenticated {
		r.Code = code
	}
	return r
}
