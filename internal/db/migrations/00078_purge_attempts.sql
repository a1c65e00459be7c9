-- How often in a row a purge could not go on, which says how long it waits.
-- +goose Up
alter table purges add column failed_attempts integer not null default 0;
