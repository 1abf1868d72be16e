package remote

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// readEvents reads all events, and the error that ended them.
func readEvents(r io.Reader) (list []event, err error) {
	reader := newEventReader(r)
	for {
		ev, err := reader.next()
		if err != nil {
			return list, err
		}
		list = append(list, ev)
	}
}

func TestEvents(t *testing.T) {
	for name, test := range map[string]struct {
		stream string
		want   []event
	}{
		"one":                       {"event: facts\nid: a.1\ndata: {}\n\n", []event{{"facts", "a.1", []byte("{}")}}},
		"CRLF":                      {"event: facts\r\nid: a.1\r\ndata: {}\r\n\r\n", []event{{"facts", "a.1", []byte("{}")}}},
		"CR":                        {"event: facts\rid: a.1\rdata: {}\r\r", []event{{"facts", "a.1", []byte("{}")}}},
		"byte order mark":           {"\ufeffdata: x\n\n", []event{{"", "", []byte("x")}}},
		"no space":                  {"event:facts\ndata:x\n\n", []event{{"facts", "", []byte("x")}}},
		"two spaces":                {"data:  x\n\n", []event{{"", "", []byte(" x")}}},
		"lines are joined":          {"data: a\ndata\ndata: b\n\n", []event{{"", "", []byte("a\n\nb")}}},
		"comment and unknown field": {": hi\nretry: 1\nfoo: bar\ndata: x\n\n", []event{{"", "", []byte("x")}}},
		"the id stays":              {"id: a.1\ndata: x\n\ndata: y\n\n", []event{{"", "a.1", []byte("x")}, {"", "a.1", []byte("y")}}},
		"an id with NUL is none":    {"id: a.1\x00\ndata: x\n\n", []event{{"", "", []byte("x")}}},
		"a name without data":       {"event: reset\n\n", []event{{"reset", "", nil}}},
		"nothing":                   {"\n\n: hi\n\n", nil},
		"cut off":                   {"data: x\n\nevent: facts\ndata: y\n", []event{{"", "", []byte("x")}}},
	} {
		for how, r := range map[string]io.Reader{"whole": strings.NewReader(test.stream), "by bytes": iotest.OneByteReader(strings.NewReader(test.stream))} {
			got, err := readEvents(r)
			if !reflect.DeepEqual(got, test.want) || err != io.EOF {
				t.Errorf("%s, %s: %q, %v, want %q", name, how, got, err, test.want)
			}
		}
	}
}

// No event, comment or line without end fills the memory.
func TestEventsAreBounded(t *testing.T) {
	for name, part := range map[string]string{"line": "x", "comments": ": hi\n", "data": "data: x\n", "fields": "a: b\n"} {
		_, err := readEvents(&endless{part: part})
		if !errors.Is(err, errEvent) {
			t.Errorf("%s: %v, want the event refused", name, err)
		}
	}
	// What is bounded is one event.
	long := strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n\n", 3000)
	if got, err := readEvents(strings.NewReader(long)); len(got) != 3000 || err != io.EOF {
		t.Errorf("read %d events, %v", len(got), err)
	}
}

type endless struct {
	part string
	at   int
}

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = e.part[e.at%len(e.part)]
		e.at++
	}
	return len(b), nil
}

// FuzzEvents reads any stream, in one piece and byte by byte, to the same end,
// and what comes out of it was in it.
func FuzzEvents(f *testing.F) {
	for _, s := range []string{
		"event: facts\nid: a.1\ndata: {\"now\":1,\"facts\":[]}\n\nevent: alive\nid: a.1\ndata: {}\n\n",
		"\ufeffdata\rdata\r\nid:x\x00\n\n", ":\n\n\n:x", "event: reset\n\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole, err := readEvents(bytes.NewReader(stream))
		parts, partsErr := readEvents(iotest.OneByteReader(bytes.NewReader(stream)))
		if !reflect.DeepEqual(whole, parts) || err != partsErr {
			t.Fatalf("%q, %v in one piece and %q, %v by bytes", whole, err, parts, partsErr)
		}
		size := 0
		for _, ev := range whole {
			size += len(ev.name) + len(ev.data)
			if strings.ContainsAny(ev.name, "\r\n") || strings.ContainsAny(ev.id, "\r\n\x00") || bytes.ContainsRune(ev.data, '\r') {
				t.Fatalf("event %q holds the end of a line", ev)
			}
			page, err := pageOf(ev)
			if err == nil && page == nil && ev.name != "reset" || page != nil && page.Cursor.Epoch == "" {
				t.Fatalf("pageOf(%q) = %+v, %v", ev, page, err)
			}
		}
		if size > len(stream) {
			t.Fatalf("%d bytes of events from %d of stream", size, len(stream))
		}
	})
}
