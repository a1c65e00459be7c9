package directory

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// PreferenceName names a setting of an organization.
type PreferenceName string

// The settings.
const (
	// DefaultChannelTitle is the name of a channel that has none of its own and none of a group, for who looks at it.
	// {{individual.name}} stands for the others in it.
	DefaultChannelTitle PreferenceName = "default-channel-title"
	// GroupProviderAck lets what one provider of a channel acknowledges count for all of them.
	GroupProviderAck PreferenceName = "group-provider-ack"
	// InitialSMSMessage is sent to who is reached by SMS for the first time.
	InitialSMSMessage PreferenceName = "initial-sms-message"
)

// PreferenceNames lists them.
func PreferenceNames() []PreferenceName {
	return []PreferenceName{DefaultChannelTitle, GroupProviderAck, InitialSMSMessage}
}

// PreferenceType says what kind of value a setting has.
type PreferenceType string

// The types. A setting that is a text may be given as json too: an object of texts by locale.
const (
	PreferenceJSON    PreferenceType = "json"
	PreferenceText    PreferenceType = "text"
	PreferenceBoolean PreferenceType = "boolean"
)

// PreferenceTypes lists them.
func PreferenceTypes() []PreferenceType {
	return []PreferenceType{PreferenceBoolean, PreferenceJSON, PreferenceText}
}

// OrgPreference is one setting of an organization. There is one of each name, whether it was set or not.
type OrgPreference struct {
	ID, OrganizationID id.ID
	Name               PreferenceName
	Type               PreferenceType
	Value              string            // of a text, and "true" or "false" of a boolean
	Texts              map[string]string // of json: by locale; nil otherwise
	Explicit           bool              // false: this is the default
	CreatedAt          time.Time         // zero when it is the default
}

// PreferenceID is the identifier of a setting. It follows from the organization and the name, so that a setting has it
// before it is set, and again after it is reset.
func PreferenceID(organization id.ID, name PreferenceName) id.ID {
	return id.ID(uuid.NewSHA1(uuid.UUID(organization), []byte("org-preferences/"+name)))
}

// unset is a setting that nobody has set.
func unset(organization id.ID, name PreferenceName) OrgPreference {
	p := OrgPreference{ID: PreferenceID(organization, name), OrganizationID: organization, Name: name, Type: PreferenceText}
	switch name {
	case DefaultChannelTitle:
		p.Value = individualName
	case GroupProviderAck:
		p.Type, p.Value = PreferenceBoolean, "false"
	case InitialSMSMessage:
		p.Value = "Your care team can now write to you by text message. Reply STOP to end this."
	}
	return p
}

// individualName is the one variable of a title.
const individualName = "{{individual.name}}"

// variable is what looks like one.
var variable = regexp.MustCompile(`\{\{\s*([^{}]*?)\s*\}\}`)

// The limits of texts, in characters.
const (
	maxTitle      = maxName
	maxInitialSMS = 1600
)

// check says what is wrong with a setting.
func (p OrgPreference) check() error {
	var f errs.Fields
	errs.OneOf(&f, "name", p.Name, PreferenceNames()...)
	errs.OneOf(&f, "type", p.Type, PreferenceTypes()...)
	if len(f) > 0 {
		return f.Err()
	}
	switch {
	case p.Name == GroupProviderAck && p.Type != PreferenceBoolean:
		f.Add("type", "must be boolean for %s", p.Name)
	case p.Name != GroupProviderAck && p.Type == PreferenceBoolean:
		f.Add("type", "must be text or json for %s", p.Name)
	case p.Type == PreferenceJSON:
		p.checkTexts(&f)
	default:
		p.checkValue(&f)
	}
	return f.Err()
}

func (p OrgPreference) checkValue(f *errs.Fields) {
	if p.Texts != nil {
		f.Add("value_js", "is only for the type json")
	}
	if p.Type == PreferenceBoolean {
		errs.OneOf(f, "value", p.Value, "true", "false")
		return
	}
	p.checkText(f, "value", p.Value)
}

