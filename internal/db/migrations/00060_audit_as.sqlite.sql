-- As whom each act was done, how the caller was known, and what the chain of the audit needs of a row.
-- +goose Up
alter table audit add column id uuid;
alter table audit add column as_individual_id uuid;
alter table audit add column via text not null default '';
alter table audit add column salt blob; -- of the hash of detail; gone with the detail when a purge takes that
update audit set id = lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-a' ||
    substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)));
