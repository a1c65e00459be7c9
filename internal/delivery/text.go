package delivery

import (
	"context"
	"slices"
	"strings"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/transport"
)

// Keyword is what a person asks for with a text of one word.
type Keyword string

// The keywords. They are the providers' own names for them.
const (
	Stop  Keyword = "STOP"  // no more messages to this number
	Start Keyword = "START" // messages to this number again
	Help  Keyword = "HELP"  // who are you?
)

// KeywordOf returns what a text asks for, and the empty Keyword when it is a text like any other. The whole text must be
// one of the words, whatever its case, blanks, hyphens and full stops: "Stop all." asks, "please stop" is for a person to
// read.
func KeywordOf(text string) Keyword {
	if len(text) > 64 {
		return ""
	}
	word := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n-.!\"'", r) {
			return -1
		}
		return r
	}, strings.ToUpper(text))
	switch {
	case slices.Contains([]string{"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}, word):
		return Stop
	case slices.Contains([]string{"START", "YES", "UNSTOP"}, word):
		return Start
	case word == "HELP":
		return Help
	}
	return ""
}

// received is what subscribers learn of a text.
type received struct {
	Transport string `json:"transport"`
	From      string `json:"from"`
	To        string `json:"to"`
	Text      string `json:"text"`
	Keyword   string `json:"keyword"`
	UserID    id.ID  `json:"user-id"`
}

// receive takes in a text: it is stored once however often the provider repeats it, STOP and START take effect for
// everyone who has the number, and each of their organizations hears of it. A number that nobody has is only stored.
func (s *Service) receive(ctx context.Context, provider string, in transport.Inbound, now time.Time) error {
	text := Text{
		ID: id.New(), Provider: provider, ProviderID: in.ProviderID, Transport: in.Transport, From: in.From, To: in.To,
		Body: in.Text, Keyword: KeywordOf(in.Text), ReceivedAt: now,
	}
	if in.OptOut != "" {
		text.Keyword = Keyword(in.OptOut)
	}
	users, err := s.opt.Phones.UsersWithPhone(ctx, in.From)
	if err != nil {
		return err
	}
	if len(users) > 0 {
		text.OrganizationID, text.UserID = users[0].OrganizationID, users[0].ID
	}
	isNew, err := s.opt.Store.InsertText(ctx, text)
	if err != nil || !isNew {
		return err
	}
	for _, u := range users {
		ctx := actor.With(ctx, actor.System(u.OrganizationID))
		if text.Keyword == Stop || text.Keyword == Start {
			if err := s.opt.Phones.SetPhoneUnsubscribed(ctx, u.OrganizationID, u.ID, text.Keyword == Stop); err != nil {
				return err
			}
		}
		err := s.opt.Events.Record(ctx, event.Change{
			OrganizationID: u.OrganizationID, Type: EventTextReceived, Subject: text.ID,
			Data: received{string(text.Transport), text.From, text.To, text.Body, string(text.Keyword), u.ID},
		})
		if err != nil {
			return err
		}
	}
	return nil
}
