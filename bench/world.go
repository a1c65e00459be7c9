package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// api calls the server as an administrator, for what is not measured.
type api struct{ host, key string }

const jsonType = "application/json"

// call sends body as JSON and decodes the answer into out, which may be nil.
func (a api) call(ctx context.Context, method, path string, body, out any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+a.host+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+a.key)
	if body != nil {
		r.Header.Set("Content-Type", jsonType)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s %s answered %d: %s", method, path, answer.StatusCode, text)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

// create makes a record of the courier API and returns its id.
func (a api) create(ctx context.Context, resource string, attributes map[string]any) (string, error) {
	var made struct {
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	body := map[string]any{"data": map[string]any{"type": resource, "attributes": attributes}}
	err := a.call(ctx, http.MethodPost, "/v1/"+resource+"/", body, &made)
	return made.Data.ID, err
}

// make makes a record of the notification groups API and returns its id.
func (a api) make(ctx context.Context, path string, body map[string]any) (string, error) {
	var made struct {
		ID string `json:"id"`
	}
	err := a.call(ctx, http.MethodPost, path, body, &made)
	return made.ID, err
}

// world is what the load needs to be there.
type world struct {
	api
	service  string   // key of the machine that posts
	channels []string // one for each connection, each with four subscribers
	topic    string
	site     string
}

// connections is how many clients post at once.
const connections = 16

func (a api) person(ctx context.Context, kind string, n int) (user, individual string, err error) {
	name := fmt.Sprintf("%s-%03d", kind, n)
	var made struct {
		Data struct {
			ID         string `json:"id"`
			Attributes struct {
				Individual string `json:"primary-individual-id"`
			} `json:"attributes"`
		} `json:"data"`
	}
	body := map[string]any{"data": map[string]any{"type": "users", "attributes": map[string]any{
		"username": name, "email": name + "@sink.test", "email-verified": true, "first-name": kind, "last-name": name, "account-type": kind,
	}}}
	err = a.call(ctx, http.MethodPost, "/v1/users/", body, &made)
	return made.Data.ID, made.Data.Attributes.Individual, err
}

// furnish makes 100 people who are told of events, and channels with a care team and a participant each.
func (w *world) furnish(ctx context.Context) error {
	var leaders, participants, notifiables []any
	for i := range people {
		kind := "participant"
		if i < 3 {
			kind = "provider"
		}
		user, individual, err := w.person(ctx, kind, i)
		if err != nil {
			return err
		}
		notifiables = append(notifiables, map[string]any{"id": user, "channel": "email"})
		if i < 3 {
			leaders = append(leaders, individual)
		} else {
			participants = append(participants, individual)
		}
	}
	group, err := w.create(ctx, "individual-groups", map[string]any{"name": "Bench", "leader-ids": leaders, "individual-ids": participants})
	if err != nil {
		return err
	}
	for i := range connections {
		channel, err := w.create(ctx, "messaging-channels", map[string]any{
			"individual-group-id": group, "individual-ids": participants[i : i+1], "name": fmt.Sprintf("Bench %d", i),
		})
		if err != nil {
			return err
		}
		w.channels = append(w.channels, channel)
	}
	return w.route(ctx, notifiables)
}

// route makes the notification group that every event goes to.
func (w *world) route(ctx context.Context, notifiables []any) (err error) {
	if w.site, err = w.make(ctx, "/sites", map[string]any{"name": "Bench"}); err != nil {
		return err
	}
	var topics []struct {
		ID string `json:"id"`
	}
	if err := w.call(ctx, http.MethodGet, "/topics", nil, &topics); err != nil {
		return err
	}
	w.topic = topics[0].ID
	schedule, err := w.make(ctx, "/chrono/schedules", map[string]any{"name": "Never", "hours": []any{}})
	if err != nil {
		return err
	}
	_, err = w.make(ctx, "/notifications", map[string]any{
		"name": "Bench", "schedule_id": schedule, "mute": "never", "topics": []any{w.topic}, "sites": []any{}, "notifiables": notifiables,
	})
	return err
}

// posts are the requests that post a message, one for each connection; all go to one channel when alone is true.
func (w *world) posts(alone bool) []request {
	out := make([]request, connections)
	for i := range out {
		channel := w.channels[i]
		if alone {
			channel = w.channels[0]
		}
		body := fmt.Sprintf(`{"data":{"type":"messaging-messages","attributes":{"channel-id":%q,"message":%q}}}`, channel, bareText)
		out[i] = newRequest(w.host, "POST", "/v1/messaging-messages/", w.service, jsonType, body)
	}
	return out
}

// events are the requests that report an event, one for each connection.
func (w *world) events() []request {
	out := make([]request, connections)
	for i := range out {
		body := fmt.Sprintf(`{"topic":%q,"site":%q,"severity":"low","title":"Bench %s","body":"Nothing has happened."}`, w.topic, w.site, numberMark)
		out[i] = newRequest(w.host, "POST", "/events", w.service, jsonType, body)
	}
	return out
}

// planned is how many deliveries are in the ledger.
func (w *world) planned(ctx context.Context) (int, error) {
	var list struct {
		Meta map[string]int `json:"meta"`
	}
	err := w.call(ctx, http.MethodGet, "/v1/deliveries/?page[limit]=1", nil, &list)
	return list.Meta["page[total]"], err
}
