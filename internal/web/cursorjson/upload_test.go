package cursorjson_test

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/textproto"
	"strings"
	"testing"

	"switchboard/internal/errs"
	"switchboard/internal/web"
	"switchboard/internal/web/cursorjson"
	"switchboard/internal/web/webtest"
)

type stored struct {
	Filename string            `json:"filename"`
	Type     string            `json:"file_type"`
	Content  string            `json:"content"`
	Fields   map[string]string `json:"fields"`
}

func upload(_ context.Context, f cursorjson.File) (stored, error) {
	content, err := io.ReadAll(f.Content)
	if err != nil {
		return stored{}, err
	}
	if string(content) == "refused" {
		return stored{}, errs.InvalidField("file", "is not allowed")
	}
	return stored{f.Filename, f.ContentType, string(content), f.Fields}, nil
}

func TestUpload(t *testing.T) {
	t.Parallel()
	s := web.New(web.Options{})
	cursorjson.Upload(cursorjson.New(s), "POST /v1/attachments", upload, web.MaxBody(100_000))
	const do = "POST /v1/attachments"
	send := func(name string, want int, fill func(w *multipart.Writer), more webtest.Scenario) webtest.Scenario {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		fill(w)
		_ = w.Close()
		more.Name, more.Do, more.Body, more.Want = name, do, b.Bytes(), want
		more.Header = map[string]string{"Content-Type": w.FormDataContentType()}
		return more
	}
	file := func(w *multipart.Writer, name, content string) {
		p, _ := w.CreateFormFile("file", name)
		_, _ = p.Write([]byte(content))
	}
	cut := func(name string, before string) webtest.Scenario {
		c := send(name, 400, func(w *multipart.Writer) { _ = w.WriteField("message_id", "1"); file(w, "a.txt", "content") }, webtest.Scenario{})
		body := c.Body.([]byte)
		c.Body = body[:bytes.Index(body, []byte(before))]
		return c
	}
	webtest.Run(t, s, []webtest.Scenario{
		send("a file", 201, func(w *multipart.Writer) {
			_ = w.WriteField("message_id", "1")
			h := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="ä.txt"`}, "Content-Type": {"text/plain"}}
			p, _ := w.CreatePart(h)
			_, _ = p.Write([]byte("hello"))
		}, webtest.Scenario{Contains: []string{`{"filename":"ä.txt","file_type":"text/plain","content":"hello","fields":{"message_id":"1"}}`}}),
		send("no file", 422, func(w *multipart.Writer) { _ = w.WriteField("file", "text") }, webtest.Scenario{Error: "file"}),
		send("refused", 422, func(w *multipart.Writer) { file(w, "a", "refused") }, webtest.Scenario{Error: "file is not allowed"}),
		send("too large a body", 413, func(w *multipart.Writer) { file(w, "a", strings.Repeat("x", 100_000)) }, webtest.Scenario{}),
		send("too large before the file", 413, func(w *multipart.Writer) {
			_ = w.WriteField("a", strings.Repeat("x", 60_000))
			_ = w.WriteField("b", strings.Repeat("x", 60_000))
		}, webtest.Scenario{}),
		send("too long a field", 413, func(w *multipart.Writer) { _ = w.WriteField("a", strings.Repeat("x", 65<<10)) }, webtest.Scenario{}),
		send("a name with NUL", 400, func(w *multipart.Writer) { _ = w.WriteField("a", "\x00"); file(w, "a", "x") }, webtest.Scenario{}),
		send("a file name that is not UTF-8", 422, func(w *multipart.Writer) { file(w, "a\xff", "x") }, webtest.Scenario{Error: "file"}),
		cut("cut off in the first boundary", "\r\nContent-Disposition"),
		cut("cut off in a header", "orm-data"),
		cut("cut off in a field", "1\r\n"),
		cut("cut off in the file", "tent\r\n"),
		{Name: "JSON", Do: do, Body: `{}`, Want: 415},
		{Name: "nothing", Do: do, Want: 415},
	})
}
