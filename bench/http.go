package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// request is one HTTP/1.1 request as bytes, put together once and sent again and again.
type request struct {
	raw    []byte
	number int // where the number begins that setNumber writes; -1 for none
}

// numberMark stands in a body for a number of its length.
const numberMark = "000000000000"

// newRequest puts a request together. host is the address of the server.
func newRequest(host, method, path, key, contentType, body string) request {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n", method, path, host, key)
	if body != "" {
		fmt.Fprintf(&b, "Content-Type: %s\r\n", contentType)
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(body))
	head := b.Len()
	b.WriteString(body)
	number := bytes.Index(b.Bytes()[head:], []byte(numberMark))
	if number >= 0 {
		number += head
	}
	return request{b.Bytes(), number}
}

// setNumber writes n in place of the mark; requests without one stay as they are.
func (r *request) setNumber(n int64) {
	if r.number < 0 {
		return
	}
	for i := len(numberMark) - 1; i >= 0; i-- {
		r.raw[r.number+i] = byte('0' + n%10)
		n /= 10
	}
}

// clone returns a request whose number can be set apart from that of r.
func (r *request) clone() request { return request{bytes.Clone(r.raw), r.number} }

// connection is one connection that is kept alive. It does as little as it can for each request, because it shares the
// processors with the server that it loads.
type connection struct {
	conn net.Conn
	in   *bufio.Reader
}

// requestTimeout is how long an answer may take before the bench gives up.
const requestTimeout = 30 * time.Second

func dial(host string) (*connection, error) {
	conn, err := net.DialTimeout("tcp", host, requestTimeout)
	if err != nil {
		return nil, err
	}
	return &connection{conn, bufio.NewReaderSize(conn, 8<<10)}, nil
}

func (c *connection) close() { _ = c.conn.Close() }

// do sends a request and returns the status of its answer; the body only when the status is 400 or above.
func (c *connection) do(r *request) (status int, problem []byte, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return 0, nil, err
	}
	if _, err := c.conn.Write(r.raw); err != nil {
		return 0, nil, err
	}
	return readAnswer(c.in)
}

var errAnswer = errors.New("the answer is not HTTP")

// readAnswer reads one answer whole.
func readAnswer(in *bufio.Reader) (status int, problem []byte, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return 0, nil, errAnswer
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, errAnswer
	}
	length, chunked, err := readHeader(in)
	if err != nil {
		return status, nil, err
	}
	var body bytes.Buffer
	into := io.Discard
	if status >= 400 {
		into = &body
	}
	switch {
	case chunked:
		err = readChunks(in, into)
	case length < 0 && status != 204 && status != 304:
		err = errAnswer // would last until the connection closes, which is not what is measured
	case length > 0:
		_, err = io.CopyN(into, in, length)
	}
	return status, body.Bytes(), err
}

// readHeader reads the header up to the empty line. length is -1 when it is not given.
func readHeader(in *bufio.Reader) (length int64, chunked bool, err error) {
	length = -1
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return length, chunked, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return length, chunked, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch value = bytes.TrimSpace(value); {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.ParseInt(string(value), 10, 64); err != nil || length < 0 {
				return length, chunked, errAnswer
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = bytes.EqualFold(value, []byte("chunked"))
		}
	}
}

// readChunks reads a chunked body and its trailer.
func readChunks(in *bufio.Reader, into io.Writer) error {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		digits, _, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(";"))
		size, err := strconv.ParseInt(string(bytes.TrimSpace(digits)), 16, 32)
		if err != nil || size < 0 {
			return errAnswer
		}
		if size == 0 {
			_, _, err := readHeader(in)
			return err
		}
		if _, err := io.CopyN(into, in, size); err != nil {
			return err
		}
		if _, err := in.Discard(2); err != nil {
			return err
		}
	}
}
