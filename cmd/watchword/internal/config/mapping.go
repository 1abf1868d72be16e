package config

import (
	"bytes"
	"fmt"

	"github.com/pelletier/go-toml/v2"
)

// ReadTables reads a TOML file that an argument names into v, a struct. A key
// that it does not have is a fault, as it is in the settings.
func ReadTables(name string, v any) error {
	data, err := ReadFile(name)
	if err != nil {
		return err
	}
	d := toml.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", name, tomlError(err))
	}
	return nil
}
