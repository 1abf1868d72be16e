package config

import (
	"fmt"
	"os"
	"time"
)

// Read reads certificate and key, as PEM.
func (t TLS) Read() (cert, key []byte, err error) {
	if cert, err = ReadFile(t.Cert); err != nil {
		return nil, nil, fmt.Errorf("tls.cert: %w", err)
	}
	if key, err = ReadFile(t.Key); err != nil {
		return nil, nil, fmt.Errorf("tls.key: %w", err)
	}
	return cert, key, nil
}

// FileStamp tells whether a pair of files has changed.
type FileStamp struct {
	Modified [2]time.Time
	Size     [2]int64
}

// StampOf looks at two files. One that is not there has the zero stamp.
func StampOf(a, b string) FileStamp {
	var s FileStamp
	for i, name := range []string{a, b} {
		if info, err := os.Stat(name); err == nil {
			s.Modified[i], s.Size[i] = info.ModTime(), info.Size()
		}
	}
	return s
}
