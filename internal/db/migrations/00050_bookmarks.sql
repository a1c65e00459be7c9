-- Which messages individuals marked for themselves.
-- +goose Up
create table bookmarks (
    id              uuid primary key,
    organization_id uuid not null,
    channel_id      uuid not null references channels (id) on delete cascade,
    message_id      uuid not null references messages (id) on delete cascade,
    individual_id   uuid not null,
    created_at      timestamptz not null,
    unique (message_id, individual_id)
);
create index bookmarks_channel on bookmarks (channel_id, individual_id, id);
create index bookmarks_individual on bookmarks (individual_id, id);
create index bookmarks_organization on bookmarks (organization_id, id);
