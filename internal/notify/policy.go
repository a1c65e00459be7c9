package notify

import (
	"context"
	"slices"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
)

// Who may do what in this context. Everybody also needs the scope of the resource; none of it reaches beyond the actor's
// own organization.
//
//	                                        administrator  service  leader  member
//	read groups, schedules, topics, alerts       yes         yes      yes     yes
//	explain a group, preview a schedule          yes         yes      yes     yes
//	write groups and schedules                   yes         yes      yes      no
//	post alerts, test a group                    yes         yes      yes      no
//	write topics                                 yes          no       no      no

// The resources, as scopes name them: the first segment of their paths.
const (
	scopeGroups    = "notifications"
	scopeTopics    = "topics"
	scopeSchedules = "chrono"
	scopeAlerts    = "events"
)

// mayRead lets everybody in whose key covers reading the resource.
func mayRead(ctx context.Context, resource string) (actor.Actor, error) {
	return admit(ctx, resource, "read", actor.Roles()...)
}

// mayWrite lets in who arranges who is told of what.
func mayWrite(ctx context.Context, resource string) (actor.Actor, error) {
	return admit(ctx, resource, "write", actor.Administrator, actor.Service, actor.Leader)
}

// mayAdminister lets in who decides what there is to be told of.
func mayAdminister(ctx context.Context, resource string) (actor.Actor, error) {
	return admit(ctx, resource, "write", actor.Administrator)
}

func admit(ctx context.Context, resource, action string, roles ...actor.Role) (actor.Actor, error) {
	a := actor.From(ctx)
	if a.IsZero() {
		return a, errs.CodeUnauthenticated.Errorf("a key is needed")
	}
	if !a.Has(resource, action) {
		return a, errs.Forbidden("this key does not have the scope %s:%s", resource, action)
	}
	if !slices.Contains(roles, a.Role) {
		return a, errs.Forbidden("the role %s does not allow this", a.Role)
	}
	return a, nil
}
