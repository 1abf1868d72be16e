package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/watchword-auth/watchword/cmd/watchword/internal/config"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/doctor"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/engine"
	"github.com/watchword-auth/watchword/cmd/watchword/internal/open"
)

type doctorCommand struct{}

func (doctorCommand) Help() string {
	return "Run it with the settings of the server. The exit code is 1 where anything was found.\n\nExample:\n  watchword doctor --config /etc/watchword.toml"
}

// Run examines settings, files and database.
func (doctorCommand) Run(a *app) error {
	found := a.examine()
	err := a.show(append([]doctor.Finding{}, found...), func() error {
		for _, f := range found {
			if err := a.printf("%s: %s\n    %s\n", printable(f.Name), printable(f.Finding), printable(f.Fix)); err != nil {
				return err
			}
		}
		if len(found) == 0 {
			return a.printf("nothing found\n")
		}
		return nil
	})
	if err == nil && len(found) > 0 {
		err = fmt.Errorf("doctor found something, %d in all: mend what it names, and run it again", len(found))
	}
	return err
}

func (a *app) examine() []doctor.Finding {
	c, err := a.config(nil)
	if err != nil {
		return doctor.Impossible(err)
	}
	patient := doctor.Patient{Config: c, Now: time.Now()}
	path, ok := databaseFile(c.DB)
	if ok {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			patient.Database = path
		}
	}
	found := doctor.Examine(a.ctx, patient)
	if patient.Database == "" {
		return found
	}
	return append(found, a.examineDatabase(c)...)
}

// examineDatabase opens the database as the server would.
func (a *app) examineDatabase(c config.Config) []doctor.Finding {
	db, err := open.Store(a.ctx, c.DB)
	if err != nil {
		return []doctor.Finding{{Name: "db", Finding: err.Error(), Fix: "the server does not start with it"}}
	}
	defer func() { _ = db.Close(a.ctx) }() // nothing was written
	var found []doctor.Finding
	if err := db.Integrity(a.ctx); err != nil {
		found = append(found, doctor.Finding{Name: "db", Finding: err.Error(), Fix: "watchword restore FILE puts a backup in its place"})
	}
	if err := engine.Attach(a.ctx, c, db); err != nil {
		found = append(found, doctor.Finding{Name: "users", Finding: err.Error(), Fix: "the server does not start with it"})
	}
	if err := a.examineSeal(c, db); err != nil {
		found = append(found, doctor.Finding{Name: "keys.seal_file", Finding: err.Error(), Fix: "the server does not start with it"})
	}
	return found
}

// examineSeal looks whether the seal file is the database's own. Where there
// is none of either, nothing is wrong and none is made.
func (a *app) examineSeal(c config.Config, db *open.Opened) error {
	if sealed, err := engine.Sealed(a.ctx, db); err != nil || !sealed {
		return err
	}
	_, err := engine.Seal(a.ctx, c, db)
	return err
}
