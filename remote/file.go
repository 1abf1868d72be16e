package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

// maxAhead is how far in the future a file may be dated by a clock that was
// then set back a little. Beyond that nothing is known of its age.
const maxAhead = time.Minute

// source is what a file's keys belong to. Those of another authority are not
// taken over when the configuration changes.
func (k *Keys) source() string { return k.c.URL + k.c.Issuer }

// load takes over the set in File where it still counts. Anything wrong with
// the file leaves the keys to the network.
func (k *Keys) load() {
	s, err := k.readFile()
	if errors.Is(err, fs.ErrNotExist) {
		return // the first start
	}
	if err != nil {
		err = fmt.Errorf("keys in %s: %w", k.c.File, err)
		k.fileErr.Store(&err)
		return
	}
	s.version = 2
	k.set.Store(s)
	// The fetch before the restart counts for the interval, so that a service
	// that keeps crashing does not keep asking.
	k.tried, k.err = s.fetched, nil
}

func (k *Keys) readFile() (*keySet, error) {
	f, err := os.Open(k.c.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("no regular file")
	}
	// Windows has no such bits; there the directory's rights decide.
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("mode %v lets others write keys of their own", info.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(f, 2*maxBody))
	if err != nil {
		return nil, err
	}
	return k.parseFile(data)
}

// parseFile reads what fileBytes wrote. The set in it has to pass as if it had
// just been fetched.
func (k *Keys) parseFile(data []byte) (*keySet, error) {
	var source string
	var fetched time.Time
	var set []byte
	err := jwt.Walk(data, func(name string, v jwt.Value) (err error) {
		switch name {
		case "source":
			source, err = v.Text()
		case "fetched_at":
			fetched, err = v.Time()
		case "jwks":
			set = v.Raw()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if source != k.source() {
		return nil, fmt.Errorf("they are of %.256q", source)
	}
	switch age := k.c.Now().Sub(fetched); {
	case age >= k.c.MaxStale:
		return nil, fmt.Errorf("fetched at %s, too old", fetched.Format(time.RFC3339))
	case age < -maxAhead:
		return nil, fmt.Errorf("fetched at %s, in the future", fetched.Format(time.RFC3339))
	}
	s, err := parseSet(set)
	if err != nil {
		return nil, err
	}
	s.fetched = fetched
	return s, nil
}

// save writes the set held to File.
func (k *Keys) save() {
	k.saving.Lock()
	defer k.saving.Unlock()
	err := writeFile(k.c.File, k.fileBytes(k.set.Load()))
	if err != nil {
		err = fmt.Errorf("keep keys: %w", err)
	}
	k.fileErr.Store(&err)
}

// fileBytes writes whole seconds, rounded down: the file's set may look older
// than it is, never younger.
func (k *Keys) fileBytes(s *keySet) []byte {
	source, _ := json.Marshal(k.source()) // a string always marshals
	return fmt.Appendf(nil, "{\"source\":%s,\"fetched_at\":%d,\"jwks\":%s}\n", source, s.fetched.Unix(), s.raw)
}

// writeFile puts data in the place of a file at one moment: a crash leaves the
// old file or the new one. A temporary file has mode 0600.
func writeFile(name string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
