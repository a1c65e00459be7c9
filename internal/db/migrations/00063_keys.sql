-- Several secrets of a key, so that it can be rotated while it is used, and the tokens of users.
-- +goose Up
create table api_key_secrets (
    id           uuid primary key,
    key_id       uuid not null references api_keys (id) on delete cascade,
    secret_hash  text not null,
    created_at   timestamptz not null,
    expires_at   timestamptz, -- none: with the key
    last_used_at timestamptz
);
create index api_key_secrets_key on api_key_secrets (key_id, id);
create index api_key_secrets_expiry on api_key_secrets (expires_at) where expires_at is not null;

-- A key has one secret so far; it takes the identifier of the key, which is free in the new table.
insert into api_key_secrets (id, key_id, secret_hash, created_at, last_used_at)
    select id, id, secret_hash, created_at, last_used_at from api_keys;
alter table api_keys drop column secret_hash;
alter table access_tokens add column secret_id uuid;

create table user_tokens (
    id              uuid primary key,
    organization_id uuid not null,
    user_id         uuid not null,
    key_id          uuid not null references api_keys (id) on delete cascade,
    scopes          text not null default '[]',
    secret_hash     text not null,
    created_at      timestamptz not null,
    expires_at      timestamptz not null
);
create unique index user_tokens_secret on user_tokens (secret_hash);
create index user_tokens_user on user_tokens (organization_id, user_id, id);
create index user_tokens_expiry on user_tokens (expires_at);
