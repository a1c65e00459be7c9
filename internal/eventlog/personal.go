package eventlog

import (
	"switchboard/internal/db"
	"switchboard/internal/db/personal"
)

// Personal declares the tables of the log and the audit. They are to stand behind all others, because entries are found by
// the messages and channels that they speak of, and are to be blanked before these go.
//
// An entry stays in its place, so that streams keep their numbers, and loses its data. Of the audit who, what and when stay,
// and what the record was before and after goes.
func Personal() []personal.Table {
	const (
		restarts = "entries repeat what other tables hold; read again they would be acted upon again"
		audit    = "`switchboard audit export` hands the audit out; it is not to be rewritten by an import"
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
		{
			Name: "audit", Key: "seq", Personal: "detail remote_addr",
			Plain:    "seq id organization_id actor_id user_id as_individual_id role via action subject at request_id salt",
			Rules:    aboutAudit(),
			Withheld: audit,
		},
	}
}

// announced finds the messages of the server itself that name somebody, as package messagingdb declares them.
const announced = `organization_id = :organization and source = 'system' and replace(text, (select case
	when preferred_name <> '' then preferred_name when first_name = '' or last_name = '' then first_name || last_name
	else first_name || ' ' || last_name end from individuals where id = :id), '') <> text`

func aboutEntries() []personal.Rule {
	nothing, purged := map[string]any{"data": "{}"}, map[string]any{"data": `{"purged":true}`}
	const texts = "type in ('messaging.message.posted', 'messaging.message.edited') and "
	return []personal.Rule{
		personal.Blank(personal.Individual, "stream is null and subject = :id", nothing),
		personal.Blank(personal.User, "stream is null and subject = :id", nothing),
		personal.Blank(personal.Group, "stream is null and subject = :id", nothing),
		personal.Blank(personal.Individual, texts+`stream in (select channel_id from messages where individual_id = :id)
			and subject in (select id from messages where individual_id = :id)`, purged),
		personal.Blank(personal.Individual, texts+`stream in (select channel_id from messages where `+announced+`)
			and subject in (select id from messages where `+announced+`)`, purged),
		personal.Blank(personal.Group, "stream in (select id from channels where group_id = :id)", purged),
		personal.Blank(personal.Organization, "organization_id = :organization", nothing),
	}
}

func aboutAudit() []personal.Rule {
	nothing := map[string]any{"detail": `{"purged":true}`, "salt": nil} // without the salt the chain does not ask for the detail
	out := []personal.Rule{personal.Blank(personal.Organization, "organization_id = :organization", nothing)}
	for _, k := range []personal.Kind{personal.Individual, personal.User, personal.Group} {
		out = append(out, personal.Blank(k, "subject = :id", nothing))
	}
	return out
}
