-- Notification groups, what they subscribe to, and the alerts that they route.
-- +goose Up
create table notify_topics (
    id              uuid primary key,
    organization_id uuid not null,
    key             text not null,
    name            text not null,
    description     text not null default '',
    created_at      timestamptz not null,
    updated_at      timestamptz not null
);
create unique index notify_topics_key on notify_topics (organization_id, key);

create table notify_schedules (
    id              uuid primary key,
    organization_id uuid not null,
    name            text not null,
    timezone        text not null,
    hours           text not null default '[]',
    exceptions      text not null default '[]',
    metadata        text not null default '[]',
    created_at      timestamptz not null,
    updated_at      timestamptz not null
);
create unique index notify_schedules_name on notify_schedules (organization_id, name);
create index notify_schedules_list on notify_schedules (organization_id, id);

create table notify_groups (
    id              uuid primary key,
    organization_id uuid not null,
    schedule_id     uuid not null references notify_schedules (id),
    name            text not null,
    mute            text not null,
    all_sites       boolean not null,
    created_at      timestamptz not null,
    updated_at      timestamptz not null
);
create index notify_groups_list on notify_groups (organization_id, id);
create index notify_groups_schedule on notify_groups (schedule_id);

-- all_sites is the group's, so that the groups of a topic that cover every site are found without reading the others.
create table notify_group_topics (
    group_id        uuid not null references notify_groups (id) on delete cascade,
    topic_id        uuid not null references notify_topics (id) on delete cascade,
    organization_id uuid not null,
    position        integer not null,
    all_sites       boolean not null,
    primary key (group_id, topic_id)
);
create index notify_group_topics_topic on notify_group_topics (topic_id, all_sites);

create table notify_group_sites (
    group_id        uuid not null references notify_groups (id) on delete cascade,
    site_id         uuid not null,
    organization_id uuid not null,
    position        integer not null,
    primary key (group_id, site_id)
);
create index notify_group_sites_site on notify_group_sites (site_id);

create table notify_group_notifiables (
    group_id        uuid not null references notify_groups (id) on delete cascade,
    user_id         uuid not null,
    channel         text not null,
    organization_id uuid not null,
    position        integer not null,
    primary key (group_id, user_id, channel)
);
create index notify_group_notifiables_user on notify_group_notifiables (user_id);

create table notify_alerts (
    id              uuid primary key,
    organization_id uuid not null,
    topic_id        uuid not null, -- no reference: history outlives the topic
    site_id         uuid not null,
    status          text not null,
    severity        text not null,
    title           text not null,
    body            text not null default '',
    data            text not null default '{}',
    dedup_key       text not null default '',
    latest          boolean not null, -- the newest of its key; false without a key
    occurred_at     timestamptz not null,
    created_at      timestamptz not null,
    resolved_at     timestamptz
);
create index notify_alerts_list on notify_alerts (organization_id, id);
create index notify_alerts_site on notify_alerts (organization_id, site_id, id);
create unique index notify_alerts_latest on notify_alerts (organization_id, topic_id, site_id, dedup_key) where latest;
create index notify_alerts_open on notify_alerts (organization_id, topic_id, site_id, dedup_key) where status = 'open';

-- What each matching group decided. The group's name is kept because the group may be renamed or deleted.
create table notify_alert_groups (
    alert_id        uuid not null references notify_alerts (id) on delete cascade,
    group_id        uuid not null,
    organization_id uuid not null,
    position        integer not null,
    group_name      text not null,
    outcome         text not null,
    reason          text not null,
    primary key (alert_id, group_id)
);
