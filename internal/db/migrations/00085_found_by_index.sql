-- +goose Up
-- A list of deliveries is read along its organization. By the key alone a small organization's page reads what a large
-- neighbour has sent since. A new row stands at the end of it and does not move with its state.
create index deliveries_organization on deliveries (organization_id, id);

-- What ends with a key is found by it.
create index access_tokens_key on access_tokens (key_id);

-- What waits for its delivery is a handful among all that was ever reported.
create index delivery_callbacks_waiting on delivery_callbacks (received_at, id) where not settled;

-- +goose Down
drop index delivery_callbacks_waiting;
drop index access_tokens_key;
drop index deliveries_organization;
