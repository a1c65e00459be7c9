-- +goose Up
-- What finds the rows that are about one person, which exports and purges ask for and nothing else does.
create index events_subject on events (subject) where stream is null and subject is not null;
create index messages_author on messages (individual_id, id) where individual_id is not null;
create index messages_announcements on messages (organization_id, id) where source = 'system';
create index acks_individual on acks (individual_id);
create index reactions_individual on reactions (individual_id);
create index conversation_marks_caller on conversation_marks (caller_id);
create index delivery_texts_user on delivery_texts (user_id) where user_id is not null;
create index individuals_owned on individuals (owner_id) where owner_type = 'user'; -- those deleted as well
