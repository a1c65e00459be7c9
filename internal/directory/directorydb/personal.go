package directorydb

import (
	"context"

	"switchboard/internal/db"
	"switchboard/internal/db/personal"
)

// Personal declares the tables of the directory, and which of their rows and columns are about whom.
func Personal() []personal.Table {
	return []personal.Table{
		{
			Name: "organizations", Key: "id",
			Personal: "name display_name",
			Plain:    "id timezone locale classification provider_type created_at modified_at deleted_at",
			Rules:    []personal.Rule{personal.Delete(personal.Organization, "id = :id")},
			Others:   "nobody owns a part of an organization's own row",
		},
		{
			Name: "users", Key: "id",
			Personal: "username username_key email email_key phone webhook_url first_name last_name",
			Plain: `id organization_id primary_individual_id locale tz email_verified phone_verified phone_unsubscribed auto_sign_up
				state sms_mode notifications preferences last_sync_at last_active_at created_at modified_at deleted_at`,
			JSON:     "notifications preferences",
			Rules:    []personal.Rule{personal.Delete(personal.User, "id = :id")},
			Others:   "the account stays when one of its individuals goes; groups are made of individuals",
			Restored: tallyOf(kindUser),
		},
		{
			Name: "individuals", Key: "id",
			Personal: "first_name last_name preferred_name birth_date avatar_url external_id",
			Plain:    "id organization_id owner_id owner_type account_type verified created_at modified_at deleted_at",
			Rules:    []personal.Rule{personal.Delete(personal.Individual, "id = :id")},
			Others:   "an account's individuals are subjects of their own, which go with it; a group's people outlive it",
			Restored: tallyOf(kindIndividual),
		},
		{
			Name: "individual_groups", Key: "id", Links: "parent_id",
			Personal: "name description avatar_url",
			Plain:    "id organization_id parent_id archived_at last_sync_at created_at modified_at deleted_at",
			Rules: []personal.Rule{
				personal.Blank(personal.Group, "parent_id = :id", map[string]any{"parent_id": nil}),
				personal.Delete(personal.Group, "id = :id"),
			},
			Others:   "a group is not one person's; that somebody stands in it is a row of individual_group_members",
			Restored: tallyOf(kindGroup),
		},
		{
			Name: "individual_group_members", Key: "group_id individual_id",
			Plain: "group_id individual_id organization_id leader",
			Rules: []personal.Rule{
				personal.Delete(personal.Individual, "individual_id = :id"),
				personal.Delete(personal.Group, "group_id = :id"),
			},
			Others: "an account stands in no group but by its individuals",
		},
		{
			Name: "org_preferences", Key: "organization_id name",
			Plain:  "organization_id name type value value_js created_at",
			JSON:   "value_js",
			Others: "what an organization has set is about nobody",
		},
		{
			Name: "individual_photos", Key: "individual_id",
			Personal: "photo",
			Plain:    "individual_id organization_id media_type modified_at",
			Rules:    []personal.Rule{personal.Delete(personal.Individual, "individual_id = :id")},
			Others:   "an account and a group have no photo",
		},
		{
			Name: "sites", Key: "id",
			Personal: "name address metadata",
			Plain:    "id organization_id timezone tags created_at modified_at deleted_at",
			JSON:     "metadata tags",
			Others:   "a site is a place of the organization",
		},
		{
			Name: "directory_words", Key: "organization_id kind word record_id",
			Personal: "word",
			Plain:    "organization_id kind record_id",
			Rules: []personal.Rule{
				personal.Delete(personal.Individual, "record_id = :id"),
				personal.Delete(personal.Group, "record_id = :id"),
			},
			Others: "accounts are not found by words",
		},
		{
			Name: "directory_counts", Key: "organization_id kind shard",
			Plain:    "organization_id kind shard count",
			Others:   "a count is about nobody; it follows from the rows",
			Withheld: "an import counts what it brings",
		},
	}
}

// tallyOf counts a row that an import has brought back.
func tallyOf(kind string) func(context.Context, *db.DB, personal.Row) error {
	return func(ctx context.Context, d *db.DB, row personal.Row) error {
		if !row.Null("deleted_at") {
			return nil
		}
		return (&Store{db: d}).tally(ctx, row.ID("organization_id"), kind, row.ID("id"), 1)
	}
}
