-- The replicators of the configuration: what came of their polls, and who is at work on one. A row is one that is in the
-- configuration, or was.
-- +goose Up
create table replicators (
    id              uuid primary key,
    organization_id uuid not null references organizations (id),
    name            text not null,
    kind            text not null,
    state           text not null default '{}',
    created_at      timestamptz not null,
    last_poll_at    timestamptz,
    asked           boolean not null default false, -- a poll was asked for
    due_at          timestamptz not null,           -- or the end of the lease
    lease_id        uuid
);
create unique index replicators_name on replicators (organization_id, name);
create index replicators_due on replicators (due_at);
