package docs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/openapi"
)

// A contract is a document against which exchanges are held.
type contract struct {
	t        *testing.T
	doc      map[string]any
	compiler *jsonschema.Compiler
	used     map[string]bool // operation and status
}

// exchange is a request and its answer.
type exchange struct {
	name         string
	method, path string
	header       http.Header
	body         []byte
	status       int
	answer       http.Header
	text         []byte
	unrecorded   bool // the answer's body was not kept
}

// newContract reads a document, and holds it against the official schema of
// OpenAPI 3.1. Every schema in it must be one of JSON Schema 2020-12.
func newContract(t *testing.T, text []byte) *contract {
	t.Helper()
	doc := decode(t, text)
	meta, err := os.ReadFile("testdata/openapi-3.1.json")
	if err != nil {
		t.Fatal(err)
	}
	c := &contract{t: t, doc: doc.(map[string]any), compiler: jsonschema.NewCompiler(), used: make(map[string]bool)}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	for name, resource := range map[string]any{"urn:meta": decode(t, meta), "urn:doc": doc} {
		if err := c.compiler.AddResource(name, resource); err != nil {
			t.Fatal(err)
		}
	}
	official, err := c.compiler.Compile("urn:meta")
	if err != nil {
		t.Fatal(err)
	}
	if err := official.Validate(doc); err != nil {
		t.Errorf("not a document of OpenAPI 3.1: %v", err)
	}
	return c
}

// write makes the document of faces.
func write(t *testing.T, faces ...httpauth.Face) *contract {
	t.Helper()
	text, err := openapi.Write(openapi.Info{Title: "Tests"}, faces...)
	if err != nil {
		t.Fatal(err)
	}
	return newContract(t, text)
}

func decode(t *testing.T, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v: %.200s", err, text)
	}
	return v
}

// get follows names in the document, and references to components.
func (c *contract) get(from any, names ...string) (v any, at string) {
	v = from
	for _, name := range names {
		o, ok := v.(map[string]any)
		if !ok {
			return nil, ""
		}
		at += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		if v, ok = o[name]; !ok {
			return nil, ""
		}
		if ref, ok := v.(map[string]any)["$ref"].(string); ok {
			at = strings.TrimPrefix(ref, "#")
			v, _ = c.get(c.doc, strings.Split(at, "/")[1:]...)
		}
	}
	return v, at
}

// operation finds the operation of a request; found says that its path is
// described.
func (c *contract) operation(method, path string) (op map[string]any, names []string, found bool) {
	paths, _ := c.doc["paths"].(map[string]any)
	best := -1
	for pattern, item := range paths {
		literal, ok := matches(pattern, path)
		if !ok {
			continue
		}
		found = true
		if o, ok := item.(map[string]any)[strings.ToLower(method)].(map[string]any); ok && literal > best {
			op, names, best = o, []string{"paths", pattern, strings.ToLower(method)}, literal
		}
	}
	return op, names, found
}

// matches reports whether a path has a pattern, and how many of its parts are
// literal.
func matches(pattern, path string) (literal int, ok bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return 0, false
	}
	for i := range want {
		switch {
		case strings.HasPrefix(want[i], "{") && got[i] != "":
		case want[i] == got[i]:
			literal++
		default:
			return 0, false
		}
	}
	return literal, true
}

// check holds an exchange against the document, and reports whether it is
// about something that is described.
func (c *contract) check(e exchange) bool {
	c.t.Helper()
	path, _, _ := strings.Cut(e.path, "?")
	op, names, found := c.operation(e.method, path)
	if op == nil {
		allowed := e.status == http.StatusMethodNotAllowed || e.method == http.MethodOptions || e.method == http.MethodHead
		if found && !allowed {
			c.t.Errorf("%s: %s %s answers %d, and is not described", e.name, e.method, path, e.status)
		}
		return false
	}
	fault := func(format string, args ...any) {
		c.t.Helper()
		c.t.Errorf("%s: %s %s: %d: %s\n\t%.300s", e.name, e.method, path, e.status, fmt.Sprintf(format, args...), e.text)
	}
	if e.status == http.StatusNotAcceptable || e.status == http.StatusNotModified {
		return true // for who asked for it
	}
	if err := c.checkAnswer(e, names); err != nil {
		fault("%v", err)
	}
	if e.status < 300 {
		if err := c.checkRequest(e, names); err != nil {
			fault("request: %v: %.200s", err, e.body)
		}
		if !c.shown(op, e) {
			fault("let in without what security demands: %v", op["security"])
		}
	}
	c.used[fmt.Sprint(op["operationId"], " ", e.status)] = true
	return true
}

