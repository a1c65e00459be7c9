-- The chain of the audit: the place of each row, the blocks that seal them, and the triggers that refuse any other change.
-- +goose Up
alter table audit add column place bigint; -- in the chain; null until a chainer comes by
alter table audit add column detail_hash bytea; -- only when a purge took the detail
alter table audit add column purge_id uuid;

-- Rows without a place are in no index but the key and this one: what writes them does not pay for the others.
create index audit_unplaced on audit (seq) where place is null;
create unique index audit_place on audit (place) where place is not null;
create unique index audit_id on audit (id) where place is not null;
create index audit_organization on audit (organization_id, at, seq) where place is not null;
create index audit_action on audit (organization_id, action, at, seq) where place is not null;
create index audit_actor on audit (organization_id, actor_id, at, seq) where place is not null and actor_id is not null;
create index audit_user on audit (organization_id, user_id, at, seq) where place is not null and user_id is not null;
create index audit_individual on audit (organization_id, as_individual_id, at, seq) where place is not null and as_individual_id is not null;
create index audit_subject on audit (organization_id, subject, at, seq) where place is not null and subject is not null;

create table audit_blocks (
    number    bigint primary key,
    first     bigint not null, -- place
    size      bigint not null,
    at        timestamptz not null,
    leaves    bytea not null, -- the hashes of its rows, one after the other
    root      bytea not null,
    previous  bytea not null,
    hash      bytea not null,
    key_id    text not null default '',
    signature bytea
);
create unique index audit_blocks_first on audit_blocks (first);

-- The end of the chain. Its lock lets one chainer work at a time.
create table audit_head (
    block bigint not null,
    place bigint not null,
    seq   bigint not null,
    hash  bytea not null
);
insert into audit_head (block, place, seq, hash) values (0, 0, 0, decode(repeat('00', 32), 'hex'));

-- How many placed rows there are.
create table audit_totals (
    organization_id uuid not null,
    action          text not null,
    total           bigint not null,
    primary key (organization_id, action)
);

-- +goose StatementBegin
create function audit_refuse() returns trigger language plpgsql as $$
begin
    raise exception 'the audit is append-only';
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
create function audit_check() returns trigger language plpgsql as $$
begin
    if (new.seq, new.id, new.organization_id, new.actor_id, new.user_id, new.as_individual_id, new.role, new.via, new.action,
            new.subject, new.at, new.request_id, new.remote_addr)
        is not distinct from
        (old.seq, old.id, old.organization_id, old.actor_id, old.user_id, old.as_individual_id, old.role, old.via, old.action,
            old.subject, old.at, old.request_id, old.remote_addr)
    and (
        old.place is null and new.place is not null
            and (new.salt, new.detail, new.detail_hash, new.purge_id) is not distinct from (old.salt, old.detail, old.detail_hash, old.purge_id)
        or new.place is not distinct from old.place and old.purge_id is null and new.purge_id is not null
            and new.detail_hash is not null and new.salt is null and new.detail = '{}'
    ) then
        return new;
    end if;
    raise exception 'the audit is append-only';
end $$;
-- +goose StatementEnd
create trigger audit_fixed before update on audit for each row execute function audit_check();
create trigger audit_kept before delete on audit for each row execute function audit_refuse();
create trigger audit_whole before truncate on audit for each statement execute function audit_refuse();
create trigger audit_blocks_kept before update or delete on audit_blocks for each row execute function audit_refuse();
create trigger audit_blocks_whole before truncate on audit_blocks for each statement execute function audit_refuse();
