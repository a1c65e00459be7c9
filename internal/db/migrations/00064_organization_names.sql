-- For finding an organization by its name, as tokens of identity providers give it.
-- +goose Up
create index organizations_name on organizations (lower(name), id) where deleted_at is null;
