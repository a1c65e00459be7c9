package notify

import (
	"context"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// dedupWindow is how long an open alert takes in others with its key.
const dedupWindow = 24 * time.Hour

// Posted is the answer to an alert.
type Posted struct {
	Alert
	// Repeated tells that the alert was known already and nothing was sent: Alert is the first one then.
	Repeated bool
}

// PostAlert takes an alert in and routes it: the alert, what every matching group decided, and a delivery for each person
// and channel become true in one transaction, or nothing does.
//
// An alert with the DedupKey of one that is open, of the same topic and site and less than 24 hours old, is that one: it
// is answered again and nobody is told. Once resolved, or after 24 hours, the key opens a new alert.
//
// With Resolved it ends every open alert of the key and tells those who were told that it was open, muted since or not.
// What has ended already is answered again.
//
// Invalid: a value is wrong. NotFound: there is nothing to resolve.
func (s *Service) PostAlert(ctx context.Context, p AlertParams) (Posted, error) {
	a, err := mayWrite(ctx, scopeAlerts)
	if err != nil {
		return Posted{}, err
	}
	alert, at, err := s.newAlert(ctx, a.OrganizationID, p)
	if err != nil {
		return Posted{}, err
	}
	var out Posted
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if alert.Status == Resolved {
			out, err = s.resolve(ctx, alert, at)
		} else {
			out, err = s.open(ctx, alert, at)
		}
		return err
	})
	return out, err
}

// open stores an alert and routes it, unless it is known.
func (s *Service) open(ctx context.Context, alert Alert, at scene) (Posted, error) {
	first, repeated, err := s.claim(ctx, alert)
	if err != nil {
		return Posted{}, err
	}
	if repeated {
		return s.repeat(ctx, first)
	}
	decisions, err := s.route(ctx, alert)
	if err != nil {
		return Posted{}, err
	}
	routings := make([]Routing, len(decisions))
	for i, d := range decisions {
		routings[i] = Routing{d.GroupID, d.GroupName, Deliver, d.Reason}
		if d.Muted {
			routings[i].Outcome = Muted
		}
	}
	alert.MatchedGroups = matched(routings)
	if err := s.store.InsertRoutings(ctx, alert.OrganizationID, alert.ID, routings); err != nil {
		return Posted{}, err
	}
	if err := s.outbox.Enqueue(ctx, alert.content(SourceAlert, at), notices(decisions)); err != nil {
		return Posted{}, err
	}
	return Posted{Alert: alert}, s.events.Record(ctx, alertChange("notify.alert.opened", alert))
}

// claim stores the alert, or returns the one that has its key. Of two transactions with one key, one waits in
// InsertAlert for the other and then finds what it stored.
func (s *Service) claim(ctx context.Context, alert Alert) (first Alert, repeated bool, err error) {
	if alert.DedupKey != "" {
		current, found, err := s.store.LockCurrentAlert(ctx, alert.key())
		switch {
		case err != nil:
			return Alert{}, false, err
		case found && current.Status == Open && alert.CreatedAt.Sub(current.CreatedAt) < dedupWindow:
			return current, true, nil
		case found:
			if err := s.store.RetireAlert(ctx, current.OrganizationID, current.ID); err != nil {
				return Alert{}, false, err
			}
		}
	}
	inserted, err := s.store.InsertAlert(ctx, alert)
	if err != nil || inserted {
		return alert, false, err
	}
	current, found, err := s.store.LockCurrentAlert(ctx, alert.key())
	if err == nil && !found {
		err = errs.CodeUnavailable.Errorf("another alert with this key came at the same moment; try again")
	}
	return current, true, err
}

// repeat answers an alert that is known.
func (s *Service) repeat(ctx context.Context, first Alert) (Posted, error) {
	routings, err := s.store.FindRoutings(ctx, first.OrganizationID, []id.ID{first.ID})
	first.MatchedGroups = matched(routings[first.ID])
	return Posted{first, true}, err
}

// route asks every group that matches an alert.
func (s *Service) route(ctx context.Context, alert Alert) ([]Decision, error) {
	groups, err := s.store.ListMatchingGroups(ctx, alert.OrganizationID, alert.TopicID, alert.SiteID)
	if err != nil || len(groups) == 0 {
		return nil, err
	}
	candidates, err := s.candidates(ctx, alert.OrganizationID, groups)
	if err != nil {
		return nil, err
	}
	notifiables := make([][]Notifiable, len(groups))
	for i, g := range groups {
		notifiables[i] = g.Notifiables
	}
	active, err := s.activeUsers(ctx, alert.OrganizationID, usersOf(notifiables...))
	if err != nil {
		return nil, err
	}
	return Plan(Subject{TopicID: alert.TopicID, SiteID: alert.SiteID, At: alert.CreatedAt}, candidates, active), nil
}

