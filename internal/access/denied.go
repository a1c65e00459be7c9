package access

import (
	"context"
	"errors"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/event"
)

// ActionDenied is what the audit calls an attempt of a known caller at what it may not do. What is hidden from a caller answers as
// if it were not there, and cannot be told from what is not; attempts at that are not in the audit.
const ActionDenied = "access.attempt.denied"

// Denial is what the audit keeps of an attempt. A query is left out: it may hold secrets.
type Denial struct {
	Route  string `json:"route"` // the operation
	Path   string `json:"path,omitempty"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// NewDenial is that of an error.
func NewDenial(route, path string, err error) Denial {
	d := Denial{Route: route, Path: path}
	if e, ok := errors.AsType[*errs.Error](err); ok {
		d.Code, d.Reason = e.Code.Name, e.Message
	}
	return d
}

// Denied records that the actor of ctx was denied something. It is called when the refused request is over: its own transaction
// is rolled back, and the record must not be.
func (s *Service) Denied(ctx context.Context, d Denial) error {
	return s.events.Audit(context.WithoutCancel(ctx), event.Change{
		OrganizationID: actor.From(ctx).OrganizationID, Type: ActionDenied, After: d,
	})
}
