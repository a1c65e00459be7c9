package app

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"switchboard/internal/access"
	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/notify"
	"switchboard/internal/notify/schedule"
)

// demoFile is what demo.json holds: how to reach the demo and what there is in it.
type demoFile struct {
	URL                 string      `json:"url"`
	SandboxURL          string      `json:"sandbox_url"`
	Keys                demoKeys    `json:"keys"`
	OrganizationID      id.ID       `json:"organization_id"`
	OtherOrganizationID id.ID       `json:"other_organization_id"`
	Users               []demoThing `json:"users"`
	Individuals         []demoThing `json:"individuals"`
	IndividualGroups    []demoThing `json:"individual_groups"`
	Sites               []demoThing `json:"sites"`
	Topics              []demoThing `json:"topics"`
	Schedules           []demoThing `json:"schedules"`
	NotificationGroups  []demoThing `json:"notification_groups"`
	Channels            []demoThing `json:"channels"`
}

type demoKeys struct {
	Administrator      string `json:"administrator"`
	Leader             string `json:"leader"`
	Member             string `json:"member"`
	Service            string `json:"service"`
	OtherAdministrator string `json:"other_administrator"`
}

type demoThing struct {
	ID   id.ID  `json:"id"`
	Name string `json:"name"`
}

// DemoFile is where the keys and ids of the demo are; empty without one.
func (a *App) DemoFile() string {
	if !a.cfg.Server.Demo {
		return ""
	}
	return filepath.Join(a.cfg.Server.Data, "demo.json")
}

// seedDemo fills a database without organizations, in one transaction, and writes demo.json. On a later start it only
// brings the addresses in demo.json up to date; a database that has organizations but no demo.json is refused, because its
// keys cannot be had again.
func (a *App) seedDemo(ctx context.Context) error {
	organizations, err := a.services.directory.WalkOrganizations(ctx, directory.Walk{Limit: 1})
	if err != nil {
		return err
	}
	file := demoFile{}
	if len(organizations) > 0 {
		raw, err := os.ReadFile(a.DemoFile())
		if err != nil {
			return fmt.Errorf("the database is in use already and is not a demo: %w", err)
		}
		if err := json.Unmarshal(raw, &file); err != nil {
			return fmt.Errorf("reading %s: %w", a.DemoFile(), err)
		}
	} else if err := a.db.Do(ctx, func(ctx context.Context) (err error) {
		file, err = (&demo{services: a.services, sandbox: a.SandboxURL()}).seed(ctx)
		return err
	}); err != nil {
		return err
	}
	file.URL, file.SandboxURL = a.URL(), a.SandboxURL()
	return writeDemo(a.DemoFile(), file)
}