func (c *contract) checkAnswer(e exchange, names []string) error {
	described, at := c.get(c.doc, append(slices.Clone(names), "responses", fmt.Sprint(e.status))...)
	if described == nil {
		return fmt.Errorf("the status is not described")
	}
	content, _ := described.(map[string]any)["content"].(map[string]any)
	if e.unrecorded {
		return nil
	}
	if len(e.text) == 0 {
		if content != nil && e.method != http.MethodHead {
			return fmt.Errorf("no body, and one is described")
		}
		return nil
	}
	media := e.answer.Get("Content-Type")
	if _, ok := content[media]; !ok {
		return fmt.Errorf("the media type %q is not described", media)
	}
	if !strings.Contains(media, "json") {
		return nil
	}
	s, v := c.schema(at+pointer("content", media, "schema")), decode(c.t, e.text)
	if err := s.Validate(v); err != nil {
		return err
	}
	return unknown(s, v, "")
}

func pointer(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
	}
	return b.String()
}

// schema is the one at a place of the document.
func (c *contract) schema(at string) *jsonschema.Schema {
	s, err := c.compiler.Compile("urn:doc#" + strings.ReplaceAll(strings.ReplaceAll(at, "%", "%25"), " ", "%20"))
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

// unknown finds members of an answer that are not described: the document is
// to say all.
func unknown(s *jsonschema.Schema, value any, at string) error {
	switch v := value.(type) {
	case map[string]any:
		if s.Properties == nil {
			return nil
		}
		for name, member := range v {
			p, ok := s.Properties[name]
			if !ok {
				return fmt.Errorf("%s/%s is not described", at, name)
			}
			// Claims are whatever a token says, extra data whatever an
			// application keeps.
			if name != "claims" && name != "extra" {
				if err := unknown(p, member, at+"/"+name); err != nil {
					return err
				}
			}
		}
	case []any:
		if s.Items2020 == nil {
			return nil
		}
		for _, one := range v {
			if err := unknown(s.Items2020, one, at+"[]"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *contract) checkRequest(e exchange, names []string) error {
	described, at := c.get(c.doc, append(slices.Clone(names), "requestBody")...)
	if described == nil {
		return nil
	}
	if len(e.body) == 0 {
		if described.(map[string]any)["required"] == true {
			return fmt.Errorf("a body is demanded, and none was")
		}
		return nil
	}
	media, params, err := mime.ParseMediaType(e.header.Get("Content-Type"))
	if err != nil {
		return err
	}
	if v, _ := c.get(described, "content", media); v == nil {
		return fmt.Errorf("the media type %q is not described", media)
	}
	var value any
	switch media {
	case "application/json":
		value = decode(c.t, e.body)
	case "multipart/form-data":
		form, err := multipart.NewReader(bytes.NewReader(e.body), params["boundary"]).ReadForm(1 << 20)
		if err != nil {
			return err
		}
		value = fields(form.Value)
	default:
		form, err := url.ParseQuery(string(e.body))
		if err != nil {
			return err
		}
		value = fields(form)
	}
	return c.schema(at + pointer("content", media, "schema")).Validate(value)
}

func fields(form map[string][]string) any {
	o := make(map[string]any)
	for name, values := range form {
		o[name] = values[0]
	}
	return o
}

// shown reports whether a request shows what one of the alternatives demands.
func (c *contract) shown(op map[string]any, e exchange) bool {
	alternatives, ok := op["security"].([]any)
	if !ok {
		return true
	}
	listed := strings.HasPrefix(fmt.Sprint(op["operationId"]), "esmerald_") // as the original's document has it
	for _, one := range alternatives {
		satisfied := true
		for name := range one.(map[string]any) {
			v, _ := c.get(c.doc, "components", "securitySchemes", name)
			scheme := v.(map[string]any)
			switch {
			case scheme["in"] == "cookie":
				satisfied = strings.Contains(e.header.Get("Cookie"), fmt.Sprint(scheme["name"])+"=")
			case scheme["in"] == "header":
				satisfied = e.header.Get(fmt.Sprint(scheme["name"])) != ""
			case scheme["scheme"] == "basic":
				satisfied = strings.HasPrefix(e.header.Get("Authorization"), "Basic ")
			default: // with the colon of old clients of django-easyjwt
				word, token, _ := strings.Cut(e.header.Get("Authorization"), " ")
				satisfied = token != "" && strings.EqualFold(strings.TrimSuffix(word, ":"), "Bearer")
			}
		}
		if satisfied {
			return true
		}
	}
	return listed
}

// object reads JSON that tests look into.
func object(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal(text, &o); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return o
}
