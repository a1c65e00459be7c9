package notify

import "switchboard/internal/errs"

// The error codes of this context.
var (
	ScheduleInUse = errs.Code{
		Name: "ScheduleInUse", Kind: errs.Conflict,
		Doc: "Notification groups use the schedule, and a group cannot be without one. Give those groups another schedule first; the message names some of them.",
	}
	BuiltInTopic = errs.Code{
		Name: "BuiltInTopic", Kind: errs.Conflict,
		Doc: "The topic is one that every organization has, so it can be neither deleted nor given another key. Its name and description can be changed.",
	}
)

// Codes lists them for the catalogue.
func Codes() []errs.Code { return []errs.Code{ScheduleInUse, BuiltInTopic} }
