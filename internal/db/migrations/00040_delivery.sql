-- The ledger of deliveries, which is also the queue of them.
-- +goose Up

-- What deliveries say, stored once for all of them.
create table delivery_contents (
    id              uuid primary key,
    organization_id uuid not null,
    source_type     text not null,
    source_id       uuid not null,
    title           text not null default '',
    body            text not null default '',
    data            text not null default '{}',
    urgent          boolean not null default false,
    followed        boolean not null default false,
    expires_at      timestamptz,
    at              timestamptz,
    deliveries      bigint not null, -- how many were enqueued with it
    created_at      timestamptz not null
);
create index delivery_contents_source on delivery_contents (source_id, source_type);
create index delivery_contents_total on delivery_contents (organization_id, deliveries);

-- Fan-out inserts tens of thousands of rows at a time, so each index that a new row stands in must be worth it: the key,
-- by content, by user and the queue. The others hold few rows.
create table deliveries (
    id              uuid primary key,
    organization_id uuid not null,
    content_id      uuid not null references delivery_contents (id) on delete cascade,
    group_id        uuid,
    user_id         uuid,
    individual_id   uuid,
    transport       text not null,
    state           text not null,
    reason          text not null default '',
    address         text not null default '',
    due_at          timestamptz, -- also the end of the lease while there is one; null when nothing is to be done
    lease_id        uuid,
    attempts        integer not null default 0,
    provider        text not null default '',
    provider_id     text not null default '',
    sent_at         timestamptz,
    created_at      timestamptz not null,
    updated_at      timestamptz not null
);
create index deliveries_queue on deliveries (transport, due_at) where due_at is not null;
create index deliveries_content on deliveries (content_id);
create index deliveries_user on deliveries (user_id);
create index deliveries_individual on deliveries (individual_id) where individual_id is not null;
create index deliveries_failed on deliveries (organization_id, id) where state = 'failed';

create table delivery_attempts (
    delivery_id uuid not null references deliveries (id) on delete cascade,
    id          uuid not null,
    provider    text not null default '',
    address     text not null default '',
    started_at  timestamptz not null,
    finished_at timestamptz,
    outcome     text not null,
    reason      text not null default '',
    code        text not null default '',
    provider_id text not null default '',
    detail      text not null default '',
    primary key (delivery_id, id)
);
create index delivery_attempts_provider on delivery_attempts (provider_id) where provider_id <> '';

-- News from providers, as it came. Rows without a delivery wait for the answer that tells whose they are.
create table delivery_callbacks (
    id              uuid primary key,
    organization_id uuid,
    delivery_id     uuid references deliveries (id) on delete cascade,
    provider        text not null,
    provider_id     text not null default '',
    state           text not null,
    reason          text not null default '',
    retry           boolean not null default false,
    code            text not null default '',
    detail          text not null default '',
    received_at     timestamptz not null,
    settled         boolean not null default false
);
create index delivery_callbacks_delivery on delivery_callbacks (delivery_id) where delivery_id is not null;
create index delivery_callbacks_pending on delivery_callbacks (provider_id) where not settled;

-- Texts that people sent to our addresses; each once, however often its provider repeats it.
create table delivery_texts (
    id              uuid primary key,
    organization_id uuid,
    user_id         uuid,
    provider        text not null,
    provider_id     text not null,
    transport       text not null,
    sender          text not null,
    recipient       text not null,
    body            text not null default '',
    keyword         text not null default '',
    received_at     timestamptz not null
);
create unique index delivery_texts_provider on delivery_texts (provider, provider_id) where provider_id <> '';
