-- Organizations and who is in them.
-- +goose Up
create table organizations (
    id             uuid primary key,
    name           text not null,
    display_name   text not null default '',
    timezone       text not null,
    locale         text not null,
    classification text not null default '',
    provider_type  text not null default '',
    created_at     timestamptz not null,
    modified_at    timestamptz not null,
    deleted_at     timestamptz
);

create table users (
    id                    uuid primary key,
    organization_id       uuid not null references organizations (id),
    primary_individual_id uuid, -- no reference: each of the two rows names the other
    username              text not null,
    username_key          text not null, -- folded, for comparing
    email                 text not null default '',
    email_key             text not null default '',
    phone                 text not null default '',
    webhook_url           text not null default '',
    first_name            text not null default '',
    last_name             text not null default '',
    locale                text not null default '', -- empty: the organization's
    tz                    text not null default '', -- likewise
    email_verified        boolean not null,
    phone_verified        boolean not null,
    phone_unsubscribed    boolean not null,
    auto_sign_up          boolean not null,
    state                 text not null,
    sms_mode              text not null,
    notifications         text not null default '[]',
    preferences           text not null default '{}',
    last_sync_at          timestamptz,
    last_active_at        timestamptz,
    created_at            timestamptz not null,
    modified_at           timestamptz not null,
    deleted_at            timestamptz
);
create unique index users_username on users (organization_id, username_key) where deleted_at is null;
create index users_list on users (organization_id, id) where deleted_at is null;
create index users_email on users (organization_id, email_key, id) where deleted_at is null;
create index users_phone on users (phone) where deleted_at is null;

create table individuals (
    id              uuid primary key,
    organization_id uuid not null references organizations (id),
    owner_id        uuid not null,
    owner_type      text not null,
    account_type    text not null,
    first_name      text not null default '',
    last_name       text not null default '',
    preferred_name  text not null default '',
    birth_date      text not null default '',
    avatar_url      text not null default '',
    external_id     text not null default '',
    verified        boolean not null,
    created_at      timestamptz not null,
    modified_at     timestamptz not null,
    deleted_at      timestamptz
);
create index individuals_list on individuals (organization_id, id) where deleted_at is null;
create index individuals_contacts on individuals (organization_id, id)
    where deleted_at is null and owner_type = 'user' and account_type = 'participant';
create index individuals_owner on individuals (owner_id, id) where deleted_at is null and owner_type = 'user';
create unique index individuals_one_provider on individuals (owner_id)
    where deleted_at is null and owner_type = 'user' and account_type = 'provider';

create table individual_groups (
    id              uuid primary key,
    organization_id uuid not null references organizations (id),
    parent_id       uuid references individual_groups (id),
    name            text not null,
    description     text not null default '',
    avatar_url      text not null default '',
    archived_at     timestamptz,
    last_sync_at    timestamptz,
    created_at      timestamptz not null,
    modified_at     timestamptz not null,
    deleted_at      timestamptz
);
create index individual_groups_list on individual_groups (organization_id, id) where deleted_at is null;
create index individual_groups_archived on individual_groups (organization_id, id) where deleted_at is null and archived_at is not null;
create index individual_groups_parent on individual_groups (parent_id);

-- Only individuals and groups that are not deleted have rows here.
create table individual_group_members (
    group_id        uuid not null references individual_groups (id) on delete cascade,
    individual_id   uuid not null references individuals (id) on delete cascade,
    organization_id uuid not null,
    leader          boolean not null,
    primary key (group_id, individual_id)
);
create index individual_group_members_individual on individual_group_members (individual_id, group_id);

create table sites (
    id              uuid primary key,
    organization_id uuid not null references organizations (id),
    name            text not null,
    address         text not null default '',
    timezone        text not null,
    tags            text not null default '[]',
    metadata        text not null default '{}',
    created_at      timestamptz not null,
    modified_at     timestamptz not null,
    deleted_at      timestamptz
);
create index sites_list on sites (organization_id, id) where deleted_at is null;

-- The words of names, for finding individuals and groups by how a word begins. Bytes, because texts are not ordered alike
-- by all databases.
create table directory_words (
    organization_id uuid not null,
    kind            text not null, -- individual, group
    word            bytea not null,
    record_id       uuid not null,
    primary key (organization_id, kind, word, record_id)
);
create index directory_words_record on directory_words (record_id);

-- How many records a list has. Counting a million of them for each page would take longer than the page. Each count is
-- spread over shards, so that writers seldom wait for each other.
create table directory_counts (
    organization_id uuid not null,
    kind            text not null, -- user, individual, group
    shard           integer not null,
    count           bigint not null,
    primary key (organization_id, kind, shard)
);
