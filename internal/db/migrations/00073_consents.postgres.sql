-- Who has agreed to be texted: the consents, and the ledger that proves them.
-- +goose Up

-- What hashes of telephone numbers are keyed with; made once, here.
create table consent_secret (
    secret text not null -- 32 bytes, hexadecimal
);
insert into consent_secret (secret) values (replace(cast(gen_random_uuid() as text) || cast(gen_random_uuid() as text), '-', ''));

-- Numbers that people wrote from. A number is the person's and not an organization's, so these rows have none.
create table consent_numbers (
    number_hash text primary key,
    stopped     boolean not null,
    changed_at  timestamptz
);

create table consents (
    id              uuid primary key,
    organization_id uuid not null,
    user_id         uuid not null,
    type            text not null,
    state           text not null,
    messages        text not null default '{}',
    language        text not null default '',
    number          text not null default '', -- empty once it was purged
    number_hash     text not null,
    reminded        boolean not null,
    stopped         boolean not null,
    invited_at      timestamptz,
    entries         integer not null, -- how many the ledger has
    head            text not null,    -- the hash of the newest
    created_at      timestamptz not null,
    modified_at     timestamptz not null
);
create unique index consents_live on consents (user_id, type) where state in ('pending', 'accepted');
create index consents_user on consents (user_id, id);
create index consents_number on consents (number_hash, id);
create index consents_organization on consents (organization_id, id);

-- How many consents an organization has, spread over shards; counting a million for each page would take too long.
create table consent_counts (
    organization_id uuid not null,
    shard           integer not null,
    count           bigint not null,
    primary key (organization_id, shard)
);

create table consent_entries (
    consent_id      uuid not null,
    entry           integer not null, -- from 1
    organization_id uuid not null,
    sealed          text not null, -- JSON, exactly as it was hashed
    hash            text not null,
    personal        text not null default '', -- JSON; empty once it was purged
    salt            text not null default '', -- of the digest of personal that is sealed
    primary key (consent_id, entry)
);

-- Entries are never deleted. Only their personal part is ever blanked, and what is blank can be brought back: the digest that
-- is sealed tells whether it is the same.
-- +goose StatementBegin
create function consent_entries_refuse() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and (new.personal = '' or old.personal = '')
        and (new.consent_id, new.entry, new.organization_id, new.sealed, new.hash)
            is not distinct from (old.consent_id, old.entry, old.organization_id, old.sealed, old.hash) then
        return new;
    end if;
    raise exception 'entries of the consent ledger are never deleted or changed, only blanked';
end
$$;
-- +goose StatementEnd
create trigger consent_entries_append_only before update or delete on consent_entries
    for each row execute function consent_entries_refuse();
create trigger consent_entries_kept before truncate on consent_entries
    for each statement execute function consent_entries_refuse();
