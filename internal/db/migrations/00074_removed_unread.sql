-- What was removed is unread to nobody. Of subscribers who had not read such a message when it was removed, what need not be
-- read beyond their mark is counted again.
-- +goose Up
update subscribers set exempt_after = (select count(*) from messages m
    where m.channel_id = subscribers.channel_id and m.seq > subscribers.read_seq and not m.draft and m.source <> 'system'
    and (m.removed_at is not null or m.individual_id = subscribers.individual_id
        or m.auto_ack = subscribers.side or m.auto_ack = 'all'))
where exists (select 1 from messages m
    where m.channel_id = subscribers.channel_id and m.seq > subscribers.read_seq and not m.draft and m.source <> 'system'
    and m.removed_at is not null);

-- +goose Down
update subscribers set exempt_after = (select count(*) from messages m
    where m.channel_id = subscribers.channel_id and m.seq > subscribers.read_seq and not m.draft
    and (m.individual_id = subscribers.individual_id or m.auto_ack = subscribers.side or m.auto_ack = 'all'))
where exists (select 1 from messages m
    where m.channel_id = subscribers.channel_id and m.seq > subscribers.read_seq and not m.draft and m.source <> 'system'
    and m.removed_at is not null);
