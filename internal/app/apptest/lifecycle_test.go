package apptest_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"switchboard/internal/app"
	"switchboard/internal/app/apptest"
	"switchboard/internal/db/dbtest"
)

// TestApp_twice runs two servers in one process: neither knows of the other.
func TestApp_twice(t *testing.T) {
	t.Parallel()
	one, two := apptest.Start(t, apptest.Options{}), apptest.Start(t, apptest.Options{})
	one.Want(t, 201, one.Demo.Keys.Administrator, "POST /sites", map[string]any{"name": "Only in one"})
	if r := two.Want(t, 200, two.Demo.Keys.Administrator, "GET /sites", nil); strings.Contains(string(r.Body), "Only in one") {
		t.Errorf("the other server has it too: %s", r.Body)
	}
	two.Want(t, 401, one.Demo.Keys.Administrator, "GET /sites", nil)
	one.Stop(t)
	two.Want(t, 200, "", "GET /readyz", nil)
}

// TestApp_restart stops a server and starts it on the same data: keys, ids and records are the same.
func TestApp_restart(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLiteURL, "postgres": dbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := apptest.Start(t, apptest.Options{DatabaseURL: url(t)})
			first.Want(t, 201, first.Demo.Keys.Administrator, "POST /sites", map[string]any{"name": "Kept"})
			rows := apptest.CountRows(t, first.App.DB())
			second := first.Restart(t, apptest.Options{})
			if first.Demo.Keys != second.Demo.Keys || first.Demo.OrganizationID != second.Demo.OrganizationID {
				t.Errorf("demo.json changed:\n%+v\n%+v", first.Demo, second.Demo)
			}
			if second.Demo.URL != second.URL || second.Demo.SandboxURL != second.SandboxURL {
				t.Errorf("demo.json has old addresses: %+v", second.Demo)
			}
			if changed := rows.Changed(apptest.CountRows(t, second.App.DB())); len(changed) > 0 {
				t.Errorf("a restart changed %v", changed)
			}
			if r := second.Want(t, 200, first.Demo.Keys.Leader, "GET /sites", nil); !strings.Contains(string(r.Body), "Kept") {
				t.Errorf("the record is gone: %s", r.Body)
			}
		})
	}
}

// TestApp_stopFinishesRequests begins a request, stops the server and only then sends the rest: it is answered, and what
// it wrote is there after the restart. New requests are refused meanwhile.
func TestApp_stopFinishesRequests(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	body := `{"name":"Written while stopping"}`
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	head := "POST /sites HTTP/1.1\r\nHost: switchboard.test\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n" +
		"Content-Length: " + itoa(len(body)) + "\r\nAuthorization: Bearer " + s.Demo.Keys.Administrator + "\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") { // the handler is reading
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := reader.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		stopped <- s.App.Stop(ctx)
	}()
	apptest.Eventually(t, "new connections are refused", func() error {
		r, err := s.Try(t.Context(), "", "GET /livez", nil)
		if err == nil {
			return apptest.Errorf("it answers %d", r.Status)
		}
		return nil
	})
	if _, err := io.WriteString(conn, body); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != 201 {
		t.Errorf("the request that was under way: %s", answer.Status)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Stop = %v", err)
	}
	again := s.Restart(t, apptest.Options{})
	if r := again.Want(t, 200, again.Demo.Keys.Administrator, "GET /sites", nil); !strings.Contains(string(r.Body), "Written while stopping") {
		t.Errorf("what was answered with 201 is lost: %s", r.Body)
	}
}

// TestApp_stopAtAnyTime calls Stop before Start, twice, and where Start has failed.
func TestApp_stopAtAnyTime(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	taken := apptest.Options{Config: func(c *apptest.Config) { c.Server.Listen = strings.TrimPrefix(s.URL, "http://") }}
	c := apptest.Settings(t, taken)
	if _, err := app.New(t.Context(), c, app.Options{}); err == nil {
		t.Error("two servers listen on one address")
	}
	c = apptest.Settings(t, apptest.Options{})
	a, err := app.New(t.Context(), c, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := a.Stop(t.Context()); err != nil {
			t.Errorf("Stop before Start: %v", err)
		}
	}
	s.Stop(t)
	s.Stop(t)
	if _, err := s.Try(t.Context(), "", "GET /livez", nil); err == nil {
		t.Error("a stopped server answers")
	}
}

// TestApp_foreignDatabase refuses to make a demo of a database that is in use, and leaves it alone.
func TestApp_foreignDatabase(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	rows := apptest.CountRows(t, s.App.DB())
	c := apptest.Settings(t, apptest.Options{DatabaseURL: s.Config.DatabaseURL()}) // but with a folder of its own
	if _, err := app.New(t.Context(), c, app.Options{}); err == nil || !strings.Contains(err.Error(), "copy the file of a node") {
		t.Errorf("without the keys of its secrets: %v", err)
	}
	c.Secrets.KeyFile = s.Config.KeyFile()
	a, err := app.New(t.Context(), c, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "not a demo") {
		t.Errorf("Start = %v", err)
	}
	if _, err := http.Get(a.URL() + "/livez"); err == nil { //nolint:noctx // it must not answer
		t.Error("a server whose Start failed answers")
	}
	if changed := rows.Changed(apptest.CountRows(t, s.App.DB())); len(changed) > 0 {
		t.Errorf("the refused demo changed %v", changed)
	}
	if err := a.Stop(t.Context()); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Stop after a failed Start: %v", err)
	}
}
