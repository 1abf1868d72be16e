package httpauth

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/watchword-auth/watchword"
)

// Param is what a parameter means, however it is spelled. A profile may add
// names of its own for its Serve functions.
type Param string

// The parameters that operations read.
const (
	ParamLogin        Param = "login"
	ParamPassword     Param = "password"
	ParamScope        Param = "scope"
	ParamRefresh      Param = "refresh_token"
	ParamToken        Param = "token"
	ParamEverywhere   Param = "everywhere" // a Flag
	ParamOthers       Param = "others"     // a Flag
	ParamCurrent      Param = "current"    // password
	ParamNew          Param = "new"        // password
	ParamEmail        Param = "email"
	ParamFirstName    Param = "first_name"
	ParamLastName     Param = "last_name"
	ParamPhone        Param = "phone"
	ParamLocation     Param = "location"
	ParamGrantType    Param = "grant_type"
	ParamClientID     Param = "client_id"
	ParamClientSecret Param = "client_secret"
)

// Input says what is read of a request's body. The query is never read, nor
// is a body where all is empty. At most 64 KiB are (TooLarge). Whatever is not
// exactly right is refused before anything is done: JSON that is not one
// object with distinct names in UTF-8, a form parameter that is repeated
// (RFC 6749, section 3.1), a charset other than UTF-8, a Content-Encoding, a
// media type not named here.
type Input struct {
	// JSON are the fields of a JSON object; nil: JSON is not read.
	JSON []Field
	// Form are those of application/x-www-form-urlencoded; nil: forms are
	// not read.
	Form []Field
	// Multipart reads Form from multipart/form-data as well.
	Multipart bool
	// OtherAsEmpty takes a body of another media type for an empty one, so
	// that the answer lists the fields it lacks, instead of
	// UnsupportedMediaType.
	OtherAsEmpty bool
	// Strict refuses members of a JSON object that no field names. Elsewhere
	// they are passed over (RFC 6749, section 3.1).
	Strict bool
	// NoScopeIsNone grants nothing to a sign-in that asks for no scope.
	// Otherwise it gets all that the user may have.
	NoScopeIsNone bool
}

// Field is one parameter. The zero value demands text that is not empty.
type Field struct {
	Param Param
	// Name is the spelling on the wire; "" means Param.
	Name string
	// Optional fields may be absent or empty, which is the same (RFC 6749,
	// section 3.1).
	Optional bool
	// Flag takes true and false, in a form as text.
	Flag bool
	// NumberAsText takes a JSON number for its text.
	NumberAsText bool
	// OneOf are the values allowed; nil: any.
	OneOf []string
	// Valid judges text further; nil: any will do.
	Valid func(text string) bool
}

func (f Field) name() string {
	if f.Name == "" {
		return string(f.Param)
	}
	return f.Name
}

// Fault is one thing that was wrong with the input.
type Fault struct {
	Kind  FaultKind
	Param Param
	Name  string // the field's spelling
	// Got is the kind of JSON value found: "null", "boolean", "string",
	// "number", "object", "array".
	Got string
	// Value is the text found where it is not among OneOf.
	Value string
	OneOf []string
	// Reason tells people what is wrong, where a Serve function says so.
	Reason string
}

// FaultKind says what a Fault is about.
type FaultKind uint8

// The kinds of faults.
const (
	FaultMissing   FaultKind = iota + 1
	FaultBlank               // required and empty
	FaultNull                // JSON null
	FaultType                // another JSON type, see Got; or text with a NUL
	FaultValue               // not among OneOf, or not Valid
	FaultSyntax              // the body cannot be read; stands alone, without a field
	FaultNotObject           // JSON, but no object, see Got; stands alone
)

// inputError is InvalidRequest with what was wrong.
type inputError struct {
	faults []Fault
	detail string
}

func (e *inputError) Error() string {
	names := make([]string, len(e.faults))
	for i, f := range e.faults {
		names[i] = fmt.Sprintf("%q", f.Name)
	}
	return watchword.InvalidRequest.Error() + ": " + strings.Join(names, " ") + e.detail
}

func (e *inputError) Unwrap() error { return watchword.InvalidRequest }

// syntaxFault is a body that cannot be read. detail is fixed text: a parser's
// own would repeat what was sent.
func syntaxFault(detail string) error {
	return &inputError{faults: []Fault{{Kind: FaultSyntax}}, detail: detail}
}

// Invalid returns InvalidRequest with faults, for Serve functions that judge
// their input further than fields can.
func Invalid(faults ...Fault) error { return &inputError{faults: faults} }

// missing is a parameter that the operation turned out to need.
func missing(p Param) error {
	return Invalid(Fault{Kind: FaultMissing, Param: p, Name: string(p)})
}

// values are what was read: a field that was absent or empty has no text.
type values struct {
	text  map[Param]string
	there map[Param]bool // texts that were not absent
	flag  map[Param]bool
	form  bool // read from a form
}

// maxBody bounds a request's body in bytes.
const maxBody = 64 << 10

// Media types that are read.
const (
	mediaJSON      = "application/json"
	mediaForm      = "application/x-www-form-urlencoded"
	mediaMultipart = "multipart/form-data"
)

// bodyTooLarge ends the connection with the answer: net/http would wait with
// it for more of the body, until its timeout where none comes. MaxBytesReader
// tells it not to, but only where nobody has wrapped the ResponseWriter.
func bodyTooLarge(w http.ResponseWriter) error {
	w.Header().Set("Connection", "close")
	return fmt.Errorf("%w: body", watchword.TooLarge)
}

