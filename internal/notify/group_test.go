package notify_test

import (
	"context"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/notify/notifytest"
)

func by(u directory.User, c notify.Channel) notify.Notifiable {
	return notify.Notifiable{UserID: u.ID, Channel: c}
}

func TestService_CreateGroup(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	leader := w.As(t.Context(), actor.Leader)
	_, seq := w.Types(t, 0)
	p := notify.GroupParams{
		Name: "  Primary On-Call Team Alerts ", ScheduleID: w.Days.ID, Mute: notify.MuteScheduleActive,
		Topics: []id.ID{w.Links.ID, w.Heartbeat.ID}, Sites: []id.ID{w.Lukla.ID, w.Berlin.ID},
		Notifiables: []notify.Notifiable{by(w.Cleo, notify.WhatsApp), by(w.Ann, notify.SMS), by(w.Ann, notify.Email)},
	}
	got, err := w.Notify.CreateGroup(leader, p)
	must(t, err)
	same(t, "answered", got, notify.Group{
		ID: got.ID, OrganizationID: w.Org, ScheduleID: w.Days.ID, Name: "Primary On-Call Team Alerts", Mute: p.Mute, Topics: p.Topics,
		Sites: p.Sites, Notifiables: p.Notifiables, CreatedAt: w.Now(), UpdatedAt: w.Now(),
	})
	read, err := w.Notify.GetGroup(leader, got.ID)
	must(t, err)
	same(t, "stored", read, got)
	types, _ := w.Types(t, seq)
	wantTypes(t, types, "notify.group.created")

	bare, err := w.Notify.CreateGroup(leader, notify.GroupParams{Name: "x", ScheduleID: w.Days.ID, Mute: notify.MuteAlways})
	must(t, err)
	if !bare.AllSites {
		t.Error("no sites are not every site")
	}
	list, err := w.Notify.ListGroups(leader)
	must(t, err)
	same(t, "newest first", []id.ID{list[0].ID, list[1].ID}, []id.ID{bare.ID, got.ID})
}

// wrongGroups are valid groups with one thing wrong, and what must be blamed.
func wrongGroups(w *notifytest.World) map[string]struct {
	set  func(*notify.GroupParams)
	want string
} {
	type wrong = struct {
		set  func(*notify.GroupParams)
		want string
	}
	return map[string]wrong{
		"everything":                {func(p *notify.GroupParams) { *p = notify.GroupParams{} }, "name mute schedule_id"},
		"a blank name":              {func(p *notify.GroupParams) { p.Name = " \t" }, "name"},
		"a long name":               {func(p *notify.GroupParams) { p.Name = long(101) }, "name"},
		"an unknown mute":           {func(p *notify.GroupParams) { p.Mute = "sometimes" }, "mute"},
		"an unknown schedule":       {func(p *notify.GroupParams) { p.ScheduleID = id.New() }, "schedule_id"},
		"their schedule":            {func(p *notify.GroupParams) { p.ScheduleID = w.Theirs.ID }, "schedule_id"},
		"an unknown topic":          {func(p *notify.GroupParams) { p.Topics = []id.ID{w.Heartbeat.ID, id.New()} }, "topics[1]"},
		"a topic twice":             {func(p *notify.GroupParams) { p.Topics = []id.ID{w.Heartbeat.ID, w.Heartbeat.ID} }, "topics[1]"},
		"too many topics":           {func(p *notify.GroupParams) { p.Topics = make([]id.ID, 21) }, "topics"},
		"an unknown site":           {func(p *notify.GroupParams) { p.Sites = []id.ID{id.New(), w.Berlin.ID} }, "sites[0]"},
		"their site":                {func(p *notify.GroupParams) { p.Sites = []id.ID{w.Elsewhere.ID} }, "sites[0]"},
		"a site twice":              {func(p *notify.GroupParams) { p.Sites = []id.ID{w.Berlin.ID, w.Lukla.ID, w.Berlin.ID} }, "sites[2]"},
		"too many sites":            {func(p *notify.GroupParams) { p.Sites = make([]id.ID, 801) }, "sites"},
		"an unknown user":           {func(p *notify.GroupParams) { p.Notifiables[0].UserID = id.New() }, "notifiables[0].id"},
		"their user":                {func(p *notify.GroupParams) { p.Notifiables[0].UserID = w.Stranger.ID }, "notifiables[0].id"},
		"an invited user":           {func(p *notify.GroupParams) { p.Notifiables = append(p.Notifiables, by(w.Ivy, notify.SMS)) }, "notifiables[1].id"},
		"an archived user":          {func(p *notify.GroupParams) { p.Notifiables = append(p.Notifiables, by(w.Arno, notify.SMS)) }, "notifiables[1].id"},
		"an unknown channel":        {func(p *notify.GroupParams) { p.Notifiables[0].Channel = "fax" }, "notifiables[0].channel"},
		"a user twice by a channel": {func(p *notify.GroupParams) { p.Notifiables = append(p.Notifiables, p.Notifiables[0]) }, "notifiables[1]"},
		"too many notifiables":      {func(p *notify.GroupParams) { p.Notifiables = make([]notify.Notifiable, 201) }, "notifiables"},
	}
}

