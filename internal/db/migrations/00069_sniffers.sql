-- What one user asks and is answered, recorded for a while. Without secrets; but it holds what people say to each other.
-- +goose Up
create table sniffers (
    id              uuid primary key,
    organization_id uuid not null,
    user_id         uuid not null,
    created_at      timestamptz not null,
    valid_until     timestamptz not null,
    log_count       bigint not null default 0
);
create index sniffers_end on sniffers (valid_until);
create index sniffers_organization on sniffers (organization_id, id);
create index sniffers_user on sniffers (user_id, id);

create table sniffer_logs (
    id              uuid primary key,
    organization_id uuid not null,
    sniffer_id      uuid not null references sniffers (id) on delete cascade,
    created_at      timestamptz not null,
    method          text not null,
    path            text not null,
    query_string    text not null,
    user_agent      text not null,
    content_type    text not null,
    body            text not null,
    response        text not null,
    status          integer not null,
    request_id      text not null,
    trace_id        text not null,
    message         text not null
);
create index sniffer_logs_sniffer on sniffer_logs (sniffer_id, id);
