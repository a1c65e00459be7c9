-- Purges with how far they have come, what is left in the place of the purged, and what may not be purged.
-- +goose Up
create table purges (
    id              uuid primary key,
    organization_id uuid not null, -- no reference: the proof outlives the organization
    entity_type     text not null,
    entity_id       uuid not null,
    reference_id    text not null default '',
    request_id      text not null default '',
    archive         boolean not null,
    state           text not null, -- requested, running, completed, failed
    key_id          uuid,
    user_id         uuid,
    subjects        text not null default '[]',
    stage           text not null,
    subject         integer not null default 0, -- how many of the subjects are done
    progress        text not null default '{}',
    counts          text not null default '{}',
    archived        text not null default '{}',
    failure         text not null default '',
    report          text not null default '',
    lease_id        uuid,
    lease_until     timestamptz,
    created_at      timestamptz not null,
    started_at      timestamptz,
    finished_at     timestamptz
);
create index purges_organization on purges (organization_id, id);
create index purges_open on purges (id) where state in ('requested', 'running');
create unique index purges_request on purges (organization_id, request_id) where request_id <> '';
create unique index purges_one on purges (entity_id) where state in ('requested', 'running');

create table tombstones (
    id              uuid primary key, -- of what was purged
    organization_id uuid not null,
    entity_type     text not null,
    purge_id        uuid not null,
    purged_at       timestamptz not null
);
create index tombstones_organization on tombstones (organization_id, id);

create table legal_holds (
    id              uuid primary key,
    organization_id uuid not null,
    entity_type     text not null,
    entity_id       uuid not null,
    reason          text not null,
    created_by      uuid,
    created_at      timestamptz not null,
    ends_at         timestamptz
);
create index legal_holds_organization on legal_holds (organization_id, id);
