package crashtest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// world is what the clients work on. It is made through the API before anything is killed.
type world struct {
	admin client

	providers, participants []string // individuals
	users                   []string // of all, the providers first
	careGroup               string   // an individual-group, whose individuals change during the trial
	channels                []string
	schedule, site          string
	steady                  string // topic of the events; the group about it does not change
	heartbeat               string // another topic, of which no event tells
	changing                string // a notification group that is replaced again and again
	told                    int    // how many deliveries each event makes
}

// The people: providers lead the care group, participants are in it.
const (
	providerCount    = 2
	participantCount = 4
)

// namer gives the sandbox's address of a receiver of webhooks.
type namer func(name string) (url string)

func newWorld(t *testing.T, p *program, webhook namer) *world {
	t.Helper()
	w := &world{admin: client{p, p.secret("administrator")}}
	for i := range providerCount + participantCount {
		w.person(t, i, webhook)
	}
	var group document
	w.admin.must(t, http.MethodPost, "/v1/individual-groups/", resource("individual-groups", map[string]any{
		"name": "Crash", "leader-ids": w.providers, "individual-ids": w.participants,
	}), &group)
	w.careGroup = group.Data.ID
	for i, participant := range w.participants {
		var channel document
		w.admin.must(t, http.MethodPost, "/v1/messaging-channels/", resource("messaging-channels", map[string]any{
			"individual-group-id": w.careGroup, "individual-ids": []string{participant}, "name": fmt.Sprintf("Crash %d", i), "floating": true,
		}), &channel)
		w.channels = append(w.channels, channel.Data.ID)
	}
	w.routing(t)
	return w
}

func (w *world) person(t *testing.T, i int, webhook namer) {
	t.Helper()
	kind := "participant"
	if i < providerCount {
		kind = "provider"
	}
	name := fmt.Sprintf("person-%d", i)
	var user document
	w.admin.must(t, http.MethodPost, "/v1/users/", resource("users", map[string]any{
		"username": name, "email": name + "@crash.test", "email-verified": true, "phone": fmt.Sprintf("+1202555%04d", 110+i),
		"phone-verified": true, "webhook-url": webhook(name), "account-type": kind, "first-name": "Person", "last-name": fmt.Sprint(i),
	}), &user)
	individual, _ := user.Data.Attributes["primary-individual-id"].(string)
	w.users = append(w.users, user.Data.ID)
	if i < providerCount {
		w.providers = append(w.providers, individual)
	} else {
		w.participants = append(w.participants, individual)
	}
}

// routing makes one group that every event goes to, by every transport that the sandbox has, and one to change.
func (w *world) routing(t *testing.T) {
	t.Helper()
	var made struct{ ID string }
	w.admin.must(t, http.MethodPost, "/sites", map[string]any{"name": "Crash"}, &made)
	w.site = made.ID
	w.admin.must(t, http.MethodPost, "/chrono/schedules", map[string]any{"name": "Never", "hours": []any{}}, &made)
	w.schedule = made.ID
	var topics []struct{ ID, Key string }
	w.admin.must(t, http.MethodGet, "/topics", nil, &topics)
	w.steady, w.heartbeat = topics[0].ID, topics[1].ID
	var notifiables []any
	for _, user := range w.users[:2] {
		for _, channel := range []string{"email", "sms", "webhook", "whatsapp"} {
			notifiables = append(notifiables, map[string]any{"id": user, "channel": channel})
		}
	}
	w.told = len(notifiables)
	w.admin.must(t, http.MethodPost, "/notifications", w.notificationGroup("Steady", w.steady, notifiables), nil)
	w.admin.must(t, http.MethodPost, "/notifications", w.notificationGroup("Changing 0", w.heartbeat, notifiables[:1]), &made)
	w.changing = made.ID
}

func (w *world) notificationGroup(name, topic string, notifiables []any) map[string]any {
	return map[string]any{
		"name": name, "schedule_id": w.schedule, "mute": "never", "topics": []any{topic}, "sites": []any{}, "notifiables": notifiables,
	}
}

// bare is an id without the prefix that the notification groups API puts before it.
func bare(id string) string { return id[strings.LastIndexByte(id, '_')+1:] }
