package move

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/watchword-auth/watchword"
)

// File reads people from a file with hashes: comma-separated values under a
// row of names, or a JSON object a line.
type File struct {
	path string
	rows func(in *bufio.Reader, yield func(Person) error) error
}

// maxLine bounds a row, in bytes.
const maxLine = 64 << 10

const tooLong = "the line is longer than 64 KiB"

// OpenFile returns the file as a source. format is "csv" or "jsonl", or "" to
// go by the name's ending.
func OpenFile(path, format string) (*File, error) {
	if format == "" {
		format = strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), ".")
	}
	f := &File{}
	switch format {
	case "csv":
		f.rows = readCSV
	case "jsonl", "ndjson":
		f.rows = readJSONL
	default:
		return nil, fmt.Errorf("the format of %s is not known: want a name in .csv or .jsonl, or --format", filepath.Base(path))
	}
	var err error
	if f.path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	// At once, and not in the middle: is it there, and does its head say what
	// the columns are?
	enough := errors.New("enough")
	if err := f.People(context.Background(), func(Person) error { return enough }); err != nil && !errors.Is(err, enough) {
		return nil, err
	}
	return f, nil
}

// Name is the file's path.
func (f *File) Name() string { return "file:" + f.path }

// Names reads everybody's names, and with them the keys.
func (f *File) Names(ctx context.Context, yield func(key, login, email string) error) error {
	return f.People(ctx, func(p Person) error {
		if p.Fault != "" {
			return yield("", "", "") // it takes nobody's name
		}
		return yield(p.Key, p.Login, p.Email)
	})
}

// People reads everybody, bad rows included.
func (f *File) People(ctx context.Context, yield func(Person) error) error {
	in, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer in.Close()
	lines := bufio.NewReaderSize(in, maxLine)
	if mark, err := lines.Peek(3); err == nil && bytes.Equal(mark, []byte("\ufeff")) {
		_, _ = lines.Discard(3) // what Windows puts before UTF-8
	}
	return f.rows(lines, func(p Person) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return yield(p)
	})
}

// Tokens has none: a file has people alone.
func (f *File) Tokens(context.Context, func(Token) error) error { return nil }

// LastID is not known.
func (f *File) LastID(context.Context) (int64, error) { return 0, nil }

// newRow begins a person from the line. Who is not said to be inactive is
// active.
func newRow(line int) *draft {
	d := &draft{Person: Person{Place: fmt.Sprintf("line %d", line)}}
	d.Active = true
	return d
}

// finishRow returns the person of a row. Without an id he is known by his
// login, and gets the next free one.
func finishRow(d *draft) Person {
	hasID := d.ID != ""
	d.Key = d.ID
	if !hasID {
		d.Key = "login " + watchword.FoldLogin(d.Login)
	}
	return d.finish(hasID)
}

// badRow is one that cannot be read at all.
func badRow(line int, why string) Person {
	return Person{Place: fmt.Sprintf("line %d", line), Fault: why}
}

// columnNames are what rows may have.
func columnNames() []string {
	return []string{
		fieldID, fieldLogin, fieldEmail, fieldHash, fieldFirstName, fieldLastName, fieldPhone, fieldLocation,
		fieldActive, fieldStaff, fieldSuperuser, fieldGroups, fieldPermissions, fieldScopes, fieldExtra,
		fieldCreatedAt, fieldLastLoginAt,
	}
}

// checkHead returns what is wrong with the names of columns.
func checkHead(head []string) error {
	var faults []error
	for i, name := range head {
		switch {
		case !slices.Contains(columnNames(), name):
			faults = append(faults, fmt.Errorf("column %d: %w", i+1, errUnknown(name)))
		case slices.Contains(head[:i], name):
			faults = append(faults, fmt.Errorf("column %q is there twice", name))
		}
	}
	if !slices.Contains(head, fieldLogin) {
		faults = append(faults, errors.New("there is no column login"))
	}
	if len(faults) > 0 {
		return fmt.Errorf("line 1: %w (the columns are %s)", errors.Join(faults...), strings.Join(columnNames(), ", "))
	}
	return nil
}

// readLine returns the next line without its end; long reports that there was
// more of it than fits. The last line may lack its end.
func readLine(in *bufio.Reader) (line []byte, long bool, err error) {
	line, err = in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return nil, true, err
	}
	if errors.Is(err, io.EOF) && len(line) > 0 {
		err = nil
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), false, err
}
