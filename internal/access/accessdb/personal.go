package accessdb

import "switchboard/internal/db/personal"

// Personal declares the tables of keys, tokens and kept answers, and which of their rows and columns are about whom.
// Secrets are in no export: an account that comes back is given new keys.
func Personal() []personal.Table {
	const (
		nobodys = "individuals and groups hold no keys"
		secret  = "whoever could read it could act as its holder"
	)
	return []personal.Table{
		{
			Name: "api_keys", Key: "id",
			Personal: "name",
			Plain:    "id organization_id user_id role scopes created_at expires_at revoked_at last_used_at",
			JSON:     "scopes",
			Rules:    []personal.Rule{personal.Delete(personal.User, "organization_id = :organization and user_id = :id")},
			Others:   nobodys, Withheld: secret,
		},
		{
			Name: "api_key_secrets", Key: "id",
			Plain: "id key_id secret_hash created_at expires_at last_used_at",
			Rules: []personal.Rule{
				personal.Delete(personal.User, "key_id in (select id from api_keys where organization_id = :organization and user_id = :id)"),
				personal.Delete(personal.Organization, "key_id in (select id from api_keys where organization_id = :organization)"),
			},
			Others: nobodys, Withheld: secret,
		},
		{
			Name: "user_tokens", Key: "id",
			Plain:  "id organization_id user_id key_id scopes secret_hash created_at expires_at",
			JSON:   "scopes",
			Rules:  []personal.Rule{personal.Delete(personal.User, "organization_id = :organization and user_id = :id")},
			Others: nobodys, Withheld: secret,
		},
		{
			Name: "access_tokens", Key: "secret_hash",
			Plain: "secret_hash key_id secret_id scopes created_at expires_at",
			Rules: []personal.Rule{
				personal.Delete(personal.User, "key_id in (select id from api_keys where organization_id = :organization and user_id = :id)"),
				personal.Delete(personal.Organization, "key_id in (select id from api_keys where organization_id = :organization)"),
			},
			Others: nobodys, Withheld: secret,
		},
		{
			Name: "sniffers", Key: "id",
			Plain:    "id organization_id user_id created_at valid_until log_count",
			Rules:    []personal.Rule{personal.Delete(personal.User, "organization_id = :organization and user_id = :id")},
			Others:   "sniffers record users",
			Withheld: "it says that somebody looked for a fault, and nothing about the person",
		},
		{
			Name: "sniffer_logs", Key: "id",
			Personal: "path query_string user_agent body response message",
			Plain:    "id organization_id sniffer_id created_at method content_type status request_id trace_id",
			Rules: []personal.Rule{
				personal.Delete(personal.User, "sniffer_id in (select id from sniffers where organization_id = :organization and user_id = :id)"),
				sniffed(personal.Individual), sniffed(personal.Group),
			},
			Withheld: "it repeats what the records themselves tell, and is kept for two weeks at most",
		},
		{
			Name: "idempotency_keys", Key: "organization_id key_id route idempotency_key",
			Personal: "body header about",
			Plain:    "organization_id key_id route idempotency_key request_hash status created_at",
			// The row stays, so that the request is not done a second time when it is repeated.
			Rules: []personal.Rule{
				answers(personal.Individual), answers(personal.Group), answers(personal.User),
			},
			Withheld: "what was answered is told by the records themselves, and kept for a day",
		},
	}
}

// answers blanks the answers that name a subject.
func answers(k personal.Kind) personal.Rule {
	return personal.Blank(k, "organization_id = :organization and about like '%' || cast(:id as text) || '%'", map[string]any{"body": "", "about": ""})
}

// sniffed blanks what was recorded of requests and answers that name a subject.
func sniffed(k personal.Kind) personal.Rule {
	const names = "organization_id = :organization and (body like '%' || cast(:id as text) || '%' or response like '%' || cast(:id as text) || '%' or path like '%' || cast(:id as text) || '%')"
	return personal.Blank(k, names, map[string]any{"body": "", "response": "", "path": "", "query_string": "", "message": ""})
}
