-- The secret that the server makes digests with. There is one, and it never changes.
-- +goose Up
create table vault_digest_keys (
    id         text primary key,
    secret     text not null, -- sealed
    created_at timestamptz not null
);
