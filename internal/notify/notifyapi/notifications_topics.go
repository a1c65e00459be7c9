package notifyapi

import (
	"context"

	"switchboard/internal/notify"
	"switchboard/internal/web"
	"switchboard/internal/web/plainjson"
)

// Topics are the endpoints of what events can be about.
type Topics struct{ notify *notify.Service }

type topic struct {
	ID          topicID `json:"id" nullable:"false"`
	Key         string  `json:"key"`
	Name        string  `json:"name"`
	Description *string `json:"description"`
}

type newTopic struct {
	Key         string `json:"key" minLength:"1" maxLength:"64" doc:"Lower-case letters and digits with single hyphens between; unique"`
	Name        string `json:"name" minLength:"1" maxLength:"100"`
	Description string `json:"description,omitempty" maxLength:"1000"`
}

type topicChange struct {
	ID          web.Echo `json:"id,omitzero"`
	Key         string   `json:"key,omitempty" maxLength:"64" doc:"Absent: as it was. That of a built-in topic never changes"`
	Name        string   `json:"name" minLength:"1" maxLength:"100"`
	Description string   `json:"description,omitempty" maxLength:"1000"`
}

type byTopic struct {
	ID topicID `path:"id"`
}

// Mount registers the endpoints.
func (h *Topics) Mount(r *plainjson.Router) {
	plainjson.List(r, "GET /topics", h.list)
	plainjson.Create(r, "POST /topics", h.create)
	plainjson.Get(r, "GET /topics/{id}", h.get)
	plainjson.Update(r, "PUT /topics/{id}", h.update)
	plainjson.Delete(r, "DELETE /topics/{id}", h.delete, web.Doc("Also takes the topic out of the notification groups. Built-in topics stay."))
}

func encodeTopic(t notify.Topic) topic {
	return topic{plainjson.Of[ofTopic](t.ID), t.Key, t.Name, orNull(t.Description)}
}

func (h *Topics) list(ctx context.Context, _ *struct{}) ([]topic, error) {
	topics, err := h.notify.ListTopics(ctx)
	out := make([]topic, len(topics))
	for i, t := range topics {
		out[i] = encodeTopic(t)
	}
	return out, err
}

func (h *Topics) create(ctx context.Context, in newTopic) (topic, error) {
	t, err := h.notify.CreateTopic(ctx, notify.TopicParams(in))
	return encodeTopic(t), err
}

func (h *Topics) get(ctx context.Context, in *byTopic) (topic, error) {
	t, err := h.notify.GetTopic(ctx, in.ID.ID)
	return encodeTopic(t), err
}

func (h *Topics) update(ctx context.Context, i topicID, in topicChange) (topic, error) {
	t, err := h.notify.UpdateTopic(ctx, i.ID, notify.TopicParams{Key: in.Key, Name: in.Name, Description: in.Description})
	return encodeTopic(t), err
}

func (h *Topics) delete(ctx context.Context, i topicID) error { return h.notify.DeleteTopic(ctx, i.ID) }
