-- Conversations: channels, who is in them, what was said, who has read it.
-- +goose Up
create table channels (
    id                uuid primary key,
    organization_id   uuid not null,
    group_id          uuid,
    participant_id    uuid,
    purpose           text not null default '',
    live_key          text not null default '', -- of the channels that share one, at most one is not archived
    owner_id          uuid,
    created_by        uuid,
    name              text not null default '',
    label             text not null default '',
    subscription_type text not null,
    floating          boolean not null,
    events_enabled    boolean not null,
    text_number_id    uuid,
    pinned_message_id uuid,
    last_message_id   uuid,
    message_seq       bigint not null default 0, -- messages posted by somebody
    system_count      bigint not null default 0, -- messages posted by the server itself
    stream_offset     bigint not null default 0, -- entries of the channel's stream in the event log
    created_at        timestamptz not null,
    modified_at       timestamptz not null,
    active_at         timestamptz not null,
    archived_at       timestamptz
);
create index channels_organization on channels (organization_id, id);
create index channels_group on channels (group_id, id);
create index channels_participant on channels (participant_id, id);
create unique index channels_live on channels (organization_id, live_key) where live_key <> '' and archived_at is null;

create table subscribers (
    channel_id      uuid not null references channels (id) on delete cascade,
    individual_id   uuid not null,
    organization_id uuid not null,
    origin          text not null,
    side            text not null,
    notify          text not null default 'all',
    pinned          boolean not null default false,
    joined_at       timestamptz not null,
    joined_seq      bigint not null,
    read_seq        bigint not null,
    exempt_after    bigint not null default 0, -- messages beyond read_seq that are never unread to this subscriber
    opened_at       timestamptz,
    primary key (channel_id, individual_id)
);
create index subscribers_individual on subscribers (individual_id, channel_id);

create table messages (
    id              uuid primary key,
    organization_id uuid not null,
    channel_id      uuid not null references channels (id) on delete cascade,
    seq             bigint not null, -- the place; of a draft 9223372036854775807
    individual_id   uuid,
    created_by      uuid,
    source          text not null,
    text            text not null default '',
    draft           boolean not null,
    auto_ack        text not null default '',
    destinations    text not null default '[]',
    edits           integer not null default 0,
    created_at      timestamptz not null,
    modified_at     timestamptz not null,
    posted_at       timestamptz,
    written_at      timestamptz not null,
    removed_at      timestamptz,
    removed_by      uuid
);
create index messages_place on messages (channel_id, seq, id);

-- The texts that a message had before it was edited.
create table message_versions (
    message_id      uuid not null references messages (id) on delete cascade,
    version         integer not null,
    organization_id uuid not null,
    text            text not null,
    written_at      timestamptz not null,
    primary key (message_id, version)
);

-- What a subscriber acknowledged, one row an action: the messages from from_seq to to_seq. The rows of one subscriber do
-- not overlap.
create table acks (
    channel_id      uuid not null references channels (id) on delete cascade,
    individual_id   uuid not null,
    to_seq          bigint not null,
    from_seq        bigint not null,
    organization_id uuid not null,
    acked_at        timestamptz not null,
    user_time       timestamptz,
    primary key (channel_id, individual_id, to_seq)
);

create table reactions (
    message_id      uuid not null references messages (id) on delete cascade,
    individual_id   uuid not null,
    name            text not null,
    organization_id uuid not null,
    created_at      timestamptz not null,
    primary key (message_id, individual_id, name)
);
