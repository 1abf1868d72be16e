package remote

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxEvent bounds one event of a stream in bytes: 1,000 facts need a quarter.
const maxEvent = 1 << 20

// errEvent is an event that is longer than any of ours.
var errEvent = errors.New("event of more than 1 MiB")

// event is one server-sent event.
type event struct {
	name string // "" where the stream gave none
	id   string // of this event, or of the last one that had any
	data []byte // the lines, joined by \n
}

// eventReader reads server-sent events as the HTML standard has them (section
// 9.2.6), but for one thing: an event without data is handed on too where it
// has a name. retry is not obeyed: this side decides how often it comes.
type eventReader struct {
	r      *bufio.Reader
	id     string
	size   int  // of the event so far
	begun  bool // the byte order mark is behind us
	skipLF bool // the last line ended in CR
}

func newEventReader(r io.Reader) *eventReader { return &eventReader{r: bufio.NewReader(r)} }

// next returns the next event. One that the stream's end cuts off is none.
func (e *eventReader) next() (event, error) {
	var ev event
	var lines int
	e.size = 0
	for {
		line, err := e.line()
		if err != nil {
			return event{}, err
		}
		if len(line) == 0 {
			if lines > 0 || ev.name != "" {
				ev.id = e.id
				return ev, nil
			}
			e.size = 0
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) { // "" is a comment
		case "event":
			ev.name = string(value)
		case "id":
			if bytes.IndexByte(value, 0) < 0 {
				e.id = string(value)
			}
		case "data":
			if lines++; lines > 1 {
				ev.data = append(ev.data, '\n')
			}
			ev.data = append(ev.data, value...)
		}
	}
}

// line reads up to CR, LF or both. It never waits for a byte that it does not
// need: what follows a CR is looked at when the next line is read.
func (e *eventReader) line() ([]byte, error) {
	var line []byte
	for {
		b, err := e.r.ReadByte()
		if err != nil {
			return nil, err
		}
		if e.size++; e.size > maxEvent {
			return nil, errEvent
		}
		skip := e.skipLF && b == '\n'
		e.skipLF = false
		switch {
		case skip:
		case b == '\n', b == '\r':
			e.skipLF = b == '\r'
			if !e.begun {
				e.begun, line = true, bytes.TrimPrefix(line, []byte("\ufeff"))
			}
			return line, nil
		default:
			line = append(line, b)
		}
	}
}
