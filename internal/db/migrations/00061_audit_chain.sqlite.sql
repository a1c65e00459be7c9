-- The chain of the audit: the place of each row, the blocks that seal them, and the triggers that refuse any other change.
-- +goose Up
alter table audit add column place bigint; -- in the chain; null until a chainer comes by
alter table audit add column detail_hash blob; -- only when a purge took the detail
alter table audit add column purge_id uuid;

-- Rows without a place are in no index but the key: what writes them pays for none of these.
create unique index audit_place on audit (place) where place is not null;
create unique index audit_id on audit (id) where place is not null;
create index audit_organization on audit (organization_id, at) where place is not null;
create index audit_action on audit (organization_id, action, at) where place is not null;
create index audit_actor on audit (organization_id, actor_id, at) where place is not null and actor_id is not null;
create index audit_user on audit (organization_id, user_id, at) where place is not null and user_id is not null;
create index audit_individual on audit (organization_id, as_individual_id, at) where place is not null and as_individual_id is not null;
create index audit_subject on audit (organization_id, subject, at) where place is not null and subject is not null;

create table audit_blocks (
    number    bigint primary key,
    first     bigint not null, -- place
    size      bigint not null,
    at        timestamptz not null,
    leaves    blob not null, -- the hashes of its rows, one after the other
    root      blob not null,
    previous  blob not null,
    hash      blob not null,
    key_id    text not null default '',
    signature blob
);
create unique index audit_blocks_first on audit_blocks (first);

-- The end of the chain.
create table audit_head (
    block bigint not null,
    place bigint not null,
    seq   bigint not null,
    hash  blob not null
);
insert into audit_head (block, place, seq, hash) values (0, 0, 0, zeroblob(32));

-- How many placed rows there are.
create table audit_totals (
    organization_id uuid not null,
    action          text not null,
    total           bigint not null,
    primary key (organization_id, action)
);

-- +goose StatementBegin
create trigger audit_kept before delete on audit begin
    select raise(abort, 'the audit is append-only');
end;
-- +goose StatementEnd
-- +goose StatementBegin
create trigger audit_fixed before update on audit
when not (
    (new.seq, new.id, new.organization_id, new.role, new.via, new.action, new.at, new.request_id, new.remote_addr)
        = (old.seq, old.id, old.organization_id, old.role, old.via, old.action, old.at, old.request_id, old.remote_addr)
    and new.actor_id is old.actor_id and new.user_id is old.user_id and new.as_individual_id is old.as_individual_id
    and new.subject is old.subject
    and (
        old.place is null and new.place is not null and new.salt is old.salt and new.detail = old.detail
            and new.detail_hash is old.detail_hash and new.purge_id is old.purge_id
        or new.place is old.place and old.purge_id is null and new.purge_id is not null and new.detail_hash is not null
            and new.salt is null and new.detail = '{}'
    )
) begin
    select raise(abort, 'the audit is append-only');
end;
-- +goose StatementEnd
-- +goose StatementBegin
create trigger audit_blocks_kept before delete on audit_blocks begin
    select raise(abort, 'the audit is append-only');
end;
-- +goose StatementEnd
-- +goose StatementBegin
create trigger audit_blocks_fixed before update on audit_blocks begin
    select raise(abort, 'the audit is append-only');
end;
-- +goose StatementEnd
