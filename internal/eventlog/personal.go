package eventlog

import (
	"switchboard/internal/db"
	"switchboard/internal/db/personal"
)

// Personal declares the tables of the log. They are to stand behind all others, because entries are found by the messages
// and channels that they speak of, and are to be blanked before these go. An entry stays in its place, so that streams keep
// their numbers, and loses its data. The audit is package auditdb's.
func Personal() []personal.Table {
	const (
		restarts = "entries repeat what other tables hold; read again they would be acted upon again"
	)
	return []personal.Table{
		{
			Name: "events", Only: db.SQLite, Key: "seq", Personal: "data",
			Plain: "seq id organization_id type stream stream_offset subject actor_id at", Rules: aboutEntries(), Withheld: restarts,
		},
		{
			Name: "events", Only: db.Postgres, Key: "row_id", Personal: "data",
			Plain: "row_id seq id organization_id type stream stream_offset subject actor_id at", Rules: aboutEntries(), Withheld: restarts,
		},
		{Name: "event_head", Only: db.Postgres, Key: "seq", Plain: "seq", Others: "a number", Withheld: restarts},
		{Name: "consumers", Key: "name", Plain: "name position updated_at", Others: "the server's own", Withheld: restarts},
	}
}

// What the server says of people and what channels are called, as package messagingdb declares it.
const (
	fullName = `(select case when preferred_name <> '' then preferred_name when first_name = '' or last_name = '' then first_name || last_name
		else first_name || ' ' || last_name end from individuals where id = :id)`
	announced = "organization_id = :organization and source = 'system' and replace(text, " + fullName + ", '') <> text"
	called    = "organization_id = :organization and replace(name || ' / ' || label, " + fullName + ", '') <> name || ' / ' || label"
)

func aboutEntries() []personal.Rule {
	nothing, purged := map[string]any{"data": "{}"}, map[string]any{"data": `{"purged":true}`}
	const texts = "type in ('messaging.message.posted', 'messaging.message.edited') and "
	return []personal.Rule{
		personal.Blank(personal.Individual, "stream is null and subject = :id", nothing),
		personal.Blank(personal.User, "stream is null and subject = :id", nothing),
		personal.Blank(personal.Group, "stream is null and subject = :id", nothing),
		personal.Blank(personal.User, "stream is null and subject in (select id from delivery_texts where user_id = :id)", nothing),
		personal.Blank(personal.Individual, texts+`stream in (select channel_id from messages where individual_id = :id)
			and subject in (select id from messages where individual_id = :id)`, purged),
		personal.Blank(personal.Individual, texts+`stream in (select channel_id from messages where `+announced+`)
			and subject in (select id from messages where `+announced+`)`, purged),
		personal.Blank(personal.Individual, `type in ('messaging.channel.created', 'messaging.channel.updated')
			and stream in (select id from channels where `+called+`)`, purged),
		personal.Blank(personal.Group, "stream in (select id from channels where group_id = :id)", purged),
		personal.Blank(personal.Organization, "organization_id = :organization", nothing),
	}
}
