-- What callers who are not subscribed to a channel want of it: administrators and machines, who see every channel.
-- +goose Up
create table conversation_marks (
    channel_id      uuid not null references channels (id) on delete cascade,
    caller_id       uuid not null, -- a user, or the key that belongs to none
    organization_id uuid not null,
    muted           boolean not null,
    pinned          boolean not null,
    opened_at       timestamptz,
    primary key (channel_id, caller_id)
);

-- For the messages of all channels, newest first.
create index messages_organization on messages (organization_id, id);
