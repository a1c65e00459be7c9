package consentdb

import (
	"context"

	"switchboard/internal/db"
	"switchboard/internal/db/personal"
)

// Personal declares the tables of consents, and which of their rows and columns are about whom.
//
// What was decided, when, and by which words of the organization outlives the person, who may ask about it, and so may a
// court. Number, words and addresses go. A STOP stays with the hash of its number.
func Personal() []personal.Table {
	const (
		account = "a telephone number is an account's"
		nobodys = "it is about nobody"
	)
	blank := map[string]any{"personal": "", "salt": ""}
	return []personal.Table{
		{
			Name: "consent_secret", Key: "secret", Plain: "secret",
			Others: nobodys, Withheld: "whoever could read it could find the numbers of hashes",
		},
		{
			Name: "consent_numbers", Key: "number_hash", Plain: "number_hash stopped changed_at",
			Others: "a STOP holds for whoever has the number, and outlives them", Withheld: "it belongs to no organization",
		},
		{
			Name: "consents", Key: "id",
			Personal: "number",
			Plain: `id organization_id user_id type state messages language number_hash reminded stopped invited_at entries head created_at
				modified_at`,
			JSON:     "messages",
			Rules:    []personal.Rule{personal.Blank(personal.User, "user_id = :id", map[string]any{"number": ""})},
			Others:   account,
			Restored: tally,
		},
		{
			Name: "consent_counts", Key: "organization_id shard", Plain: "organization_id shard count",
			Others: nobodys + "; it follows from the rows", Withheld: "an import counts what it brings",
		},
		{
			Name: "consent_entries", Key: "consent_id entry", // sealed is no JSON here: its bytes must stay as they are
			Personal: "personal",
			Plain:    "consent_id entry organization_id sealed hash salt",
			Rules: []personal.Rule{
				personal.Blank(personal.User, "consent_id in (select id from consents where user_id = :id)", blank),
				personal.Blank(personal.Organization, "organization_id = :organization", blank),
			},
			Others: account,
		},
	}
}

// tally counts a consent that an import has brought.
func tally(ctx context.Context, d *db.DB, row personal.Row) error {
	return (&Store{d}).count(ctx, row.ID("organization_id"), row.ID("id"))
}
