-- API keys, the tokens they are exchanged for, and the answers kept for Idempotency-Key.
-- +goose Up
create table api_keys (
    id              uuid primary key,
    organization_id uuid not null,
    user_id         uuid,
    name            text not null default '',
    role            text not null,
    scopes          text not null default '[]',
    secret_hash     text not null,
    created_at      timestamptz not null,
    expires_at      timestamptz,
    revoked_at      timestamptz,
    last_used_at    timestamptz
);
create index api_keys_organization on api_keys (organization_id, id);

create table access_tokens (
    secret_hash text primary key,
    key_id      uuid not null references api_keys (id) on delete cascade,
    scopes      text not null default '[]',
    created_at  timestamptz not null,
    expires_at  timestamptz not null
);
create index access_tokens_expiry on access_tokens (expires_at);

create table idempotency_keys (
    organization_id uuid not null,
    key_id          uuid not null,
    route           text not null,
    idempotency_key text not null,
    request_hash    text not null,
    status          integer not null,
    header          text not null default '{}',
    body            text not null,
    created_at      timestamptz not null,
    primary key (organization_id, key_id, route, idempotency_key)
);
create index idempotency_keys_age on idempotency_keys (created_at);