func (p OrgPreference) checkTexts(f *errs.Fields) {
	if p.Value != "" {
		f.Add("value", "is not for the type json, which has value-js")
	}
	if len(p.Texts) == 0 {
		f.Require("value_js")
	}
	for _, l := range slices.Sorted(maps.Keys(p.Texts)) {
		locale(f, "value_js."+l, l)
		p.checkText(f, "value_js."+l, p.Texts[l])
	}
}

func (p OrgPreference) checkText(f *errs.Fields, path, text string) {
	if p.Name == InitialSMSMessage {
		f.Text(path, text, 1, maxInitialSMS)
		return
	}
	line(f, path, text, 1, maxTitle)
	for _, v := range variable.FindAllStringSubmatch(text, -1) {
		if "{{"+v[1]+"}}" != individualName {
			f.Add(path, "knows no {{%s}}, only %s", v[1], individualName)
		}
	}
}

// NewPreference sets a setting.
type NewPreference struct {
	Name  PreferenceName
	Type  PreferenceType
	Value string
	Texts map[string]string // by locale; for the type json
}

// SetPreference sets a setting of the actor's organization, whether it was set before or not. One transaction.
func (s *Service) SetPreference(ctx context.Context, n NewPreference) (OrgPreference, error) {
	a, err := mayWrite(ctx, preferenceScopes())
	if err != nil {
		return OrgPreference{}, err
	}
	p := OrgPreference{
		ID: PreferenceID(a.OrganizationID, n.Name), OrganizationID: a.OrganizationID, Name: n.Name, Type: n.Type, Value: strings.TrimSpace(n.Value),
		Texts: tidyTexts(n.Texts), Explicit: true, CreatedAt: s.now(),
	}
	if err := p.check(); err != nil {
		return OrgPreference{}, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		old, err := s.lockPreference(ctx, a.OrganizationID, n.Name)
		if err != nil {
			return err
		}
		if old.Explicit {
			p.CreatedAt = old.CreatedAt
		}
		if err := s.store.PutPreference(ctx, p); err != nil {
			return err
		}
		return s.record(ctx, p.OrganizationID, EventPreferenceSet, p.ID, PreferenceEvent{p.Name}, old.snapshot(), p.snapshot())
	})
	return p, err
}

func tidyTexts(texts map[string]string) map[string]string {
	if texts == nil {
		return nil
	}
	out := make(map[string]string, len(texts))
	for l, text := range texts {
		out[tidyLocale(l)] = strings.TrimSpace(text)
	}
	return out
}

// lockPreference reads a setting, behind the lock of its organization.
func (s *Service) lockPreference(ctx context.Context, organization id.ID, name PreferenceName) (OrgPreference, error) {
	if _, err := s.store.LockOrganization(ctx, organization); err != nil {
		return OrgPreference{}, err
	}
	list, err := s.preferences(ctx, organization)
	for _, p := range list {
		if p.Name == name {
			return p, err
		}
	}
	return OrgPreference{}, err
}

// ResetPreference gives a setting its default back; one that has it stays as it is. NotFound: the organization has no such
// setting. One transaction.
func (s *Service) ResetPreference(ctx context.Context, preference id.ID) error {
	a, err := mayWrite(ctx, preferenceScopes())
	if err != nil {
		return err
	}
	name, err := preferenceNamed(a.OrganizationID, preference)
	if err != nil {
		return err
	}
	return s.tx.Do(ctx, func(ctx context.Context) error {
		old, err := s.lockPreference(ctx, a.OrganizationID, name)
		if err != nil || !old.Explicit {
			return err
		}
		if err := s.store.DeletePreference(ctx, a.OrganizationID, name); err != nil {
			return err
		}
		now := unset(a.OrganizationID, name)
		return s.record(ctx, a.OrganizationID, EventPreferenceReset, preference, PreferenceEvent{name}, old.snapshot(), now.snapshot())
	})
}

// preferenceNamed finds the name of a setting by its identifier.
func preferenceNamed(organization, preference id.ID) (PreferenceName, error) {
	for _, name := range PreferenceNames() {
		if PreferenceID(organization, name) == preference {
			return name, nil
		}
	}
	return "", errs.MissingRecord("org-preference")
}

