package vaultdb

import "switchboard/internal/db/personal"

// Personal declares the vault's tables: nothing in them is about anybody.
func Personal() []personal.Table {
	const (
		servers = "the server's own"
		keys    = "keys are backed up with the key file"
	)
	return []personal.Table{
		{Name: "vault_keys", Key: "id", Plain: "id proof retired created_at retired_at", Others: servers, Withheld: keys},
		{Name: "vault_columns", Key: "name", Plain: "name", Others: servers, Withheld: servers},
		{Name: "vault_digest_keys", Key: "id", Plain: "id secret created_at", Others: servers, Withheld: keys},
		{Name: "vault_signing_keys", Key: "id", Plain: "id public_key private_key retired created_at", Others: servers, Withheld: keys},
	}
}
