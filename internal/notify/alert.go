package notify

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/reason"
)

// Alert is something that happened at a site, for groups to route.
type Alert struct {
	ID, OrganizationID id.ID
	TopicID, SiteID    id.ID
	Status             Status
	Severity           Severity
	Title              string // 1 to 255 characters
	Body               string // up to 10,000 characters
	Data               map[string]any
	DedupKey           string // up to 255 characters; empty: it is never taken for another
	OccurredAt         time.Time
	CreatedAt          time.Time
	ResolvedAt         time.Time // zero while it is open
	// MatchedGroups are the groups that are about it, muted or not, in the order in which they were asked. It is filled by
	// the service.
	MatchedGroups []id.ID `json:"-"`
}

// AlertKey is what makes two alerts the same.
type AlertKey struct {
	OrganizationID, TopicID, SiteID id.ID
	DedupKey                        string
}

func (a Alert) key() AlertKey {
	return AlertKey{a.OrganizationID, a.TopicID, a.SiteID, a.DedupKey}
}

// Status tells whether what an alert is about goes on.
type Status string

// The statuses.
const (
	Open     Status = "open"
	Resolved Status = "resolved"
)

// Statuses lists them.
func Statuses() []Status { return []Status{Open, Resolved} }

// Severity says how bad an alert is.
type Severity string

// The severities.
const (
	Low      Severity = "low"
	Medium   Severity = "medium" // when none is given
	High     Severity = "high"
	Critical Severity = "critical"
)

// Severities lists them.
func Severities() []Severity { return []Severity{Low, Medium, High, Critical} }

// Urgent tells whether it may disturb people in their quiet hours, where they allow that.
func (s Severity) Urgent() bool { return s == High || s == Critical }

// Outcome is what was decided for a group about an alert.
type Outcome string

// The outcomes.
const (
	Deliver Outcome = "deliver"
	Muted   Outcome = "muted"
)

// Routing is what became of an alert at one matching group, kept with the name that the group had.
type Routing struct {
	GroupID   id.ID
	GroupName string
	Outcome   Outcome
	Reason    reason.Reason // reason.OK when it delivered
}

// AlertDetail is an alert with everything that came of it.
type AlertDetail struct {
	Alert
	Groups []Routing
	// Opened are the deliveries that told of the alert, and Ended those that told of its end.
	Opened, Ended []Delivery
}

// AlertParams is what a caller says about an alert.
type AlertParams struct {
	Topic      TopicRef
	SiteID     id.ID
	Status     Status   // empty: open
	Severity   Severity // empty: medium
	Title      string   // may be empty with Resolved, which then says that the alert of the key has ended
	Body       string
	Data       map[string]any // up to 64 KiB as JSON
	DedupKey   string         // needed with Resolved
	OccurredAt time.Time      // zero: now
}

// AlertQuery selects alerts for a list; what is zero is no matter.
type AlertQuery struct {
	Topic    TopicRef
	SiteID   id.ID
	Status   Status
	Severity Severity
	From, To time.Time // of OccurredAt: from, inclusive, to, exclusive
}

const (
	maxTitle    = 255
	maxBody     = 10_000
	maxDedupKey = 255
	maxData     = 64 << 10
)

// GetAlert returns an alert with the decision of every group that matched and every delivery. NotFound: there is none.
func (s *Service) GetAlert(ctx context.Context, alert id.ID) (AlertDetail, error) {
	a, err := mayRead(ctx, scopeAlerts)
	if err != nil {
		return AlertDetail{}, err
	}
	found, err := s.store.GetAlert(ctx, a.OrganizationID, alert)
	if err != nil {
		return AlertDetail{}, err
	}
	routings, err := s.store.FindRoutings(ctx, a.OrganizationID, []id.ID{alert})
	if err != nil {
		return AlertDetail{}, err
	}
	d := AlertDetail{Alert: found, Groups: routings[alert]}
	d.MatchedGroups = matched(d.Groups)
	if d.Opened, err = s.outbox.Ledger(ctx, a.OrganizationID, Source{SourceAlert, alert}); err != nil {
		return AlertDetail{}, err
	}
	d.Ended, err = s.outbox.Ledger(ctx, a.OrganizationID, Source{SourceAlertResolved, alert})
	return d, err
}

