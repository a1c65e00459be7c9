package messagingdb

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/page"
)

const messageColumns = `id, organization_id, channel_id, seq, individual_id, created_by, source, text, draft, auto_ack, destinations,
	edits, created_at, modified_at, posted_at, written_at, removed_at, removed_by`

func scanMessage(r db.Row) (messaging.Message, error) {
	var m messaging.Message
	err := r.Scan(&m.ID, &m.OrganizationID, &m.ChannelID, &m.Seq, &m.AuthorID, &m.CreatedBy, (*string)(&m.Source), &m.Text, &m.Draft,
		(*string)(&m.AutoAck), db.JSON{V: &m.Destinations}, &m.Edits, &m.CreatedAt, &m.ModifiedAt, &m.PostedAt, &m.WrittenAt,
		&m.RemovedAt, &m.RemovedBy)
	if len(m.Destinations) == 0 {
		m.Destinations = nil
	}
	return m, err
}

const insertMessage = "insert into messages (" + messageColumns + ") values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18)"

// InsertMessage implements messaging.Store.
func (s *Store) InsertMessage(ctx context.Context, m messaging.Message) error {
	var wanted any = "[]"
	if len(m.Destinations) > 0 {
		wanted = db.JSON{V: m.Destinations}
	}
	return s.db.Q(ctx).Defer(ctx, insertMessage, m.ID, m.OrganizationID, m.ChannelID, m.Seq, m.AuthorID, m.CreatedBy, string(m.Source),
		m.Text, m.Draft, string(m.AutoAck), wanted, m.Edits, m.CreatedAt, m.ModifiedAt, m.PostedAt, m.WrittenAt, m.RemovedAt, m.RemovedBy)
}

// UpdateMessage implements messaging.Store.
func (s *Store) UpdateMessage(ctx context.Context, m messaging.Message) error {
	n, err := s.db.Q(ctx).Exec(ctx, `update messages set seq = $3, text = $4, draft = $5, auto_ack = $6, edits = $7, modified_at = $8,
		posted_at = $9, written_at = $10, removed_at = $11, removed_by = $12 where id = $1 and organization_id = $2`,
		m.ID, m.OrganizationID, m.Seq, m.Text, m.Draft, string(m.AutoAck), m.Edits, m.ModifiedAt, m.PostedAt, m.WrittenAt,
		m.RemovedAt, m.RemovedBy)
	return changed(n, err, "message")
}

// TouchMessage implements messaging.Store.
func (s *Store) TouchMessage(ctx context.Context, organization, message id.ID, at time.Time) error {
	return s.db.Q(ctx).Defer(ctx, "update messages set modified_at = $3 where id = $1 and organization_id = $2", message, organization, at)
}

// GetMessage implements messaging.Store.
func (s *Store) GetMessage(ctx context.Context, organization, message id.ID) (messaging.Message, error) {
	m, err := db.Get(ctx, s.db.Q(ctx), scanMessage,
		"select "+messageColumns+" from messages where id = $1 and organization_id = $2", message, organization)
	return m, must(err, "message")
}

// FindMessages implements messaging.Store.
func (s *Store) FindMessages(ctx context.Context, organization id.ID, list []id.ID) (map[id.ID]messaging.Message, error) {
	out := make(map[id.ID]messaging.Message, len(list))
	err := db.Chunks(list, chunk, func(list []id.ID) error {
		var w db.Where
		w.And("organization_id = %s", organization)
		w.Raw("id in (" + db.List(&w.Args, list) + ")")
		found, err := db.All(ctx, s.db.Q(ctx), scanMessage, "select "+messageColumns+" from messages"+w.String(), w.Args...)
		for _, m := range found {
			out[m.ID] = m
		}
		return err
	})
	return out, err
}

// MessageIDs implements messaging.Store.
func (s *Store) MessageIDs(ctx context.Context, organization, channel id.ID) ([]id.ID, error) {
	return db.All(ctx, s.db.Q(ctx), db.Scalar[id.ID],
		"select id from messages where channel_id = $1 and "+db.Checked("organization_id")+" = $2", channel, organization)
}

// draftPlace is where drafts stand.
const draftPlace int64 = math.MaxInt64

// seen are the messages of a channel that the caller of q may see: what is posted, and its own drafts.
func seen(q messaging.MessageQuery) *db.Where {
	w := &db.Where{}
	w.And("channel_id = %s", q.ChannelID)
	w.And(unindexed("organization_id")+" = %s", q.OrganizationID)
	w.And("(not draft or removed_at is null and (individual_id = %s or individual_id is null and created_by = %s))", q.Caller.IndividualID, q.Creator)
	return w
}

// unindexed is a column that no index is looked up by. SQLite keeps no statistics here, and of the index that leads to one
// channel and the one that leads to all of its organization it may take the latter.
func unindexed(column string) string { return "coalesce(" + column + ", " + column + ")" }

// wanted are those of them that q asks for.
func wanted(q messaging.MessageQuery) *db.Where {
	w := seen(q)
	if q.Acknowledged != nil {
		acknowledged(w, q)
	}
	within(w, "modified_at", q.Modified)
	within(w, "posted_at", q.Posted)
	for _, word := range q.Words {
		word = escape.Replace(word)
		w.And(`(lower(text) like lower(%s) escape '!' or replace(lower(text), %s, ' ') like lower(%s) escape '!')`, word+"%", "\n", "% "+word+"%")
	}
	if len(q.Words) > 0 {
		w.Raw("removed_at is null")
	}
	if q.Authors != nil {
		w.Raw("individual_id in (" + db.List(&w.Args, q.Authors) + ")")
	}
	return w
}

