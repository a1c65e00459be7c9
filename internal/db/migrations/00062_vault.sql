-- What the server knows of the keys that its secrets are sealed with, and the keys that it signs with.
-- +goose Up
create table vault_keys (
    id          text primary key,
    proof       text not null, -- a sealed constant: whoever opens it holds the key
    retired     boolean not null, -- another key seals now
    created_at  timestamptz not null,
    retired_at  timestamptz
);
create unique index vault_keys_current on vault_keys (retired) where not retired;

-- The columns of which everything is sealed; those that are not here yet are gone over when the server starts.
create table vault_columns (
    name text primary key
);

create table vault_signing_keys (
    id          text primary key,
    public_key  text not null,
    private_key text not null default '', -- sealed; empty once the key is retired
    retired     boolean not null,
    created_at  timestamptz not null
);
create unique index vault_signing_keys_current on vault_signing_keys (retired) where not retired;

-- The records that an answer names, because what is in a sealed answer cannot be looked for.
alter table idempotency_keys add column about text not null default '';
