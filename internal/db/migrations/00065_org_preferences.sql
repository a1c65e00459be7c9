-- What organizations have set, and the photos of individuals.
-- +goose Up
create table org_preferences (
    organization_id uuid not null references organizations (id),
    name            text not null,
    type            text not null,
    value           text not null default '',
    value_js        text not null default '',
    created_at      timestamptz not null,
    primary key (organization_id, name)
);

create table individual_photos (
    individual_id   uuid primary key references individuals (id) on delete cascade,
    organization_id uuid not null,
    media_type      text not null,
    photo           bytea not null,
    modified_at     timestamptz not null
);