// acknowledged keeps what is not unread to the caller, or else the rest. To nobody everything is unread.
func acknowledged(w *db.Where, q messaging.MessageQuery) {
	if q.Caller.IndividualID.IsZero() {
		if *q.Acknowledged {
			w.Raw("1 = 0")
		}
		return
	}
	not := ""
	if !*q.Acknowledged {
		not = "not "
	}
	w.And(not+"(source = '"+string(messaging.FromSystem)+"' or coalesce(individual_id = %s, false) or auto_ack <> '' and auto_ack in (%s, '"+string(messaging.AckAll)+"') or removed_at is not null or seq <= %s)",
		q.Caller.IndividualID, string(q.Caller.Side), q.Caller.ReadSeq)
}

// escape keeps what LIKE would take for wildcards.
var escape = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// ListMessages implements messaging.Store.
func (s *Store) ListMessages(ctx context.Context, c messaging.Channel, q messaging.MessageQuery, p page.Offset) (page.List[messaging.Message], error) {
	total, err := s.total(ctx, c, q)
	if err != nil || total <= int64(p.Offset) {
		return page.List[messaging.Message]{Items: []messaging.Message{}, Total: int(total)}, err
	}
	w := wanted(q)
	query := "select " + messageColumns + " from messages" + w.String() + " order by seq desc, id desc limit " + w.Args.Add(p.Limit) +
		" offset " + w.Args.Add(p.Offset)
	items, err := db.All(ctx, s.db.Q(ctx), scanMessage, query, w.Args...)
	return page.List[messaging.Message]{Items: items, Total: int(total)}, err
}

// total counts what q asks for. Unless q narrows it, the channel knows how much was posted and only drafts are counted.
func (s *Store) total(ctx context.Context, c messaging.Channel, q messaging.MessageQuery) (int64, error) {
	if q.Narrow() {
		w := wanted(q)
		return db.Get(ctx, s.db.Q(ctx), db.Scalar[int64], "select count(*) from messages"+w.String(), w.Args...)
	}
	w := seen(q)
	w.And("seq = %s", draftPlace)
	drafts, err := db.Get(ctx, s.db.Q(ctx), db.Scalar[int64], "select count(*) from messages"+w.String(), w.Args...)
	return drafts + c.MessageSeq + c.SystemCount, err
}

// TurnMessages implements messaging.Store.
func (s *Store) TurnMessages(ctx context.Context, q messaging.MessageQuery, p page.Cursor) (page.List[messaging.Message], error) {
	cursor, order, beyond := p.After, "desc", "(seq, id) < (%s, %s)"
	if !p.Before.IsZero() {
		cursor, order, beyond = p.Before, "asc", "(seq, id) > (%s, %s)"
	}
	w := wanted(q)
	if !cursor.IsZero() {
		at, err := s.GetMessage(ctx, q.OrganizationID, cursor)
		if err == nil && at.ChannelID != q.ChannelID {
			err = errs.MissingRecord("message")
		}
		if err != nil {
			return page.List[messaging.Message]{}, err
		}
		w.And(beyond, at.Seq, at.ID)
	}
	query := "select " + messageColumns + " from messages" + w.String() + " order by seq " + order + ", id " + order + " limit " + w.Args.Add(p.Limit+1)
	items, err := db.All(ctx, s.db.Q(ctx), scanMessage, query, w.Args...)
	return turned(items, p), err
}

// ListAuthored implements messaging.Store. Messages come by their identifiers, which an index has; those of one page are then
// put together by channel.
func (s *Store) ListAuthored(ctx context.Context, organization, individual id.ID, limit int) ([]messaging.Message, error) {
	list, err := db.All(ctx, s.db.Q(ctx), scanMessage, "select "+messageColumns+
		" from messages where individual_id = $1 and organization_id = $2 and text <> '' order by id limit $3", individual, organization, limit)
	slices.SortStableFunc(list, func(a, b messaging.Message) int { return bytes.Compare(a.ChannelID[:], b.ChannelID[:]) })
	return list, err
}

// InsertVersion implements messaging.Store.
func (s *Store) InsertVersion(ctx context.Context, v messaging.Version) error {
	return s.db.Q(ctx).Defer(ctx, "insert into message_versions (message_id, version, organization_id, text, written_at) values ($1,$2,$3,$4,$5)",
		v.MessageID, v.Number, v.OrganizationID, v.Text, v.WrittenAt)
}

// ListVersions implements messaging.Store.
func (s *Store) ListVersions(ctx context.Context, organization, message id.ID) ([]messaging.Version, error) {
	return db.All(ctx, s.db.Q(ctx), func(r db.Row) (v messaging.Version, err error) {
		return v, r.Scan(&v.MessageID, &v.Number, &v.OrganizationID, &v.Text, &v.WrittenAt)
	}, `select message_id, version, organization_id, text, written_at from message_versions
		where message_id = $1 and organization_id = $2 order by version`, message, organization)
}