// candidates adds to each group the rules of its schedule.
func (s *Service) candidates(ctx context.Context, organization id.ID, groups []Group) ([]Candidate, error) {
	var needed []id.ID
	seen := map[id.ID]bool{}
	for _, g := range groups {
		if !seen[g.ScheduleID] {
			seen[g.ScheduleID] = true
			needed = append(needed, g.ScheduleID)
		}
	}
	found, err := s.store.FindSchedules(ctx, organization, needed)
	if err != nil {
		return nil, err
	}
	out := make([]Candidate, len(groups))
	for i, g := range groups {
		out[i] = Candidate{g, found[g.ScheduleID].Timetable()}
	}
	return out, nil
}

// resolve ends the open alerts with the key of an alert.
func (s *Service) resolve(ctx context.Context, end Alert, at scene) (Posted, error) {
	current, found, err := s.store.LockCurrentAlert(ctx, end.key())
	if err != nil {
		return Posted{}, err
	}
	if !found {
		return Posted{}, errs.MissingRecord("open event with this dedup_key, topic and site")
	}
	if current.Status == Resolved {
		return s.repeat(ctx, current)
	}
	ended, err := s.store.ResolveAlerts(ctx, end.key(), end.CreatedAt)
	if err != nil {
		return Posted{}, err
	}
	told, err := s.told(ctx, end.OrganizationID, ended)
	if err != nil {
		return Posted{}, err
	}
	current.Status, current.ResolvedAt = Resolved, end.CreatedAt
	out, err := s.repeat(ctx, current)
	if err != nil {
		return Posted{}, err
	}
	out.Repeated = false
	if err := s.outbox.Enqueue(ctx, current.ending(end).content(SourceAlertResolved, at), told); err != nil {
		return Posted{}, err
	}
	c := alertChange("notify.alert.resolved", out.Alert)
	c.Before = map[string]any{"status": Open}
	return out, s.events.Record(ctx, c)
}

// told returns whom any of the alerts has reached or may still reach, each person and channel once. Who is not active any
// more is among them with the reason why they are not told again.
func (s *Service) told(ctx context.Context, organization id.ID, alerts []id.ID) ([]Notice, error) {
	var out []Notice
	var people []Notifiable
	seen := map[Notifiable]bool{}
	for _, alert := range alerts {
		notices, err := s.outbox.Told(ctx, organization, Source{SourceAlert, alert})
		if err != nil {
			return nil, err
		}
		for _, n := range notices {
			if person := (Notifiable{n.UserID, n.Channel}); !seen[person] {
				seen[person] = true
				people = append(people, person)
				out = append(out, Notice{UserID: n.UserID, GroupID: n.GroupID, Channel: n.Channel})
			}
		}
	}
	active, err := s.activeUsers(ctx, organization, usersOf(people))
	skipInactive(out, active)
	return out, err
}

// ending returns what is said of the end of an alert: what the caller says of it, else what it was. That it has ended is
// told by its status.
func (a Alert) ending(end Alert) Alert {
	a.Body, a.OccurredAt, a.CreatedAt = end.Body, end.OccurredAt, end.CreatedAt
	if end.Title != "" {
		a.Title = end.Title
	}
	if len(end.Data) > 0 {
		a.Data = end.Data
	}
	return a
}

// content is what people are told about an alert.
func (a Alert) content(source string, at scene) Content {
	return Content{
		Source: Source{source, a.ID}, OrganizationID: a.OrganizationID, Title: a.Title, Body: a.Body,
		Data: map[string]any{
			"event_id": a.ID.String(), "status": string(a.Status), "severity": string(a.Severity),
			"topic_id": a.TopicID.String(), "topic_key": at.topic.Key, "topic_name": at.topic.Name,
			"site_id": a.SiteID.String(), SiteName: at.site.Name, "dedup_key": a.DedupKey,
			"occurred_at": a.OccurredAt.Format(time.RFC3339Nano), "data": a.Data,
		},
		Urgent: a.Severity.Urgent(), At: a.CreatedAt,
	}
}
