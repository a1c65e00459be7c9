package messagingdb

import "switchboard/internal/db/personal"

// Personal declares the tables of conversations, and which of their rows and columns are about whom.
//
// In a conversation that others have too, what somebody said is blanked and its place stays; what others said to them
// stays as well. The conversations of a group go with it.
func Personal() []personal.Table {
	const (
		ofGroup = "channel_id in (select id from channels where group_id = :id)"
		ofOnes  = "message_id in (select id from messages where channel_id in (select id from channels where group_id = :id))"
		people  = "an account takes part by its individuals"
		// The server's own lines name who came and went, and channels are called after people. Neither holds an identifier, so
		// what bears the same name is blanked too.
		announced = "organization_id = :organization and source = 'system' and replace(text, " + fullName + ", '') <> text"
		called    = "organization_id = :organization and replace(name || ' / ' || label, " + fullName + ", '') <> name || ' / ' || label"
	)
	nameless := map[string]any{"name": "", "label": ""}
	return []personal.Table{
		{
			Name: "channels", Key: "id",
			Personal: "name label",
			Plain: `id organization_id group_id participant_id purpose live_key owner_id created_by subscription_type floating events_enabled
				text_number_id pinned_message_id last_message_id message_seq system_count stream_offset created_at modified_at active_at
				archived_at`,
			Rules: []personal.Rule{
				personal.Delete(personal.Group, "group_id = :id"),
				personal.Blank(personal.Individual, "participant_id = :id", nameless).Unexported(),
				personal.Blank(personal.Individual, called, nameless).Unexported(),
			},
			Others: people,
		},
		{
			Name: "subscribers", Key: "channel_id individual_id",
			Plain: `channel_id individual_id organization_id origin side notify pinned joined_at joined_seq read_seq exempt_after opened_at`,
			Rules: []personal.Rule{
				personal.Delete(personal.Individual, "individual_id = :id"),
				personal.Delete(personal.Group, ofGroup),
			},
			Others: people,
		},
		{
			Name: "messages", Key: "id",
			Personal: "text",
			Plain: `id organization_id channel_id seq individual_id created_by source draft auto_ack destinations edits created_at
				modified_at posted_at written_at removed_at removed_by`,
			JSON: "destinations",
			Rules: []personal.Rule{
				personal.Blank(personal.Individual, "individual_id = :id", map[string]any{"text": ""}).AlongWith("modified_at removed_at removed_by edits"),
				personal.Blank(personal.Individual, announced, map[string]any{"text": ""}),
				personal.Delete(personal.Group, ofGroup),
			},
			Others: people,
		},
		{
			Name: "message_versions", Key: "message_id version",
			Personal: "text",
			Plain:    "message_id version organization_id written_at",
			Rules: []personal.Rule{
				personal.Delete(personal.Individual, "message_id in (select id from messages where individual_id = :id)"),
				personal.Delete(personal.Group, ofOnes),
			},
			Others: people,
		},
		{
			Name: "acks", Key: "channel_id individual_id to_seq",
			Plain: "channel_id individual_id to_seq from_seq organization_id acked_at user_time",
			Rules: []personal.Rule{
				personal.Delete(personal.Individual, "individual_id = :id"),
				personal.Delete(personal.Group, ofGroup),
			},
			Others: people,
		},
		{
			Name: "reactions", Key: "message_id individual_id name",
			Personal: "name",
			Plain:    "message_id individual_id organization_id created_at",
			Rules: []personal.Rule{
				personal.Delete(personal.Individual, "individual_id = :id"),
				personal.Delete(personal.Group, ofOnes),
			},
			Others: people,
		},
		{
			Name: "conversation_marks", Key: "channel_id caller_id",
			Plain: "channel_id caller_id organization_id muted pinned opened_at",
			Rules: []personal.Rule{
				personal.Delete(personal.User, "organization_id = :organization and caller_id = :id"),
				personal.Delete(personal.Group, ofGroup),
			},
			Others: "marks are an account's",
		},
		{
			Name: "bookmarks", Key: "id",
			Plain: "id organization_id channel_id message_id individual_id created_at",
			Rules: []personal.Rule{
				personal.Delete(personal.Individual, "individual_id = :id"),
				personal.Delete(personal.Group, ofGroup),
			},
			Others: people,
		},
	}
}

// fullName is what directory.Individual.Name returns of the subject.
const fullName = `(select case when preferred_name <> '' then preferred_name when first_name = '' or last_name = '' then first_name || last_name
	else first_name || ' ' || last_name end from individuals where id = :id)`
