package web

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"sync"
)

// Answerer is an answer that writes itself: audio, XML, a redirect. Handlers of every dialect may return one in place
// of a value to encode.
type Answerer interface {
	// WriteAnswer writes the whole answer. status is what the operation was registered with.
	WriteAnswer(w http.ResponseWriter, r *http.Request, status int) error
}

// Blob is an answer of bytes.
type Blob struct {
	ContentType string
	Data        []byte
	Header      http.Header // more headers; nil for none
}

// WriteAnswer writes the bytes.
func (b Blob) WriteAnswer(w http.ResponseWriter, _ *http.Request, status int) error {
	h := w.Header()
	maps.Copy(h, b.Header)
	h.Set("Content-Type", b.ContentType)
	h.Set("Content-Length", strconv.Itoa(len(b.Data)))
	w.WriteHeader(status)
	_, err := w.Write(b.Data)
	return err
}

// WithStatus answers a value with another status than the operation's, such as 200 where a create found the record.
type WithStatus struct {
	Status int
	Value  any // nil: no body
}

// WriteAnswer encodes the value.
func (a WithStatus) WriteAnswer(w http.ResponseWriter, r *http.Request, _ int) error {
	return write(w, r, a.Status, a.Value)
}

// Nothing is the answer without a body.
type Nothing struct{}

// WriteAnswer writes the status.
func (Nothing) WriteAnswer(w http.ResponseWriter, _ *http.Request, status int) error {
	w.WriteHeader(status)
	return nil
}

func write(w http.ResponseWriter, r *http.Request, status int, v any) error {
	if a, ok := v.(Answerer); ok {
		return a.WriteAnswer(w, r, status)
	}
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return nil
	}
	return writeJSON(w, contentType(Matched(r.Context()).dialect(), r), status, v)
}

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.json = json.NewEncoder(&e.buf)
	e.json.SetEscapeHTML(false)
	return e
}}

type encoder struct {
	buf  bytes.Buffer
	json *json.Encoder
}

const keepBuffer = 64 << 10 // larger ones are left to the collector

// writeJSON encodes first and writes then, so that what cannot be encoded is still a clean error. The error is that of
// the encoding; a caller that went away is none.
func writeJSON(w http.ResponseWriter, contentType string, status int, v any) error {
	e := encoders.Get().(*encoder)
	defer func() {
		if e.buf.Cap() <= keepBuffer {
			e.buf.Reset()
			encoders.Put(e)
		}
	}()
	if err := e.json.Encode(v); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(e.buf.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(e.buf.Bytes())
	return nil
}
