package deliverydb

import (
	"switchboard/internal/db/personal"
	"switchboard/internal/delivery"
	"switchboard/internal/reason"
)

// Personal declares the ledger's tables, and which of their rows and columns are about whom.
//
// A delivery is about its recipient. What was said is shared by all recipients of one content, so it stays for the others
// and is blanked when its author goes, as the title is that names the author.
func Personal() []personal.Table {
	const (
		written = "source_type = 'message' and source_id in (select id from messages where individual_id = :id)"
		inGroup = "source_type = 'message' and source_id in (select m.id from messages m join channels c on c.id = m.channel_id where c.group_id = :id)"
		toOne   = "delivery_id in (select id from deliveries where individual_id = :id)"
		toUser  = "delivery_id in (select id from deliveries where user_id = :id)"
		within  = "delivery_id in (select id from deliveries where organization_id = :organization)"
		shared  = "others were told the same"
		people  = "a group is told by its individuals"
	)
	// What waits to be sent of a text that is about to be blanked is not sent any more.
	stop := map[string]any{"due_at": nil, "lease_id": nil, "state": string(delivery.Suppressed), "reason": string(reason.Expired)}
	waits := func(condition string) string {
		return "due_at is not null and content_id in (select id from delivery_contents where " + condition + ")"
	}
	blank := map[string]any{"title": "", "body": "", "data": "{}"}
	return []personal.Table{
		{
			Name: "delivery_contents", Key: "id",
			Personal: "title body data",
			Plain:    "id organization_id source_type source_id urgent followed expires_at at deliveries created_at",
			JSON:     "data",
			Rules: []personal.Rule{
				personal.Blank(personal.Individual, written, blank),
				personal.Blank(personal.Group, inGroup, blank),
				personal.Keep(personal.Individual, "id in (select content_id from deliveries where individual_id = :id)", shared),
				personal.Keep(personal.User, "id in (select content_id from deliveries where user_id = :id)", shared),
			},
		},
		{
			Name: "deliveries", Key: "id",
			Personal: "address",
			Plain: `id organization_id content_id group_id user_id individual_id transport state reason due_at lease_id attempts provider
				provider_id sent_at withdrawn created_at updated_at`,
			Rules: []personal.Rule{
				personal.Delete(personal.Individual, "individual_id = :id"),
				personal.Delete(personal.User, "user_id = :id"),
				personal.Blank(personal.Individual, waits(written), stop).Unexported(),
				personal.Blank(personal.Group, waits(inGroup), stop).Unexported(),
			},
			Arriving: map[string]any{"due_at": nil, "lease_id": nil},
		},
		{
			Name: "delivery_attempts", Key: "delivery_id id",
			Personal: "address detail",
			Plain:    "delivery_id id provider started_at finished_at outcome reason code provider_id",
			Rules: []personal.Rule{
				personal.Delete(personal.Individual, toOne), personal.Delete(personal.User, toUser), personal.Delete(personal.Organization, within),
			},
			Others: people,
		},
		{
			Name: "delivery_callbacks", Key: "id",
			Personal: "detail",
			Plain:    "id organization_id delivery_id provider provider_id state reason retry code received_at settled",
			Rules: []personal.Rule{
				personal.Delete(personal.Individual, toOne), personal.Delete(personal.User, toUser),
				personal.Delete(personal.Organization, "organization_id = :organization"), personal.Delete(personal.Organization, within),
			},
			Others: people,
		},
		{
			Name: "delivery_texts", Key: "id",
			Personal: "sender recipient body",
			Plain:    "id organization_id user_id provider provider_id transport keyword received_at",
			Rules:    []personal.Rule{personal.Delete(personal.User, "user_id = :id")},
			Others:   "a text comes from an account's number",
		},
	}
}
