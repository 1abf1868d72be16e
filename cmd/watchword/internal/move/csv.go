package move

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
)

// readCSV reads rows under a head that names the columns (RFC 4180).
//
// A quote that is never closed would take all that follows into one field.
// Here a row that spans lines is only taken where it is a good one; else its
// first line is a bad row, and reading goes on with the second.
func readCSV(in *bufio.Reader, yield func(Person) error) error {
	l := &lines{in: in}
	first, err := l.next()
	if errors.Is(err, io.EOF) {
		return errors.New("the file is empty: its first row should name the columns")
	}
	if err != nil {
		return err
	}
	head, err := record(first.text)
	if err != nil {
		return errors.New("line 1: the names of the columns cannot be read")
	}
	if err := checkHead(head); err != nil {
		return err
	}
	for {
		next, err := l.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(next.text)) == 0 && !next.long {
			continue
		}
		p := badRow(l.number, tooLong)
		if !next.long {
			if p, err = l.row(head, next.text); err != nil {
				return err
			}
		}
		if err := yield(p); err != nil {
			return err
		}
	}
}

// lines hands out the lines of a file, and takes them back.
type lines struct {
	in     *bufio.Reader
	ahead  []line // taken back
	number int    // of the line handed out last
}

type line struct {
	text []byte // of its own memory
	long bool   // it did not fit and was passed over
}

func (l *lines) next() (line, error) {
	if len(l.ahead) > 0 {
		next := l.ahead[0]
		l.ahead = l.ahead[1:]
		l.number++
		return next, nil
	}
	text, long, err := readLine(l.in)
	if err != nil {
		return line{}, err
	}
	l.number++
	return line{bytes.Clone(text), long}, nil
}

func (l *lines) back(taken []line) {
	l.ahead = append(taken, l.ahead...)
	l.number -= len(taken)
}

// row reads the row that begins with that line, and as many more as its
// quotes ask for.
func (l *lines) row(head []string, first []byte) (Person, error) {
	p := rowOf(head, first, l.number)
	if !odd(first) {
		return p, nil
	}
	place := l.number
	whole := bytes.Clone(first)
	var taken []line
	for isOpen := true; isOpen && len(whole) < maxLine; {
		next, err := l.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return p, err
		}
		taken = append(taken, next)
		if next.long {
			break
		}
		whole = append(append(whole, '\n'), next.text...)
		isOpen = isOpen != odd(next.text)
	}
	if spanning := rowOf(head, whole, place); spanning.Fault == "" {
		return spanning, nil
	}
	l.back(taken) // they stand for themselves
	return p, nil
}

// odd reports whether a quote is open at the end of a text that begins
// outside of one.
func odd(text []byte) bool { return bytes.Count(text, []byte{'"'})%2 == 1 }

// rowOf reads a row of one or more lines.
func rowOf(head []string, text []byte, n int) Person {
	values, err := record(text)
	switch {
	case err != nil:
		return badRow(n, "its quotes or commas are not in order")
	case len(values) != len(head):
		return badRow(n, fmt.Sprintf("it has %d values, and there are %d columns", len(values), len(head)))
	}
	d := newRow(n)
	for i, name := range head {
		if values[i] == "" {
			continue // as if it were not there: active is true
		}
		if err := d.put(name, values[i]); err != nil && d.Fault == "" {
			d.Fault = err.Error()
		}
	}
	p := finishRow(d)
	if p.Fault == "" {
		p.Fault = loginFault(p.Login)
	}
	return p
}

// record reads one row.
func record(text []byte) ([]string, error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	values, err := r.Read()
	if err != nil {
		return nil, err
	}
	if _, err := r.Read(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one row")
	}
	return values, nil
}