// read returns the fields of the body.
func (in Input) read(w http.ResponseWriter, r *http.Request) (values, error) {
	if in.JSON == nil && in.Form == nil {
		return values{}, nil
	}
	if r.ContentLength > maxBody {
		return values{}, bodyTooLarge(w)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return values{}, bodyTooLarge(w)
		}
		return values{}, syntaxFault("body ended early")
	}
	if len(body) == 0 {
		return in.readEmpty()
	}
	media, boundary, err := mediaType(r)
	if err != nil {
		return values{}, err
	}
	var found map[string]rawValue
	fields := in.Form
	switch {
	case media == mediaJSON && in.JSON != nil:
		fields = in.JSON
		found, err = parseJSON(body, fields, in.Strict)
	case media == mediaForm && in.Form != nil:
		found, err = parseForm(body)
	case media == mediaMultipart && in.Form != nil && in.Multipart:
		found, err = parseMultipart(body, boundary)
	case in.OtherAsEmpty:
		return in.readEmpty()
	default:
		return values{}, fmt.Errorf("%w: %q", watchword.UnsupportedMediaType, media)
	}
	if err != nil {
		return values{}, err
	}
	return judge(fields, found, media != mediaJSON)
}

// readEmpty judges a request without a body: by the form's fields where both
// are read, because OAuth errors are about those.
func (in Input) readEmpty() (values, error) {
	if in.Form != nil {
		return judge(in.Form, nil, true)
	}
	return judge(in.JSON, nil, false)
}

// mediaType returns the body's media type, and the boundary of a multipart
// one.
func mediaType(r *http.Request) (media, boundary string, err error) {
	if len(r.Header.Values("Content-Encoding")) > 0 {
		// A body that unpacks is a body without a bound.
		return "", "", fmt.Errorf("%w: content encoding", watchword.UnsupportedMediaType)
	}
	types := r.Header.Values("Content-Type")
	if len(types) != 1 {
		return "", "", fmt.Errorf("%w: %d content types", watchword.UnsupportedMediaType, len(types))
	}
	media, params, err := mime.ParseMediaType(types[0])
	if err != nil {
		return "", "", fmt.Errorf("%w: unreadable content type", watchword.UnsupportedMediaType)
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return "", "", fmt.Errorf("%w: charset %q", watchword.UnsupportedMediaType, charset)
	}
	return media, params["boundary"], nil
}

// rawValue is what stood on the wire for one name.
type rawValue struct {
	kind byte // JSON kind: n, t, f, ", 0, {, [; " for forms
	text string
}

// judge compares what was found with what is wanted, and reports every fault
// at once, in the order of the fields.
func judge(fields []Field, found map[string]rawValue, form bool) (values, error) {
	v := values{text: make(map[Param]string, len(fields)), there: make(map[Param]bool, len(fields)), form: form}
	var faults []Fault
	for _, f := range fields {
		raw, ok := found[f.name()]
		kind := f.fault(raw, ok, form)
		if kind != 0 {
			faults = append(faults, Fault{
				Kind: kind, Param: f.Param, Name: f.name(), Got: kindName(raw.kind), Value: f.valueOf(kind, raw), OneOf: f.OneOf,
			})
			continue
		}
		v.there[f.Param] = ok && !f.Flag
		switch {
		case !ok || raw.text == "":
		case f.Flag:
			if v.flag == nil {
				v.flag = make(map[Param]bool)
			}
			v.flag[f.Param] = raw.text == "true"
		default:
			v.text[f.Param] = raw.text
		}
	}
	if faults != nil {
		return v, &inputError{faults: faults}
	}
	return v, nil
}

// fault says what is wrong with a field's value; 0 for nothing.
func (f Field) fault(raw rawValue, ok, form bool) FaultKind {
	switch {
	case !ok && f.Optional:
		return 0
	case !ok:
		return FaultMissing
	case raw.kind == 'n':
		return FaultNull
	case f.Flag && form:
		if raw.text != "true" && raw.text != "false" && raw.text != "" {
			return FaultType
		}
	case f.Flag && raw.kind != 't' && raw.kind != 'f':
		return FaultType
	case f.Flag:
		return 0
	case raw.kind == '0' && f.NumberAsText:
	case raw.kind != '"', strings.IndexByte(raw.text, 0) >= 0:
		// No login and no token has a NUL, and databases choke on it.
		return FaultType
	}
	switch {
	case raw.text == "" && f.Optional:
		return 0
	case raw.text == "":
		return FaultBlank
	case f.OneOf != nil && !slices.Contains(f.OneOf, raw.text), f.Valid != nil && !f.Valid(raw.text):
		return FaultValue
	}
	return 0
}

// valueOf repeats only what a profile may want to: never a password of the
// wrong type.
func (f Field) valueOf(kind FaultKind, raw rawValue) string {
	if kind == FaultValue && f.OneOf != nil {
		return raw.text
	}
	return ""
}

func kindName(kind byte) string {
	switch kind {
	case 'n':
		return "null"
	case 't', 'f':
		return "boolean"
	case '"':
		return "string"
	case '0':
		return "number"
	case '{':
		return "object"
	case '[':
		return "array"
	default:
		return ""
	}
}

// textOf returns a form value, or an error where it is not UTF-8.
func textOf(b []byte) (rawValue, error) {
	if !utf8.Valid(b) {
		return rawValue{}, syntaxFault("not UTF-8")
	}
	return rawValue{kind: '"', text: string(bytes.Clone(b))}, nil
}
