package engine

import (
	"github.com/watchword-auth/watchword"
)

// Entry is an event as the audit log keeps it.
func Entry(e watchword.Event) watchword.AuditEntry {
	entry := watchword.AuditEntry{
		At: e.At, Kind: e.Kind.String(), Profile: e.Profile, UserID: e.UserID, Login: e.Login,
		Session: e.Session, Device: e.Client.Device, Actor: e.Actor, Detail: e.Detail,
	}
	if e.Client.Address.IsValid() {
		entry.Address = e.Client.Address.Unmap().String()
	}
	if e.Code != watchword.Internal {
		entry.Code = e.Code.Error()
	}
	return entry
}
