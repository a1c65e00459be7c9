package notify

import (
	"context"
	"regexp"
	"slices"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"

	"github.com/google/uuid"
)

// Topic is a kind of alerts that groups subscribe to.
type Topic struct {
	ID, OrganizationID id.ID
	Key                string // lower-case words joined by hyphens, unique in the organization
	Name               string
	Description        string
	CreatedAt          time.Time
	UpdatedAt          time.Time
}

// TopicRef names a topic by its id or, when that is zero, by its key.
type TopicRef struct {
	ID  id.ID
	Key string
}

// IsZero tells whether no topic is named.
func (r TopicRef) IsZero() bool { return r == TopicRef{} }

// TopicParams is what can be said about a topic.
type TopicParams struct {
	Key         string // 1 to 64 characters; empty in an update leaves it
	Name        string // 1 to 100 characters
	Description string // up to 1,000 characters
}

const (
	maxTopicKey         = 64
	maxTopicName        = 100
	maxTopicDescription = 1000
)

// builtIn are the topics that every organization has.
func builtIn() []TopicParams {
	return []TopicParams{
		{"wan-failover", "WAN failover", "A site has switched to another uplink, or back."},
		{"heartbeat", "Heartbeat", "A device has stopped answering, or answers again."},
		{"sla-reports", "SLA reports", "A report on the agreed level of service is ready."},
		{"security-alerts", "Security alerts", "Something was blocked or looks like an attack."},
		{"cve-reports", "CVE reports", "A known vulnerability concerns a device."},
		{"site-reboot", "Site reboot", "A device at a site was restarted."},
		{"packet-loss", "Packet loss", "A link loses packets beyond its threshold."},
	}
}

func isBuiltIn(key string) bool {
	return slices.ContainsFunc(builtIn(), func(p TopicParams) bool { return p.Key == key })
}

// builtInTopics makes the topics of one organization. Their identifiers follow from the organization and the key, so that
// nodes which make them at the same time agree.
func builtInTopics(organization id.ID, now time.Time) []Topic {
	out := make([]Topic, 0, len(builtIn()))
	for _, p := range builtIn() {
		out = append(out, Topic{
			ID:             id.ID(uuid.NewSHA1(uuid.UUID(organization), []byte("topic:"+p.Key))),
			OrganizationID: organization, Key: p.Key, Name: p.Name, Description: p.Description, CreatedAt: now, UpdatedAt: now,
		})
	}
	return out
}

// ListTopics returns the topics of the organization: the built-in ones first, then by key.
func (s *Service) ListTopics(ctx context.Context) ([]Topic, error) {
	a, err := mayRead(ctx, scopeTopics)
	if err != nil {
		return nil, err
	}
	return s.topics(ctx, a.OrganizationID)
}

// GetTopic returns one. NotFound: there is none.
func (s *Service) GetTopic(ctx context.Context, topic id.ID) (Topic, error) {
	a, err := mayRead(ctx, scopeTopics)
	if err != nil {
		return Topic{}, err
	}
	return s.topic(ctx, a.OrganizationID, TopicRef{ID: topic})
}

// CreateTopic adds a topic. Invalid: a value is wrong, or the key is taken.
func (s *Service) CreateTopic(ctx context.Context, p TopicParams) (Topic, error) {
	a, err := mayAdminister(ctx, scopeTopics)
	if err != nil {
		return Topic{}, err
	}
	if err := p.check(); err != nil {
		return Topic{}, err
	}
	now := s.now()
	t := Topic{
		ID: id.New(), OrganizationID: a.OrganizationID, Key: p.Key, Name: p.Name, Description: p.Description,
		CreatedAt: now, UpdatedAt: now,
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.addBuiltIn(ctx, a.OrganizationID); err != nil { // theirs are the first keys taken
			return err
		}
		if err := s.store.InsertTopic(ctx, t); err != nil {
			return err
		}
		return s.events.Record(ctx, topicChange("notify.topic.created", t))
	})
	return t, taken(err, "key")
}

// UpdateTopic replaces key, name and description. NotFound; Invalid as CreateTopic; BuiltInTopic: the key would change.
func (s *Service) UpdateTopic(ctx context.Context, topic id.ID, p TopicParams) (Topic, error) {
	a, err := mayAdminister(ctx, scopeTopics)
	if err != nil {
		return Topic{}, err
	}
	t, err := s.topic(ctx, a.OrganizationID, TopicRef{ID: topic})
	if err != nil {
		return Topic{}, err
	}
	before := t
	if p.Key == "" {
		p.Key = t.Key
	}
	if err := p.check(); err != nil {
		return Topic{}, err
	}
	if p.Key != t.Key && isBuiltIn(t.Key) {
		return Topic{}, BuiltInTopic.Errorf("the key of the built-in topic %s cannot change", t.Key)
	}
	t.Key, t.Name, t.Description, t.UpdatedAt = p.Key, p.Name, p.Description, s.now()
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.store.UpdateTopic(ctx, t); err != nil {
			return err
		}
		c := topicChange("notify.topic.updated", t)
		c.Before = before
		return s.events.Record(ctx, c)
	})
	return t, taken(err, "key")
}

