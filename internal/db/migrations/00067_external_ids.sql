-- What other systems call the records of the directory, and what they last said of them.
-- +goose Up
create table external_ids (
    record_id       uuid not null, -- a user or an individual-group
    source          text not null,
    organization_id uuid not null references organizations (id),
    kind            text not null, -- user, group
    external_id     text not null default '', -- a pushing source may give none
    document        text not null default '{}', -- what the source last said, in its own words
    created_at      timestamptz not null,
    synced_at       timestamptz not null,
    primary key (record_id, source)
);
create unique index external_ids_name on external_ids (organization_id, source, kind, external_id) where external_id <> '';

-- For finding a group by its whole name.
create index individual_groups_name on individual_groups (organization_id, lower(name), id) where deleted_at is null;
