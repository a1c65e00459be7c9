-- Why a delivery was taken back from its recipient, so that no attempt follows one that was being made then.
-- +goose Up
alter table deliveries add column withdrawn text not null default '';

-- +goose Down
alter table deliveries drop column withdrawn;