// ListPreferences returns the settings of the actor's organization, or the one of a name, ordered by name.
func (s *Service) ListPreferences(ctx context.Context, name PreferenceName) ([]OrgPreference, error) {
	a := actor.From(ctx)
	if err := covered(a, "read", preferenceScopes()); err != nil {
		return nil, err
	}
	if _, err := s.store.GetOrganization(ctx, a.OrganizationID); err != nil {
		return nil, err
	}
	list, err := s.preferences(ctx, a.OrganizationID)
	if name != "" {
		list = slices.DeleteFunc(list, func(p OrgPreference) bool { return p.Name != name })
	}
	return list, err
}

// GetPreference returns a setting of the actor's organization. NotFound.
func (s *Service) GetPreference(ctx context.Context, preference id.ID) (OrgPreference, error) {
	a := actor.From(ctx)
	if err := covered(a, "read", preferenceScopes()); err != nil {
		return OrgPreference{}, err
	}
	name, err := preferenceNamed(a.OrganizationID, preference)
	if err != nil {
		return OrgPreference{}, err
	}
	list, err := s.ListPreferences(ctx, name)
	if err != nil {
		return OrgPreference{}, err
	}
	return list[0], nil
}

// preferences returns every setting of an organization, ordered by name.
func (s *Service) preferences(ctx context.Context, organization id.ID) ([]OrgPreference, error) {
	stored, err := s.store.FindPreferences(ctx, organization)
	out := make([]OrgPreference, 0, len(PreferenceNames()))
	for _, name := range PreferenceNames() {
		p, ok := stored[name]
		if !ok {
			p = unset(organization, name)
		}
		p.ID = PreferenceID(organization, name)
		out = append(out, p)
	}
	return out, err
}

// Preferences are the settings of an organization as they are applied.
type Preferences struct {
	GroupProviderAck bool
	title, initial   OrgPreference
	locale           string // the organization's
}

// Preferences returns what an organization has set, or the defaults. It is for the other contexts and checks no permission.
// NotFound: there is no such organization.
func (s *Service) Preferences(ctx context.Context, organization id.ID) (Preferences, error) {
	o, err := s.store.GetOrganization(ctx, organization)
	if err != nil {
		return Preferences{}, err
	}
	list, err := s.preferences(ctx, organization)
	if err != nil {
		return Preferences{}, err
	}
	return Preferences{title: list[0], GroupProviderAck: list[1].Value == "true", initial: list[2], locale: o.Locale}, nil
}

// ChannelTitle is the title of a channel without a name, with these people in it, in a locale (empty: the organization's).
// It is empty when nothing is left to show.
func (p Preferences) ChannelTitle(locale string, people []string) string {
	text := p.title.in(locale, p.locale)
	return strings.TrimSpace(variable.ReplaceAllLiteralString(text, strings.Join(people, ", ")))
}

// InitialSMS is the first text to a person, in a locale (empty: the organization's).
func (p Preferences) InitialSMS(locale string) string { return p.initial.in(locale, p.locale) }

// in returns the text for a locale: that of the locale, of its language, of the organization's locale, of en_US, or the
// first there is.
func (p OrgPreference) in(wanted, organization string) string {
	if p.Texts == nil {
		return p.Value
	}
	all := slices.Sorted(maps.Keys(p.Texts))
	for _, l := range []string{wanted, organization, "en_US"} {
		if text, ok := p.Texts[l]; ok {
			return text
		}
		language, _, _ := strings.Cut(l, "_")
		for _, other := range all {
			if spoken, _, _ := strings.Cut(other, "_"); spoken == language {
				return p.Texts[other]
			}
		}
	}
	if len(all) == 0 {
		return ""
	}
	return p.Texts[all[0]]
}

func (p OrgPreference) snapshot() snapshot {
	return snapshot{"name": p.Name, "type": p.Type, "value": p.Value, "value-js": p.Texts, "explicit": p.Explicit}
}
