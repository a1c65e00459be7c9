package apptest_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"switchboard/internal/app/apptest"
	"switchboard/internal/id"
)

// talk is a conversation of a group that was made over the groups API, with the demo's member in it.
type talk struct {
	*apptest.Server
	t                       *testing.T
	key                     string
	member, visitor, leader id.ID // individuals
	group, channel          id.ID
}

func newTalk(t *testing.T, s *apptest.Server) *talk {
	t.Helper()
	k := &talk{
		Server: s, t: t, key: s.Demo.Keys.Administrator,
		member: apptest.Named(t, s.Demo.Individuals, "First Patient"), visitor: apptest.Named(t, s.Demo.Individuals, "Second Patient"),
		leader: apptest.Named(t, s.Demo.Individuals, "Shift Leader"),
	}
	made := s.Want(t, 201, k.key, "POST /v1/groups", url.Values{
		"name": {"Ward 3"}, "contacts[]": {k.member.Short(), k.visitor.Short()},
	})
	k.group, k.channel = apptest.ParseID(t, made.Text(t, "id")), apptest.ParseID(t, made.Text(t, "conversation_id"))
	return k
}

// say posts over the groups API, as a form.
func (k *talk) say(key, text string) id.ID {
	k.t.Helper()
	r := k.Want(k.t, 201, key, "POST /v1/messages", url.Values{"conversation_id": {k.channel.Short()}, "message": {text}})
	return apptest.ParseID(k.t, r.Text(k.t, "id"))
}

// TestConversation takes one conversation through two APIs: they are two spellings of the same records.
func TestConversation(t *testing.T) {
	t.Parallel()
	apptest.Each(t, apptest.Options{}, func(t *testing.T, s *apptest.Server) {
		k := newTalk(t, s)
		first := k.say(s.Demo.Keys.Member, "Good morning")
		second := k.say(s.Demo.Keys.Member, "Is anybody there?")

		list := s.Want(t, 200, k.key, "GET /v1/messaging-messages/?channel-id="+k.channel.String()+"&include-read-receipts=true", nil)
		if list.Text(t, "data.0.id") != second.String() || list.Text(t, "data.1.attributes.message") != "Good morning" {
			t.Fatalf("read through the courier API: %s", list.Body)
		}
		if list.Text(t, "data.1.attributes.individual-id") != k.member.String() {
			t.Errorf("the author: %s", list.Body)
		}
		channel := s.Want(t, 200, k.key, "GET /v1/messaging-channels/"+k.channel.String()+"/?individual-id="+k.visitor.String(), nil)
		if channel.Text(t, "data.attributes.caller-new-message-count") != "2" {
			t.Errorf("unread: %s", channel.Text(t, "data.attributes.caller-new-message-count"))
		}
		group := s.Want(t, 200, k.key, "GET /v1/individual-groups/"+k.group.String()+"/", nil)
		if group.Text(t, "data.attributes.name") != "Ward 3" || group.Len(t, "data.attributes.individuals") != 2 {
			t.Errorf("the group: %s", group.Body)
		}

		// Whoever makes a group is in it.
		for _, other := range []id.ID{k.visitor, apptest.Named(t, s.Demo.Individuals, "Demo Administrator")} {
			k.checkRead(first, false)
			s.Want(t, 201, k.key, "POST /v1/messaging-messages/"+first.String()+"/ack/", map[string]any{"individual-id": other})
		}
		k.checkRead(first, true)
		k.checkRead(second, false)
		receipts := s.Want(t, 200, k.key, "GET /v1/messaging-messages/"+first.String()+"/get-receipts/", nil)
		if !strings.Contains(string(receipts.Body), k.visitor.String()) || receipts.Len(t, "unread") != 0 {
			t.Errorf("the receipts: %s", receipts.Body)
		}

		// And the other way round.
		reply := s.Want(t, 201, k.key, "POST /v1/messaging-messages/", apptest.Document("messaging-messages", map[string]any{
			"channel-id": k.channel, "individual-id": k.visitor, "message": "Here I am",
		}))
		replyID := apptest.ParseID(t, reply.Text(t, "data.id"))
		s.Want(t, 201, k.key, "POST /v1/messaging-messages/"+replyID.String()+"/add-reaction/", map[string]any{
			"reaction-type": "love", "individual-id": k.member,
		})
		there := s.Want(t, 200, k.key, "GET /v1/messages/"+replyID.Short(), nil)
		if there.Text(t, "message") != "Here I am" || !strings.Contains(string(there.Body), `"love":["member"]`) {
			t.Errorf("read through the groups API: %s", there.Body)
		}
		if there.Text(t, "contact.id") != k.visitor.Short() {
			t.Errorf("the sender: %s", there.Body)
		}
		conversation := s.Want(t, 200, k.key, "GET /v1/conversations/"+k.channel.Short(), nil)
		if conversation.Text(t, "group_id") != k.group.Short() || conversation.Text(t, "last_active_at") == "" {
			t.Errorf("the conversation: %s", conversation.Body)
		}
		s.Want(t, 204, k.key, "DELETE /v1/groups/"+k.group.Short(), nil)
		s.Want(t, 404, k.key, "GET /v1/messaging-messages/"+first.String()+"/", nil)
		s.Want(t, 404, k.key, "GET /v1/messaging-channels/"+k.channel.String()+"/", nil)
	})
}

