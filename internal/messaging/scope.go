package messaging

import "switchboard/internal/actor"

// Resources lists what the scopes of this context name.
func Resources() []actor.Resource {
	return []actor.Resource{
		{Name: string(channels), Actions: actor.ReadWrite(), Doc: "Channels: conversations and who takes part in them."},
		{Name: "conversations", Actions: actor.ReadWrite(), Doc: "The same channels, by their name in the groups API."},
		{Name: string(messages), Actions: actor.ReadWrite(), Doc: "Messages, receipts and reactions."},
		{Name: "messages", Actions: actor.ReadWrite(), Doc: "The same messages, by their name in the groups API."},
		{Name: string(bookmarks), Actions: actor.ReadWrite(), Doc: "Bookmarks in channels."},
	}
}