func TestService_CreateGroup_refuses(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	admin := w.As(t.Context(), actor.Administrator)
	g, err := w.Notify.CreateGroup(admin, w.Group())
	must(t, err)
	_, seq := w.Types(t, 0)
	for name, tc := range wrongGroups(w) {
		p := w.Group()
		tc.set(&p)
		_, err := w.Notify.CreateGroup(admin, p)
		wantKind(t, name, err, errs.Invalid)
		wantFields(t, name, err, tc.want)
		_, err = w.Notify.UpdateGroup(admin, g.ID, p)
		wantFields(t, name+", updating", err, tc.want)
	}
	list, err := w.Notify.ListGroups(admin)
	must(t, err)
	same(t, "stored after refusals", list, []notify.Group{g})
	if types, _ := w.Types(t, seq); len(types) > 0 {
		t.Errorf("refusals wrote %v", types)
	}
}

func TestService_UpdateGroup(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	admin := w.As(t.Context(), actor.Administrator)
	p := w.Group()
	p.Sites = []id.ID{w.Berlin.ID}
	before, err := w.Notify.CreateGroup(admin, p)
	must(t, err)
	_, seq := w.Types(t, 0)
	w.Pass(time.Minute)
	p = notify.GroupParams{Name: "b", ScheduleID: w.Days.ID, Mute: notify.MuteAlways, Notifiables: []notify.Notifiable{by(w.Ben, notify.Voice)}}
	got, err := w.Notify.UpdateGroup(admin, before.ID, p)
	must(t, err)
	same(t, "answered", got, notify.Group{
		ID: before.ID, OrganizationID: w.Org, ScheduleID: w.Days.ID, Name: "b", Mute: notify.MuteAlways, AllSites: true,
		Notifiables: p.Notifiables, CreatedAt: before.CreatedAt, UpdatedAt: w.Now(),
	})
	read, err := w.Notify.GetGroup(admin, before.ID)
	must(t, err)
	same(t, "stored", read, got)
	types, _ := w.Types(t, seq)
	wantTypes(t, types, "notify.group.updated")
	_, err = w.Notify.UpdateGroup(admin, id.New(), p)
	wantKind(t, "unknown", err, errs.NotFound)
	_, err = w.Notify.UpdateGroup(admin, id.New(), notify.GroupParams{})
	wantKind(t, "unknown and wrong", err, errs.NotFound)
}

func TestService_DeleteGroup(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	admin := w.As(t.Context(), actor.Administrator)
	g, err := w.Notify.CreateGroup(admin, w.Group())
	must(t, err)
	a, err := w.Notify.PostAlert(admin, w.Alert())
	must(t, err)
	_, seq := w.Types(t, 0)
	must(t, w.Notify.DeleteGroup(admin, g.ID))
	types, _ := w.Types(t, seq)
	wantTypes(t, types, "notify.group.deleted")
	_, err = w.Notify.GetGroup(admin, g.ID)
	wantKind(t, "deleted", err, errs.NotFound)
	wantKind(t, "twice", w.Notify.DeleteGroup(admin, g.ID), errs.NotFound)
	d, err := w.Notify.GetAlert(admin, a.ID)
	must(t, err)
	if len(d.Groups) != 1 || d.Groups[0].GroupName != g.Name || len(d.Opened) != 1 {
		t.Errorf("what the group decided is gone: %+v", d)
	}
}

func setState(t *testing.T, w *notifytest.World, u directory.User, state directory.UserState) {
	t.Helper()
	u.State = state
	must(t, w.People.UpdateUser(t.Context(), u))
}

// Users who become inactive, and sites that are deleted, drop out of answers at once, and come back if they do.
func TestService_GetGroup_withoutTheAbsent(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	admin := w.As(t.Context(), actor.Administrator)
	p := w.Group()
	p.Sites = []id.ID{w.Berlin.ID, w.Lukla.ID}
	p.Notifiables = []notify.Notifiable{by(w.Ann, notify.SMS), by(w.Ben, notify.SMS), by(w.Ann, notify.Email)}
	g, err := w.Notify.CreateGroup(admin, p)
	must(t, err)
	setState(t, w, w.Ann, directory.Archived)
	must(t, w.People.DeleteSite(t.Context(), w.Org, w.Berlin.ID, w.Now()))
	check := func(what string, people []notify.Notifiable, sites []id.ID) {
		t.Helper()
		got, err := w.Notify.GetGroup(admin, g.ID)
		must(t, err)
		same(t, what+": notifiables", got.Notifiables, people)
		same(t, what+": sites", got.Sites, sites)
		list, err := w.Notify.ListGroups(admin)
		must(t, err)
		same(t, what+": listed", list, []notify.Group{got})
	}
	check("away", []notify.Notifiable{by(w.Ben, notify.SMS)}, []id.ID{w.Lukla.ID})
	setState(t, w, w.Ann, directory.Active)
	check("back", p.Notifiables, []id.ID{w.Lukla.ID})
}