// DeleteTopic deletes a topic and removes it from the groups. NotFound; BuiltInTopic: it is one.
func (s *Service) DeleteTopic(ctx context.Context, topic id.ID) error {
	a, err := mayAdminister(ctx, scopeTopics)
	if err != nil {
		return err
	}
	t, err := s.topic(ctx, a.OrganizationID, TopicRef{ID: topic})
	if err != nil {
		return err
	}
	if isBuiltIn(t.Key) {
		return BuiltInTopic.Errorf("the topic %s is built in and stays", t.Key)
	}
	return s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.store.DeleteTopic(ctx, a.OrganizationID, topic); err != nil {
			return err
		}
		c := topicChange("notify.topic.deleted", t)
		c.Before, c.After = t, nil
		return s.events.Record(ctx, c)
	})
}

// topics returns all topics, after adding the built-in ones where they are missing yet.
func (s *Service) topics(ctx context.Context, organization id.ID) ([]Topic, error) {
	list, err := s.store.ListTopics(ctx, organization)
	if err != nil {
		return nil, err
	}
	if countBuiltIn(list) < len(builtIn()) {
		if err := s.addBuiltIn(ctx, organization); err != nil {
			return nil, err
		}
		if list, err = s.store.ListTopics(ctx, organization); err != nil {
			return nil, err
		}
	}
	return inOrder(list), nil
}

func (s *Service) addBuiltIn(ctx context.Context, organization id.ID) error {
	return s.tx.Do(ctx, func(ctx context.Context) error {
		return s.store.AddTopics(ctx, builtInTopics(organization, s.now()))
	})
}

func countBuiltIn(list []Topic) int {
	n := 0
	for _, t := range list {
		if isBuiltIn(t.Key) {
			n++
		}
	}
	return n
}

// inOrder puts the built-in topics first.
func inOrder(list []Topic) []Topic {
	place := map[string]int{}
	for i, p := range builtIn() {
		place[p.Key] = i - len(builtIn())
	}
	slices.SortStableFunc(list, func(a, b Topic) int { return place[a.Key] - place[b.Key] })
	return list
}

// topic returns the topic that r names. NotFound: there is none.
func (s *Service) topic(ctx context.Context, organization id.ID, r TopicRef) (Topic, error) {
	t, err := s.findTopic(ctx, organization, r)
	if !errs.Is(err, errs.CodeNotFound) {
		return t, err
	}
	mine := func(t Topic) bool { return t.ID == r.ID || r.ID.IsZero() && t.Key == r.Key }
	if !slices.ContainsFunc(builtInTopics(organization, time.Time{}), mine) {
		return Topic{}, err
	}
	if err := s.addBuiltIn(ctx, organization); err != nil {
		return Topic{}, err
	}
	return s.findTopic(ctx, organization, r)
}

func (s *Service) findTopic(ctx context.Context, organization id.ID, r TopicRef) (Topic, error) {
	if r.ID.IsZero() {
		return s.store.GetTopicByKey(ctx, organization, r.Key)
	}
	return s.store.GetTopic(ctx, organization, r.ID)
}

// namedTopic is topic for a value of a body: what does not exist is the field's fault.
func (s *Service) namedTopic(ctx context.Context, organization id.ID, r TopicRef, f *errs.Fields) (Topic, error) {
	if r.IsZero() {
		f.Require("topic")
		return Topic{}, nil
	}
	t, err := s.topic(ctx, organization, r)
	if errs.Is(err, errs.CodeNotFound) {
		f.Add("topic", "is not the id or the key of a topic of this organization")
		return Topic{}, nil
	}
	return t, err
}

var topicKey = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func (p TopicParams) check() error {
	var f errs.Fields
	f.Text("key", p.Key, 1, maxTopicKey)
	if p.Key != "" && !topicKey.MatchString(p.Key) {
		f.Add("key", "must be lower-case letters and digits, with single hyphens between")
	}
	if _, err := id.Parse(p.Key); err == nil {
		f.Add("key", "must not look like an id")
	}
	f.Text("name", p.Name, 1, maxTopicName)
	f.Text("description", p.Description, 0, maxTopicDescription)
	return f.Err()
}

// taken blames a field for a value that another record has.
func taken(err error, field string) error {
	if errs.Is(err, errs.CodeDuplicate) {
		return errs.InvalidField(field, "has already been taken")
	}
	return err
}

func topicChange(what string, t Topic) event.Change {
	return event.Change{
		OrganizationID: t.OrganizationID, Type: what, Subject: t.ID, After: t,
		Data: map[string]any{"topic-id": t.ID, "key": t.Key, "name": t.Name},
	}
}