// writeDemo replaces the file as a whole; it holds keys, so it is the owner's alone.
func writeDemo(path string, file demoFile) error {
	raw, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", append(raw, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// demo makes the demo's records through the services, as an operator would through the API.
type demo struct {
	services
	sandbox string
	file    demoFile
	org     id.ID
}

func (d *demo) seed(ctx context.Context) (demoFile, error) {
	steps := []func(context.Context) error{d.organizations, d.people, d.groups, d.routing, d.conversations, d.keys}
	for _, step := range steps {
		if err := step(actor.With(ctx, actor.System(d.org))); err != nil {
			return d.file, err
		}
	}
	return d.file, nil
}

func (d *demo) organizations(ctx context.Context) error {
	for _, o := range []struct {
		name, zone string
		to         *id.ID
	}{
		{"Demo Hospital", "Europe/Berlin", &d.file.OrganizationID},
		{"Other Organization", "America/New_York", &d.file.OtherOrganizationID},
	} {
		made, err := d.directory.CreateOrganization(ctx, directory.OrganizationEdit{Name: &o.name, Timezone: &o.zone})
		if err != nil {
			return err
		}
		*o.to = made.ID
	}
	d.org = d.file.OrganizationID
	return nil
}

// The people of the demo: their place in demoFile.Users and .Individuals is their place here.
var demoPeople = []struct {
	username, first, last string
	kind                  directory.AccountType
}{
	{"administrator", "Demo", "Administrator", directory.Provider},
	{"leader", "Shift", "Leader", directory.Provider},
	{"engineer", "Network", "Engineer", directory.Provider},
	{"member", "First", "Patient", directory.Participant},
	{"visitor", "Second", "Patient", directory.Participant},
}

const (
	demoAdministrator = iota
	demoLeader
	demoEngineer
	demoMember
	demoVisitor
)

func (d *demo) people(ctx context.Context) error {
	yes := true
	for i, p := range demoPeople {
		email := p.username + "@demo.example"
		// Numbers that are valid to a checker and belong to the range kept for fiction.
		phone := fmt.Sprintf("+1202555%04d", 110+i)
		hook := d.sandbox + "/webhook/" + p.username
		edit := directory.UserEdit{
			Username: &p.username, Email: &email, Phone: &phone, FirstName: &p.first, LastName: &p.last,
			EmailVerified: &yes, PhoneVerified: &yes,
		}
		if d.sandbox != "" {
			edit.WebhookURL = &hook
		}
		u, err := d.directory.CreateUser(ctx, directory.NewUser{AccountType: p.kind, UserEdit: edit})
		if err != nil {
			return err
		}
		name := p.first + " " + p.last
		d.file.Users = append(d.file.Users, demoThing{u.ID, p.username})
		d.file.Individuals = append(d.file.Individuals, demoThing{u.PrimaryIndividualID, name})
	}
	return nil
}

func (d *demo) groups(ctx context.Context) error {
	name := "Care Team"
	g, err := d.directory.CreateGroup(ctx, directory.GroupEdit{
		Name:          &name,
		LeaderIDs:     &[]id.ID{d.individual(demoLeader)},
		IndividualIDs: &[]id.ID{d.individual(demoMember), d.individual(demoVisitor)},
	})
	if err != nil {
		return err
	}
	d.file.IndividualGroups = append(d.file.IndividualGroups, demoThing{g.ID, g.Name})
	for _, site := range []struct{ name, address string }{{"Main Building", "1 Example Street"}, {"North Wing", "2 Example Street"}} {
		s, err := d.directory.CreateSite(ctx, directory.SiteEdit{Name: &site.name, Address: &site.address})
		if err != nil {
			return err
		}
		d.file.Sites = append(d.file.Sites, demoThing{s.ID, s.Name})
	}
	return nil
}

func (d *demo) individual(i int) id.ID { return d.file.Individuals[i].ID }

// routing makes the schedules and the notification groups.
func (d *demo) routing(ctx context.Context) error {
	topics, err := d.notify.ListTopics(ctx)
	if err != nil {
		return err
	}
	all := make([]id.ID, len(topics))
	for i, t := range topics {
		d.file.Topics = append(d.file.Topics, demoThing{t.ID, t.Key})
		all[i] = t.ID
	}
	always, hours := "Always", "Working hours"
	var week, working []schedule.Slot
	for i := range schedule.Week() {
		day := schedule.Day(i)
		week = append(week, schedule.Slot{Day: day, Span: schedule.Span{Start: 0, End: 24 * 60}})
		if i >= 1 && i <= 5 {
			working = append(working, schedule.Slot{Day: day, Span: schedule.Span{Start: 8 * 60, End: 18 * 60}})
		}
	}
	for _, s := range []struct {
		name  *string
		hours []schedule.Slot
	}{{&always, week}, {&hours, working}} {
		made, err := d.notify.CreateSchedule(ctx, notify.ScheduleParams{Name: s.name, Hours: &s.hours})
		if err != nil {
			return err
		}
		d.file.Schedules = append(d.file.Schedules, demoThing{made.ID, made.Name})
	}
	return d.notificationGroups(ctx, all)
}

func (d *demo) notificationGroups(ctx context.Context, topics []id.ID) error {
	user := func(i int, c notify.Channel) notify.Notifiable {
		return notify.Notifiable{UserID: d.file.Users[i].ID, Channel: c}
	}
	for _, p := range []notify.GroupParams{
		{
			Name: "Network on call", ScheduleID: d.file.Schedules[0].ID, Mute: notify.MuteScheduleActive, Topics: topics,
			Notifiables: []notify.Notifiable{
				user(demoEngineer, notify.Email), user(demoEngineer, notify.SMS), user(demoEngineer, notify.WhatsApp),
				user(demoLeader, notify.Email), user(demoLeader, notify.Webhook),
			},
		},
		{
			Name: "Reports, muted", ScheduleID: d.file.Schedules[1].ID, Mute: notify.MuteAlways, Topics: topics,
			Sites: []id.ID{d.file.Sites[0].ID}, Notifiables: []notify.Notifiable{user(demoAdministrator, notify.Email)},
		},
	} {
		g, err := d.notify.CreateGroup(ctx, p)
		if err != nil {
			return err
		}
		d.file.NotificationGroups = append(d.file.NotificationGroups, demoThing{g.ID, g.Name})
	}
	return nil
}

func (d *demo) conversations(ctx context.Context) error {
	v, err := d.messaging.CreateChannel(ctx, messaging.NewChannel{
		GroupID: d.file.IndividualGroups[0].ID, IndividualIDs: []id.ID{d.individual(demoMember)}, Name: "First Patient and Care Team",
		Type: messaging.Single, Floating: true, EventsEnabled: true,
	})
	if err != nil {
		return err
	}
	d.file.Channels = append(d.file.Channels, demoThing{v.ID, v.Name})
	return nil
}

func (d *demo) keys(ctx context.Context) error {
	for _, k := range []struct {
		role  actor.Role
		user  int // -1: a machine's
		org   id.ID
		to    *string
		label string
	}{
		{actor.Administrator, demoAdministrator, d.org, &d.file.Keys.Administrator, "demo administrator"},
		{actor.Leader, demoLeader, d.org, &d.file.Keys.Leader, "demo leader"},
		{actor.Member, demoMember, d.org, &d.file.Keys.Member, "demo member"},
		{actor.Service, -1, d.org, &d.file.Keys.Service, "demo service"},
		{actor.Administrator, -1, d.file.OtherOrganizationID, &d.file.Keys.OtherAdministrator, "other administrator"},
	} {
		n := access.NewKey{OrganizationID: k.org, Role: k.role, Name: k.label}
		if k.user >= 0 {
			n.UserID = d.file.Users[k.user].ID
		}
		_, secret, err := d.access.CreateKey(actor.With(ctx, actor.System(k.org)), n)
		if err != nil {
			return fmt.Errorf("making the key of the %s: %w", strings.TrimPrefix(k.label, "demo "), err)
		}
		*k.to = secret
	}
	return nil
}