// ListAlerts returns a page of alerts, newest first. A topic that does not exist has none. Malformed: the cursor is not
// one of this list.
func (s *Service) ListAlerts(ctx context.Context, q AlertQuery, p page.Cursor) (page.List[Alert], error) {
	a, err := mayRead(ctx, scopeAlerts)
	if err != nil {
		return page.List[Alert]{}, err
	}
	f := AlertFilter{
		OrganizationID: a.OrganizationID, SiteID: q.SiteID, Status: q.Status, Severity: q.Severity, From: q.From, To: q.To,
	}
	if !q.Topic.IsZero() {
		t, err := s.topic(ctx, a.OrganizationID, q.Topic)
		if errs.Is(err, errs.CodeNotFound) {
			return page.List[Alert]{}, nil
		}
		if err != nil {
			return page.List[Alert]{}, err
		}
		f.TopicID = t.ID
	}
	list, err := s.store.ListAlerts(ctx, f, p)
	if errs.Is(err, errs.CodeNotFound) {
		return list, errs.InvalidParameter("cursor", "is not a cursor of this list")
	}
	if err != nil {
		return list, err
	}
	return list, s.fillMatched(ctx, a.OrganizationID, list.Items)
}

func (s *Service) fillMatched(ctx context.Context, organization id.ID, alerts []Alert) error {
	ids := make([]id.ID, len(alerts))
	for i, a := range alerts {
		ids[i] = a.ID
	}
	routings, err := s.store.FindRoutings(ctx, organization, ids)
	if err != nil {
		return err
	}
	for i := range alerts {
		alerts[i].MatchedGroups = matched(routings[alerts[i].ID])
	}
	return nil
}

func matched(routings []Routing) []id.ID {
	out := make([]id.ID, len(routings))
	for i, r := range routings {
		out[i] = r.GroupID
	}
	return out
}

// scene is what an alert is about and where it happened, with the names that people know.
type scene struct {
	topic Topic
	site  directory.Site
}

// newAlert checks p and returns the alert that it makes. What p does not say takes its default.
func (s *Service) newAlert(ctx context.Context, organization id.ID, p AlertParams) (Alert, scene, error) {
	now := s.now()
	a := Alert{
		ID: id.New(), OrganizationID: organization, SiteID: p.SiteID, Status: p.Status, Severity: p.Severity,
		Title: strings.TrimSpace(p.Title), Body: p.Body, Data: p.Data, DedupKey: p.DedupKey, OccurredAt: p.OccurredAt, CreatedAt: now,
	}
	if a.Status == "" {
		a.Status = Open
	}
	if a.Severity == "" {
		a.Severity = Medium
	}
	if a.OccurredAt.IsZero() {
		a.OccurredAt = now
	}
	if a.Data == nil {
		a.Data = map[string]any{}
	}
	var f errs.Fields
	a.check(&f)
	var at scene
	var err error
	if at.topic, err = s.namedTopic(ctx, organization, p.Topic, &f); err != nil {
		return Alert{}, scene{}, err
	}
	a.TopicID = at.topic.ID
	if at.site, err = s.namedSite(ctx, organization, p.SiteID, &f); err != nil {
		return Alert{}, scene{}, err
	}
	return a, at, f.Err()
}

func (a Alert) check(f *errs.Fields) {
	errs.OneOf(f, "status", a.Status, Statuses()...)
	errs.OneOf(f, "severity", a.Severity, Severities()...)
	shortest := 1
	if a.Status == Resolved {
		shortest = 0
		if a.DedupKey == "" {
			f.Require("dedup_key")
		}
	}
	f.Text("title", a.Title, shortest, maxTitle)
	f.Text("body", a.Body, 0, maxBody)
	f.Text("dedup_key", a.DedupKey, 0, maxDedupKey)
	if raw, err := json.Marshal(a.Data); err != nil || len(raw) > maxData {
		f.Add("data", "must be at most %d bytes of JSON", maxData)
	}
}

// namedSite returns the site that a body names: one that is missing or unknown is the field's fault.
func (s *Service) namedSite(ctx context.Context, organization, site id.ID, f *errs.Fields) (directory.Site, error) {
	if site.IsZero() {
		f.Require("site")
		return directory.Site{}, nil
	}
	known, err := s.directory.Sites(ctx, organization, []id.ID{site})
	if err != nil {
		return directory.Site{}, err
	}
	if _, ok := known[site]; !ok {
		f.Add("site", "is not a site of this organization")
	}
	return known[site], nil
}

func alertChange(what string, a Alert) event.Change {
	return event.Change{
		OrganizationID: a.OrganizationID, Type: what, Subject: a.ID,
		Data: map[string]any{
			"alert-id": a.ID, "topic-id": a.TopicID, "site-id": a.SiteID, "status": a.Status, "severity": a.Severity,
			"title": a.Title, "dedup-key": a.DedupKey, "group-ids": a.MatchedGroups,
		},
		After: map[string]any{"status": a.Status, "severity": a.Severity, "topic-id": a.TopicID, "site-id": a.SiteID},
	}
}
