-- The event log, the positions of its consumers, and the audit.
-- +goose Up
create table events (
    seq             integer primary key autoincrement, -- one writer: the order of inserting is the order of committing
    id              uuid not null,
    organization_id uuid not null,
    type            text not null,
    stream          uuid,
    stream_offset   bigint not null default 0,
    subject         uuid,
    actor_id        uuid,
    at              timestamptz not null,
    data            text not null default '{}'
);
create unique index events_stream on events (stream, stream_offset) where stream is not null;

create table consumers (
    name       text primary key,
    position   bigint not null,
    updated_at timestamptz not null
);

create table audit (
    seq             integer primary key autoincrement,
    organization_id uuid not null,
    actor_id        uuid,
    user_id         uuid,
    role            text not null default '',
    action          text not null,
    subject         uuid,
    at              timestamptz not null,
    request_id      text not null default '',
    remote_addr     text not null default '',
    detail          text not null default '{}'
);