// checkRead tells whether every other member has read a message, in the words of the groups API.
func (k *talk) checkRead(message id.ID, want bool) {
	k.t.Helper()
	r := k.Want(k.t, 200, k.key, "GET /v1/messages/"+message.Short(), nil)
	if read := r.Path(k.t, "read_at") != nil; read != want {
		k.t.Errorf("read_at of %s is %v", message, r.Path(k.t, "read_at"))
	}
}

// TestConversation_live follows a conversation over both live doors, loses the connection, and finds what it missed:
// nothing is lost, nothing comes twice, and the order is that of the log.
func TestConversation_live(t *testing.T) {
	t.Parallel()
	apptest.Each(t, apptest.Options{}, func(t *testing.T, s *apptest.Server) {
		k := newTalk(t, s)
		k.say(k.key, "before anybody follows")
		socket := s.Dial(t, s.Demo.Keys.Member)
		_, offset := socket.Follow(k.channel, -1)
		stream := s.Listen(t, s.Demo.Keys.Member, "channel="+k.channel.String(), "")
		stream.Ready()

		// On PostgreSQL what was just posted can be told a moment later, and so come as news here.
		follow := func(next func() apptest.Entry, door string) func(text string) int64 {
			seen := offset
			return func(text string) int64 {
				t.Helper()
				for {
					e := next()
					if e.Offset != seen+1 || e.Channel != k.channel {
						t.Fatalf("%s: after %d came %d of %s", door, seen, e.Offset, e.Channel)
					}
					if seen = e.Offset; e.Type == "messaging.message.posted" && tells(e, text) {
						return seen
					}
				}
			}
		}
		onSocket, onStream := follow(socket.Next, "WebSocket"), follow(stream.Next, "SSE")
		var last int64
		for _, text := range []string{"one", "two", "three"} {
			k.say(k.key, text)
			if last = onSocket(text); onStream(text) != last {
				t.Fatalf("the doors count differently: %d", last)
			}
		}

		socket.Drop()
		stream.Drop()
		for _, text := range []string{"missed one", "missed two", "missed three"} {
			k.say(k.key, text)
		}
		again := s.Dial(t, s.Demo.Keys.Member)
		missed, _ := again.Follow(k.channel, last)
		for len(missed) < 3 { // on PostgreSQL the newest may come a moment later, as a push
			missed = append(missed, again.Next())
		}
		resumed := s.Listen(t, s.Demo.Keys.Member, "channel="+k.channel.Short(), stream.LastID)
		for i, text := range []string{"missed one", "missed two", "missed three"} {
			if missed[i].Offset != last+int64(i)+1 || !tells(missed[i], text) {
				t.Errorf("WebSocket, after coming back: %d %s", missed[i].Offset, missed[i].Data)
			}
			if e := resumed.Next(); e.Offset != last+int64(i)+1 || !tells(e, text) {
				t.Errorf("SSE, after coming back: %d %s", e.Offset, e.Data)
			}
		}
		k.say(k.key, "after coming back")
		if e := again.Next(); e.Offset != last+4 {
			t.Errorf("WebSocket: %d after the recovery", e.Offset)
		}
		if e := resumed.Next(); e.Offset != last+4 {
			t.Errorf("SSE: %d after the recovery", e.Offset)
		}
	})
}

// tells looks for a text in what an entry holds. An entry that names the message only is one too.
func tells(e apptest.Entry, text string) bool {
	var data map[string]any
	return json.Unmarshal(e.Data, &data) == nil && strings.Contains(string(e.Data), text)
}

// TestConversation_liveRights lets nobody follow who may not read, and lets those go who may no more.
func TestConversation_liveRights(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	k := newTalk(t, s)
	if code := s.Dial(t, s.Demo.Keys.OtherAdministrator).Refused(k.channel); code == 0 {
		t.Error("another organization follows the channel")
	}
	if code := s.Dial(t, s.Demo.Keys.Member).Refused(id.New()); code == 0 {
		t.Error("a channel that is not there can be followed")
	}
	for _, key := range []string{s.Demo.Keys.OtherAdministrator, "", "wrong"} {
		if r := s.Do(t, key, "GET /live/sse?channel="+k.channel.String(), nil); r.Status != 404 && r.Status != 401 {
			t.Errorf("SSE with the key %q: %d %s", key, r.Status, r.Body)
		}
	}
	socket := s.Dial(t, s.Demo.Keys.Member)
	socket.Follow(k.channel, -1)
	s.Want(t, 200, k.key, "PUT /v1/groups/"+k.group.Short(), map[string]any{"contacts": []string{k.visitor.Short()}})
	k.say(k.key, "not for the member")
	again := s.Dial(t, s.Demo.Keys.Member)
	apptest.Eventually(t, "who has left the group follows no more", func() error {
		if again.Refused(k.channel) == 0 {
			return apptest.Errorf("still subscribed")
		}
		return nil
	})
}
