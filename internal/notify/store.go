package notify

import (
	"context"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/page"
)

// Store keeps this context's records. Every method takes part in the transaction of its context value, and each write is
// atomic by itself. Records of another organization are treated as absent. "Get…" and writes of one record return
// errs.CodeNotFound when it is absent; "Find…" leaves out what is absent. Slices that come back are the caller's.
type Store interface {
	TopicStore
	ScheduleStore
	GroupStore
	AlertStore
}

// TopicStore keeps topics.
type TopicStore interface {
	// AddTopics inserts those whose key is not taken in their organization, and leaves the others alone.
	AddTopics(ctx context.Context, topics []Topic) error
	// InsertTopic returns errs.CodeDuplicate when the key is taken.
	InsertTopic(ctx context.Context, t Topic) error
	// UpdateTopic stores key, name, description and UpdatedAt. errs.CodeDuplicate as InsertTopic.
	UpdateTopic(ctx context.Context, t Topic) error
	// DeleteTopic also removes the topic from every group.
	DeleteTopic(ctx context.Context, organization, topic id.ID) error
	GetTopic(ctx context.Context, organization, topic id.ID) (Topic, error)
	GetTopicByKey(ctx context.Context, organization id.ID, key string) (Topic, error)
	// ListTopics returns all, ordered by key.
	ListTopics(ctx context.Context, organization id.ID) ([]Topic, error)
}

// ScheduleStore keeps schedules.
type ScheduleStore interface {
	// InsertSchedule returns errs.CodeDuplicate when the name is taken in the organization.
	InsertSchedule(ctx context.Context, s Schedule) error
	// UpdateSchedule stores every field but CreatedAt. errs.CodeDuplicate as InsertSchedule.
	UpdateSchedule(ctx context.Context, s Schedule) error
	// DeleteSchedule returns ScheduleInUse when a group uses it.
	DeleteSchedule(ctx context.Context, organization, schedule id.ID) error
	GetSchedule(ctx context.Context, organization, schedule id.ID) (Schedule, error)
	// LockSchedule is GetSchedule for a record that this transaction is about to change.
	LockSchedule(ctx context.Context, organization, schedule id.ID) (Schedule, error)
	FindSchedules(ctx context.Context, organization id.ID, schedules []id.ID) (map[id.ID]Schedule, error)
	// ListSchedules returns all, newest first.
	ListSchedules(ctx context.Context, organization id.ID) ([]Schedule, error)
	// ListScheduleUsers returns the names of up to limit groups that use a schedule, oldest first.
	ListScheduleUsers(ctx context.Context, organization, schedule id.ID, limit int) ([]string, error)
}

// GroupStore keeps notification groups.
type GroupStore interface {
	// InsertGroup stores the group with its lists, whose order is kept. errs.CodeNotFound, at the latest when the
	// transaction commits: the schedule or a topic is gone.
	InsertGroup(ctx context.Context, g Group) error
	// UpdateGroup replaces everything but CreatedAt. errs.CodeNotFound also as InsertGroup.
	UpdateGroup(ctx context.Context, g Group) error
	DeleteGroup(ctx context.Context, organization, group id.ID) error
	GetGroup(ctx context.Context, organization, group id.ID) (Group, error)
	// ListGroups returns all, newest first.
	ListGroups(ctx context.Context, organization id.ID) ([]Group, error)
	// ListMatchingGroups returns the groups that subscribe to a topic and cover a site, oldest first. Of their topics and
	// sites they hold only those two. The cost depends on how many match, not on how many there are.
	ListMatchingGroups(ctx context.Context, organization, topic, site id.ID) ([]Group, error)
	// RemoveUser takes a user out of every group and returns the groups that held it.
	RemoveUser(ctx context.Context, organization, user id.ID, at time.Time) ([]id.ID, error)
	// RemoveSite takes a site out of every group and returns the groups that held it. A group whose last site it was
	// covers none from then on.
	RemoveSite(ctx context.Context, organization, site id.ID, at time.Time) ([]id.ID, error)
}

// AlertStore keeps alerts and how they were routed.
type AlertStore interface {
	// LockCurrentAlert returns the newest alert with a key, for a transaction that is about to change or follow it.
	LockCurrentAlert(ctx context.Context, k AlertKey) (Alert, bool, error)
	// RetireAlert makes room for another alert with the key of this one.
	RetireAlert(ctx context.Context, organization, alert id.ID) error
	// InsertAlert returns false, and stores nothing, when there is an alert with the same key that was not retired; one
	// without a DedupKey has none. It waits for a transaction that is inserting the same key.
	InsertAlert(ctx context.Context, a Alert) (bool, error)
	// ResolveAlerts closes every open alert with a key and returns them, oldest first.
	ResolveAlerts(ctx context.Context, k AlertKey, at time.Time) ([]id.ID, error)
	GetAlert(ctx context.Context, organization, alert id.ID) (Alert, error)
	// ListAlerts returns a page, newest first. A cursor that names no alert is errs.CodeNotFound.
	ListAlerts(ctx context.Context, f AlertFilter, p page.Cursor) (page.List[Alert], error)
	// InsertRoutings stores what was decided for each group, in order.
	InsertRoutings(ctx context.Context, organization, alert id.ID, routings []Routing) error
	// FindRoutings returns what was decided for each alert, in the order of InsertRoutings.
	FindRoutings(ctx context.Context, organization id.ID, alerts []id.ID) (map[id.ID][]Routing, error)
}

// AlertFilter selects alerts of OrganizationID for which every other field that is set holds too.
type AlertFilter struct {
	OrganizationID id.ID
	TopicID        id.ID
	SiteID         id.ID
	Status         Status
	Severity       Severity
	From, To       time.Time // of OccurredAt: from, inclusive, to, exclusive
}
