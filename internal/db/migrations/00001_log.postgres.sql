-- The event log, the positions of its consumers, and the audit.
-- +goose Up
create table events (
    row_id          bigint generated always as identity primary key,
    seq             bigint, -- given by the sequencer after the commit; see package eventlog
    id              uuid not null,
    organization_id uuid not null,
    type            text not null,
    stream          uuid,
    stream_offset   bigint not null default 0,
    subject         uuid,
    actor_id        uuid,
    at              timestamptz not null,
    data            text not null default '{}'
) with (fillfactor = 80);
create unique index events_seq on events (seq);
create index events_unsequenced on events (row_id) where seq is null;
create unique index events_stream on events (stream, stream_offset) where stream is not null;

-- The newest seq given. Its row lock lets one sequencer work at a time.
create table event_head (
    seq bigint not null
);
insert into event_head (seq) values (0);

create table consumers (
    name       text primary key,
    position   bigint not null,
    updated_at timestamptz not null
);

create table audit (
    seq             bigint generated always as identity primary key,
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
