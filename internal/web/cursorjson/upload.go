package cursorjson

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"switchboard/internal/errs"
	"switchboard/internal/web"
)

// File is the part "file" of a multipart/form-data body, read as it arrives.
type File struct {
	Filename    string
	ContentType string // as the client claims
	Content     io.Reader
	Fields      map[string]string // the text fields that stood before the file
}

// The bounds of the fields beside a file.
const (
	maxFields     = 100
	maxFieldBytes = 64 << 10
)

// Upload registers a POST of a file, answered with 201. The handler must read the content before it returns; a body
// over the operation's limit (set it by web.MaxBody) makes reading fail, and that error may be returned as it is.
func Upload[O any](r *Router, route string, h func(context.Context, File) (O, error), opts ...web.Option) {
	type input struct {
		Body struct {
			File string `json:"file" format:"binary"`
		}
	}
	op := web.NewOperation(r.dialect, route, "Upload", 201, h, append([]web.Option{web.Reads("multipart/form-data")}, opts...)...)
	limit, status := op.MaxBody, op.Status
	web.RegisterRaw[input, O](r.server, op, func(w http.ResponseWriter, req *http.Request) error {
		limited := http.MaxBytesReader(w, req.Body, limit)
		req.Body = body{untilClosed(limited), limited}
		file, err := nextFile(req)
		if err != nil {
			return err
		}
		out, err := h(req.Context(), file)
		if err != nil {
			return err
		}
		return web.WithStatus{Status: status, Value: out}.WriteAnswer(w, req, status)
	})
}

type body struct {
	io.Reader
	io.Closer
}

func nextFile(r *http.Request) (File, error) {
	reader, err := r.MultipartReader()
	if err != nil {
		return File{}, errs.CodeUnsupported.Errorf("a file is sent as multipart/form-data")
	}
	fields := map[string]string{}
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return File{}, errs.CodeRequired.Errorf("the form cannot be taken").At("file")
		}
		if err != nil {
			return File{}, unreadable(err)
		}
		if part.FormName() == "file" && part.FileName() != "" {
			if !sane(part.FileName()) {
				return File{}, blame("file", errs.CodeInvalid, "has a name that is not valid UTF-8 or contains a NUL character")
			}
			return File{part.FileName(), part.Header.Get("Content-Type"), content{part}, fields}, nil
		}
		if err := readField(part, fields); err != nil {
			return File{}, err
		}
	}
}

func readField(part *multipart.Part, fields map[string]string) error {
	name := part.FormName()
	value, err := io.ReadAll(io.LimitReader(part, maxFieldBytes+1))
	switch {
	case err != nil:
		return unreadable(err)
	case len(value) > maxFieldBytes || len(fields) >= maxFields:
		return errs.CodeTooLarge.Errorf("the form has too many fields, or too long a one")
	case !sane(name) || !sane(string(value)):
		return blame("file", errs.CodeMalformed, "stands beside a field that is not valid UTF-8 or contains a NUL character")
	}
	fields[name] = string(value)
	return nil
}

// content is a file as it arrives. One that is cut off is the client's mistake, not ours.
type content struct{ part *multipart.Part }

func (c content) Read(p []byte) (int, error) {
	n, err := c.part.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // readers return it bare
		err = unreadable(err)
	}
	return n, err
}

// unreadable keeps the error of a body over its limit, which says more.
func unreadable(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	return errs.CodeMalformed.Errorf("the form cannot be read").Because(err)
}
