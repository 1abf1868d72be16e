package config

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// maxFile bounds what is read of a file with a secret or a key.
const maxFile = 1 << 20

// ReadFile reads a file that an argument names.
func ReadFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", name, unpath(err))
	}
	defer func() { _ = f.Close() }() // read only
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", name, unpath(err))
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	return data, nil
}

// ReadSecret reads a file whose bytes are a secret, without its last newline.
func ReadSecret(name string) ([]byte, error) {
	data, err := ReadFile(name)
	if err != nil {
		return nil, err
	}
	data = DropNewline(data)
	if len(data) == 0 {
		return nil, fmt.Errorf("%s is empty", name)
	}
	return data, nil
}

// DropNewline drops one newline from the end, and nothing else: editors and
// echo add it, and everything else may be part of a password.
func DropNewline(data []byte) []byte {
	if n := len(data); n > 0 && data[n-1] == '\n' {
		data = data[:n-1]
		if n > 1 && data[n-2] == '\r' {
			data = data[:n-2]
		}
	}
	return data
}

// sealLength is that of a seal key in bytes; the file has it as hex.
const sealLength = 32

// ErrNoSeal is returned by ReadSeal where there is no file.
var ErrNoSeal = errors.New("seal file is missing")

// ReadSeal reads a seal file. It refuses one that others than its owner may
// read: who has it and the database can sign anybody in.
func ReadSeal(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNoSeal, name)
	}
	if err != nil {
		return nil, fmt.Errorf("seal file %s cannot be read: %w", name, unpath(err))
	}
	if Exposed(info.Mode()) {
		return nil, fmt.Errorf("seal file %s may be read by others than its owner: chmod 600 %s", name, name)
	}
	text, err := ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("seal file %w", err)
	}
	key, err := hex.DecodeString(string(DropNewline(text)))
	if err != nil || len(key) != sealLength {
		return nil, fmt.Errorf("seal file %s is not %d hex digits: put the file back that was made with the database", name, 2*sealLength)
	}
	return key, nil
}

// Exposed reports whether others than the owner may read or write. Windows
// has no such bits.
func Exposed(mode fs.FileMode) bool {
	return runtime.GOOS != "windows" && mode.Perm()&0o077 != 0
}

// MakeSeal makes a seal file that only its owner may read, and returns the
// key. Where another process was faster, it returns that one's.
func MakeSeal(name string) ([]byte, error) {
	key := make([]byte, sealLength)
	_, _ = rand.Read(key) // never fails
	// Written whole under another name first, so that nobody ever reads half
	// a key; Link, unlike Rename, does not replace what another process made.
	temp, err := os.CreateTemp(filepath.Dir(name), ".seal-*")
	if err != nil {
		return nil, fmt.Errorf("seal file %s cannot be made: %w", name, unpath(err))
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	_, err = temp.WriteString(hex.EncodeToString(key) + "\n") // CreateTemp gives mode 0600
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err == nil {
		err = os.Link(temp.Name(), name)
	}
	if errors.Is(err, fs.ErrExist) {
		return ReadSeal(name)
	}
	if err != nil {
		return nil, fmt.Errorf("seal file %s cannot be written: %w", name, unpath(err))
	}
	return key, syncFolder(filepath.Dir(name))
}

// syncFolder makes a new name in the folder survive a power cut.
func syncFolder(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("%s cannot be opened: %w", name, unpath(err))
	}
	return errors.Join(d.Sync(), d.Close())
}
