package contract_test

import (
	"testing"

	"switchboard/internal/app/apptest"
	"switchboard/internal/app/contract"
)

// Where the samples of the courier API have a placeholder that no server could take, by operation.
func overridesFor(t *testing.T, w *apptest.World, o contract.Operation) map[string]any {
	t.Helper()
	return map[string]map[string]any{
		"PATCH /v1/messaging-channels/{id}/": {
			"data.attributes": []any{map[string]any{"op": "replace", "path": "/name", "value": "Another name"}},
		},
		"POST /v1/messaging-channels/": {
			"data.attributes.individual-ids": []any{w.IDs[apptest.OtherIndividual]}, // subscription-type none takes providers only
		},
		"POST /v1/org-preferences/": { // the sample has a value of each kind at once
			"data.attributes.value": contract.Omit{}, "data.attributes.value-js": map[string]any{"en_US": "With {{individual.name}}"},
		},
		"POST /v1/aggregation-requests/":                {"data.attributes.entries[].column": "unread-messages"},
		"POST /v1/sniffers/":                            {"data.attributes.valid-until": apptest.Soon()},
		"POST /v1/purge-data/":                          {"data.attributes.entity-id": w.IDs[apptest.Individual]}, // any text in the sample
		"POST /v1/messaging-channels/{id}/preferences/": {"values[].value": "mentions"},
		"POST /v1/messaging-messages/":                  {"data.attributes.include-destinations": []any{"sms"}},
		"PATCH /v1/messaging-messages/{id}/": { // what is posted is no draft again, and what is removed is not edited
			"data.attributes.draft": contract.Omit{}, "data.attributes.removed": contract.Omit{}, "data.attributes.individual-id": w.IDs[apptest.OtherIndividual],
		},
	}[o.Route()]
}

// prepare has happen what an operation needs to answer with everything.
func (c *courier) prepare(t *testing.T, w *apptest.World, o contract.Operation) {
	t.Helper()
	switch o.Route() {
	case "GET /v1/sniffers/{id}/get-logs/":
		w.BeSniffed(t)
	case "GET /v1/messaging-messages/{id}/get-receipts/": // needs somebody who has not read
		late := c.Want(t, 201, w.Key, "POST /v1/individuals/", apptest.Document("individuals", map[string]any{
			"first-name": "Cas", "last-name": "Example", "account-type": "participant",
		})).Text(t, "data.id")
		c.Want(t, 201, w.Key, "POST /v1/messaging-channels/"+w.IDs[apptest.Channel].String()+"/subscribe/", map[string]any{"individual-ids": []string{late}})
	}
}

// extra are query parameters that are not required and that an answer needs to show everything.
func extra(o contract.Operation) map[string]string {
	return map[string]map[string]string{
		"GET /v1/sniffers/{id}/get-logs/": {"page[limit]": "1"}, // how many were recorded is a matter of moments
		"GET /v1/messaging-messages/":     {"include-read-receipts": "true", "include-phrases": "true"},
	}[o.Route()]
}

// rulesFor says where the answer to an operation may be less or more than its sample, and why.
func rulesFor(o contract.Operation) contract.Rules {
	const (
		never   = "belongs to a part of the product that is not here yet"
		unasked = "only with include-read-receipts"
		client  = "the time that a client gives of its own action; most give none"
		silent  = "is computed after posting, by a library, for English; null elsewhere"
		synced  = "set by a synchronization with another system; there was none"
		made    = "was opened by the key of a machine, or over the groups API, which has no such member"
	)
	channel := contract.Rules{
		Null: map[string]string{
			"bookmark": never, "observation-id": never, "last-message": "nothing has been posted yet",
			"label": made, "owner-id": made, "owner-first-name": made, "owner-last-name": made, "text-number": made,
		},
	}.Of()
	switch o.Type {
	case "messaging-channels":
		return channel
	case "messaging-messages":
		if o.Path == "/v1/messaging-messages/{id}/get-receipts/" {
			return contract.Rules{
				Null: map[string]string{"read[].ack-user-time": client, "unread[].ack-time": "has not read it", "unread[].ack-user-time": "has not read it"},
			}
		}
		return contract.Rules{
			Null: map[string]string{"phrases": silent, "sentiment": silent, "read-receipts[].ack-user-time": client},
			Empty: map[string]string{
				"attachments": never, "read-receipts": unasked, "reactions": "nobody has reacted",
			},
		}.Of()
	case "individual-profiles":
		return contract.Rules{Ours: map[string]string{"meta": "every document has it"}}
	case "org-preferences":
		return contract.Rules{Null: map[string]string{
			"created-at": "is a default, which nobody has made", "value": "has texts by locale", "value-js": "has one value",
		}}.Of()
	case "replicators":
		const ours = "what came of the polls"
		return contract.Rules{
			Null: map[string]string{"last-error": ours, "note": ours},
			Ours: map[string]string{"name": ours, "polling": ours, "last-error": ours, "note": ours, "counts": ours, "problems": ours},
		}.Of()
	case "individual-groups", "users":
		return contract.Rules{Null: map[string]string{"last-sync-time": synced}}.Of()
	}
	return contract.Rules{}
}
