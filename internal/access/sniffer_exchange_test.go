package access

import (
	"strings"
	"testing"
	"unicode/utf8"

	"switchboard/internal/id"
)

func TestExchange_logs(t *testing.T) {
	t.Parallel()
	one, two := Sniffer{ID: id.New(), OrganizationID: id.New()}, Sniffer{ID: id.New(), OrganizationID: id.New()}
	logs := Exchange{
		Sniffers: []Sniffer{one, two}, Method: "POST", Path: "/v1/x/sbk_1_SECRET/", Query: "token=SECRET&a=1", UserAgent: "me sbt_SECRET",
		Request: Captured{ContentType: "application/x-www-form-urlencoded", Data: []byte("client_secret=SECRET&b=2"), Size: 24},
		Answer:  Captured{ContentType: "application/json; charset=utf-8", Data: []byte(`{"access_token":"SECRET"}`), Size: 25},
		Status:  200, RequestID: "r-1", TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		Message: "InvalidValue: password: SECRET",
	}.logs()
	if len(logs) != 2 || logs[0].SnifferID != one.ID || logs[1].OrganizationID != two.OrganizationID || logs[0].ID == logs[1].ID {
		t.Fatalf("%+v", logs)
	}
	got := logs[0]
	got.ID, got.OrganizationID, got.SnifferID = id.Nil, id.Nil, id.Nil
	want := SnifferLog{
		Method: "POST", Path: "/v1/x/sbk_[redacted]/", Query: "token=[redacted]&a=1", UserAgent: "me sbt_[redacted]",
		ContentType: "application/x-www-form-urlencoded", Body: "client_secret=[redacted]&b=2", Response: `{"access_token":"[redacted]"}`,
		Status: 200, RequestID: "r-1", TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", Message: "InvalidValue: password: [redacted]",
	}
	if got != want {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	stream := Exchange{Sniffers: []Sniffer{one}, Stream: true, Answer: Captured{Data: []byte("SECRET"), Size: 6}}.logs()
	if r := stream[0].Response; strings.Contains(r, "SECRET") || r == "" {
		t.Errorf("of a stream: %q", r)
	}
}

func TestCaptured_text(t *testing.T) {
	t.Parallel()
	of := func(kind, data string) Captured {
		return Captured{ContentType: kind, Data: []byte(data), Size: int64(len(data))}
	}
	for name, tc := range map[string]struct {
		body Captured
		want string
	}{
		"nothing":                  {Captured{}, ""},
		"nothing announced":        {Captured{Announced: -1}, ""},
		"not read":                 {Captured{Announced: 12}, "[12 bytes that were not read]"},
		"JSON":                     {of("application/vnd.api+json", `{"a":1}`), `{"a":1}`},
		"broken JSON":              {of("application/json", `{"password":"x"`), `{"password":"[redacted]"`},
		"JSON by another name":     {of("text/plain", `{"password":"x"}`), `{"password":"[redacted]"}`},
		"no type":                  {of("", `{"password":"x"}`), `{"password":"[redacted]"}`},
		"a form":                   {of("application/x-www-form-urlencoded", "a=1&password=x"), "a=1&password=[redacted]"},
		"text":                     {of("text/plain; charset=utf-8", "password: x"), "password: [redacted]"},
		"an image":                 {of("image/png", "abc"), "[image/png, 3 bytes]"},
		"bytes that say they are":  {of("text/plain", "a\xffb"), "[text/plain, 3 bytes]"},
		"a NUL":                    {of("application/json", "\"a\x00b\""), "[application/json, 5 bytes]"},
		"bytes without a type":     {of("", "\x00\x01"), "[binary, 2 bytes]"},
		"multipart":                {of("multipart/form-data; boundary=x", "--x"), "[multipart/form-data, 3 bytes]"},
		"a secret for a type":      {of("sbk_1_SECRET/x", "abc"), "[sbk_[redacted]/x, 3 bytes]"},
		"a type that is no type":   {of(";;", "abc"), "abc"},
		"cut within a secret":      {Captured{ContentType: "application/json", Data: []byte(`{"a":"x y sbk_1_SEC`), Size: 99}, "{\"a\":\"x y \n[cut off here; the whole has 99 bytes]"},
		"cut within a character":   {Captured{ContentType: "text/plain", Data: []byte("one tw\xc3"), Size: 99}, "one \n[cut off here; the whole has 99 bytes]"},
		"cut after a telling name": {Captured{ContentType: "application/json", Data: []byte(`{"a":1,"password":"hun`), Size: 99}, "{\"a\":1,\"password\":\"[redacted]\"\n[cut off here; the whole has 99 bytes]"},
	} {
		if got := tc.body.text(); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	long := of("text/plain", strings.Repeat("ä ", MaxSniffed))
	long.Data = long.Data[:MaxCaptured]
	got := long.text()
	if len(got) > MaxSniffed || len(got) < MaxSniffed-4 || !utf8.ValidString(got) || !strings.HasSuffix(got, "ä \n[cut off here; the whole has 196608 bytes]") && !strings.HasSuffix(got, "ä\n[cut off here; the whole has 196608 bytes]") {
		t.Errorf("%d bytes, ending in %q", len(got), got[len(got)-60:])
	}
}

func TestTraceID(t *testing.T) {
	t.Parallel()
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	for given, want := range map[string]string{
		"": "", "00": "", "00-" + trace + "-00f067aa0ba902b7-01": trace, "01-" + trace + "-x-y-z": trace,
		"00-" + strings.ToUpper(trace) + "-00f067aa0ba902b7-01": "", "00-" + trace[1:] + "-00f067aa0ba902b7-01": "",
		"00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01": "",
	} {
		if got := traceID(given); got != want {
			t.Errorf("%q is %q", given, got)
		}
	}
}