// TestService_UpdateGroup_ofNoSite writes a group that has lost its last site: it never widens to every site without a word.
func TestService_UpdateGroup_ofNoSite(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cleaned bool // the cleaner has been
		none    *bool
		sites   bool
		want    func(g notify.Group) bool // nil: it is refused
	}{
		"without a word":                         {cleaned: true},
		"without a word, before the cleaner":     {},
		"for none":                               {cleaned: true, none: new(true), want: func(g notify.Group) bool { return g.CoversNone() }},
		"for none, before the cleaner":           {none: new(true), want: func(g notify.Group) bool { return g.CoversNone() }},
		"for every site":                         {cleaned: true, none: new(false), want: func(g notify.Group) bool { return g.AllSites }},
		"for a site":                             {cleaned: true, sites: true, want: func(g notify.Group) bool { return !g.AllSites && len(g.Sites) == 1 }},
		"for a site, with what it was like else": {cleaned: true, sites: true, none: new(true), want: func(g notify.Group) bool { return !g.AllSites && len(g.Sites) == 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := notifytest.NewWorld(t)
			admin := w.As(t.Context(), actor.Administrator)
			p := w.Group()
			p.Sites = []id.ID{w.Berlin.ID}
			before, err := w.Notify.CreateGroup(admin, p)
			must(t, err)
			_, seq := w.Types(t, 0)
			must(t, w.Directory.DeleteSite(admin, w.Berlin.ID))
			if tc.cleaned {
				consume(t, w, seq)
			}
			read, err := w.Notify.GetGroup(admin, before.ID)
			must(t, err)
			if !read.CoversNone() {
				t.Fatalf("it is read as %+v", read)
			}
			p.Sites, p.CoversNone = nil, tc.none
			if tc.sites {
				p.Sites = []id.ID{w.Lukla.ID}
			}
			g, err := w.Notify.UpdateGroup(admin, before.ID, p)
			if tc.want == nil {
				wantFields(t, name, err, "sites")
				g, err = w.Notify.GetGroup(admin, before.ID)
				if err != nil || !g.CoversNone() {
					t.Errorf("after the refusal it is %+v, %v", g, err)
				}
				return
			}
			if err != nil || !tc.want(g) {
				t.Errorf("it is %+v, %v", g, err)
			}
			stored, err := w.Notify.GetGroup(admin, before.ID)
			must(t, err)
			same(t, "stored", stored, g)
		})
	}
}

// consume hands the log to the cleaner as app does, until it has seen all of it.
func consume(t *testing.T, w *notifytest.World, after int64) {
	t.Helper()
	entries, err := w.Log.Read(t.Context(), after, 1000)
	must(t, err)
	must(t, w.DB.Do(t.Context(), func(ctx context.Context) error {
		return notify.NewCleaner(w.Notify).Handle(ctx, entries)
	}))
}

func TestCleaner(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	admin := w.As(t.Context(), actor.Administrator)
	p := w.Group()
	p.Sites = []id.ID{w.Berlin.ID}
	p.Notifiables = []notify.Notifiable{by(w.Ann, notify.SMS), by(w.Ben, notify.SMS), by(w.Ann, notify.Email)}
	touched, err := w.Notify.CreateGroup(admin, p)
	must(t, err)
	p = w.Group()
	p.Notifiables = []notify.Notifiable{by(w.Ben, notify.SMS)}
	untouched, err := w.Notify.CreateGroup(admin, p)
	must(t, err)
	_, seq := w.Types(t, 0)

	must(t, w.Directory.DeleteUser(admin, w.Ann.ID))
	must(t, w.Directory.DeleteSite(admin, w.Berlin.ID))
	_, before := w.Types(t, seq)
	w.Pass(time.Minute)
	consume(t, w, seq)
	types, last := w.Types(t, before)
	wantTypes(t, types, "notify.group.updated", "notify.group.updated")

	got, err := w.Store.GetGroup(t.Context(), w.Org, touched.ID)
	must(t, err)
	touched.Notifiables, touched.Sites, touched.UpdatedAt = []notify.Notifiable{by(w.Ben, notify.SMS)}, nil, w.Now()
	same(t, "cleaned", got, touched)
	got, err = w.Store.GetGroup(t.Context(), w.Org, untouched.ID)
	must(t, err)
	same(t, "not concerned", got, untouched)

	consume(t, w, seq)
	if types, _ := w.Types(t, last); len(types) > 0 {
		t.Errorf("the second time wrote %v", types)
	}
	a := w.Alert()
	a.SiteID = w.Lukla.ID
	posted, err := w.Notify.PostAlert(admin, a)
	must(t, err)
	same(t, "a group without its last site matches nothing", posted.MatchedGroups, []id.ID{untouched.ID})
}
