package sandbox

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"switchboard/internal/id"
)

// messages is what the Twilio here remembers of messages, by sid, for GET. It forgets the oldest beyond maxCaptures.
type messages struct {
	mu    sync.Mutex
	bySID map[string]*message
	order []string
}

// message is one message at Twilio.
type message struct {
	sid, account, service string
	from, to, body        string
	status                string
	code                  int
	media                 []string
	template              string
	callback              string
	whatsapp              bool
	created, sent         time.Time
	seq                   int64 // of its capture
	course                []string
	courseCode            int
}

func (m *messages) put(msg *message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bySID == nil {
		m.bySID = map[string]*message{}
	}
	m.bySID[msg.sid] = msg
	m.order = append(m.order, msg.sid)
	if len(m.order) > maxCaptures {
		delete(m.bySID, m.order[0])
		m.order = m.order[1:]
	}
}

// get returns a copy.
func (m *messages) get(sid string) (message, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	msg, ok := m.bySID[sid]
	if !ok {
		return message{}, false
	}
	return *msg, true
}

func (m *messages) advance(msg *message, status string, code int, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	msg.status = status
	if code != 0 {
		msg.code = code
	}
	if status == "sent" {
		msg.sent = now
	}
}

// newSID makes a sid of the kind that prefix says.
func newSID(prefix string) string {
	i := id.New()
	return prefix + hex.EncodeToString(i[:])
}

// twilioProblem is an error as Twilio words it.
type twilioProblem struct {
	Code     int    `json:"code"`
	Message  string `json:"message"`
	MoreInfo string `json:"more_info"`
	Status   int    `json:"status"`
}

// problems are the texts and statuses of the error codes that are answered here.
func problemOf(code int, about string) twilioProblem {
	texts := map[int]struct {
		status int
		text   string
	}{
		20001: {400, "Invalid parameter: %s"},
		20003: {401, "Authenticate"},
		20404: {404, "The requested resource %s was not found"},
		20429: {429, "Too Many Requests"},
		20500: {500, "Internal Server Error"},
		21211: {400, "Invalid 'To' Phone Number: %s"},
		21212: {400, "Invalid From Number (caller ID): %s"},
		21408: {400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: %s"},
		21602: {400, "Message body is required."},
		21603: {400, "A 'From' phone number is required."},
		21604: {400, "A 'To' phone number is required."},
		21606: {400, "The From phone number %s is not a valid, SMS-capable inbound phone number or short code for your account."},
		21609: {400, "The 'StatusCallback' URL %s is not a valid URL."},
		21610: {400, "Attempt to send to unsubscribed recipient"},
		21611: {429, "The source 'from' number %s has exceeded the maximum number of queued messages"},
		21612: {400, "The 'To' phone number %s is not currently reachable using the 'From' phone number via SMS."},
		21614: {400, "'To' number is not a valid mobile number: %s"},
		21617: {400, "The concatenated message body exceeds the 1600 character limit."},
		21623: {400, "Number of media files exceeds allowed limit"},
		21656: {400, "The ContentVariables Parameter is invalid."},
		21910: {400, "Invalid From and To pair. From and To should be of the same channel"},
	}
	found, ok := texts[code]
	if !ok {
		found.status, found.text = 400, "Error"
	}
	text := found.text
	if strings.Contains(text, "%s") {
		text = fmt.Sprintf(text, about)
	}
	return twilioProblem{code, text, "https://www.twilio.com/docs/errors/" + strconv.Itoa(code), found.status}
}

func twilioRefuse(w http.ResponseWriter, code int, about string) {
	p := problemOf(code, about)
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="Twilio API"`)
	}
	answer(w, p.Status, p)
}

// twilioAuth checks the credentials and the account of the path, and answers when they are wrong.
func (s *Sandbox) twilioAuth(w http.ResponseWriter, r *http.Request) bool {
	user, password, ok := r.BasicAuth()
	switch {
	case !ok || user != s.options.AccountSID || password != s.options.AuthToken:
		twilioRefuse(w, 20003, "")
	case r.PathValue("account") != s.options.AccountSID:
		twilioRefuse(w, 20404, r.URL.Path)
	default:
		return true
	}
	return false
}

// twilioCreate is POST …/Messages.json: checks what Twilio checks, answers 201 with the message and reports what
// becomes of it to its StatusCallback.
func (s *Sandbox) twilioCreate(w http.ResponseWriter, r *http.Request) {
	body, ok := readBody(r)
	if !ok {
		twilioRefuse(w, 20001, "the body is too large")
		return
	}
	if !s.twilioAuth(w, r) {
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		twilioRefuse(w, 20001, "the body is not a form")
		return
	}
	transport := "sms"
	if strings.HasPrefix(form.Get("To"), "whatsapp:") {
		transport = "whatsapp"
	}
	f := s.failures.next(transport)
	if f != nil && !f.Taken && failHTTP(w, r, f, twilioWords(w, form)) {
		return
	}
	msg, code, about := s.newMessage(form)
	if code != 0 {
		twilioRefuse(w, code, about)
		return
	}
	s.take(msg, transport, form, rawOf(r, body))
	if f != nil && f.Taken && failHTTP(w, r, f, twilioWords(w, form)) {
		return
	}
	taken, _ := s.twilio.get(msg.sid)
	answer(w, http.StatusCreated, object(taken))
	if s.enter() {
		go func() {
			defer s.leave()
			s.report(msg)
		}()
	}
}

// twilioWords says a status in Twilio's words.
func twilioWords(w http.ResponseWriter, form url.Values) func(int) {
	return func(status int) {
		switch status {
		case http.StatusTooManyRequests:
			twilioRefuse(w, 20429, "")
		case http.StatusBadRequest:
			twilioRefuse(w, 21211, form.Get("To"))
		default:
			twilioRefuse(w, 20500, "")
		}
	}
}

// take keeps a message that Twilio has accepted.
func (s *Sandbox) take(msg *message, transport string, form url.Values, raw Raw) {
	fields := map[string]string{}
	for name, values := range form {
		if name != "Body" && name != "To" && name != "From" {
			fields[name] = strings.Join(values, " ")
		}
	}
	text := msg.body
	if msg.template != "" {
		text = "[template " + msg.template + "] " + form.Get("ContentVariables")
	}
	msg.seq = s.outbox.add(Capture{
		Direction: Outbound, Transport: transport, From: bare(firstOf(msg.from, msg.service)), To: bare(msg.to), Text: text,
		Fields: fields, ReceivedAt: msg.created, ProviderID: msg.sid, Status: msg.status, Raw: raw,
	})
	s.twilio.put(msg)
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// bare takes the channel off an address.
func bare(address string) string { return strings.TrimPrefix(address, "whatsapp:") }

var (
	e164      = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	shortcode = regexp.MustCompile(`^[0-9]{3,8}$`)
	alpha     = regexp.MustCompile(`^[A-Za-z0-9 +\-_&]{1,11}$`)
)

// newMessage checks the parameters of a message as Twilio does; code is its error code.
func (s *Sandbox) newMessage(form url.Values) (msg *message, code int, about string) {
	now := s.now()
	msg = &message{
		sid: newSID("SM"), account: s.options.AccountSID, service: form.Get("MessagingServiceSid"), from: form.Get("From"),
		to: form.Get("To"), body: form.Get("Body"), media: form["MediaUrl"], template: form.Get("ContentSid"),
		callback: form.Get("StatusCallback"), whatsapp: strings.HasPrefix(form.Get("To"), "whatsapp:"), status: "queued", created: now,
	}
	if msg.service != "" {
		msg.status = "accepted"
	}
	for _, check := range []func(*message, url.Values) (int, string){checkTo, checkFrom, checkContent, checkRest, s.checkFate} {
		if code, about := check(msg, form); code != 0 {
			return nil, code, about
		}
	}
	return msg, 0, ""
}

func checkTo(m *message, _ url.Values) (int, string) {
	switch to := bare(m.to); {
	case to == "":
		return 21604, ""
	case !e164.MatchString(to):
		return 21211, m.to
	}
	return 0, ""
}

func checkFrom(m *message, _ url.Values) (int, string) {
	from := bare(m.from)
	switch {
	case m.from == "" && m.service == "":
		return 21603, ""
	case m.from == "":
		return 0, ""
	case m.whatsapp != strings.HasPrefix(m.from, "whatsapp:"):
		return 21910, ""
	case e164.MatchString(from) || (!m.whatsapp && (shortcode.MatchString(from) || alpha.MatchString(from))):
		return fromFates()[from].refused, m.from
	}
	return 21212, m.from
}

func checkContent(m *message, form url.Values) (int, string) {
	switch {
	case m.body == "" && len(m.media) == 0 && m.template == "":
		return 21602, ""
	case len([]rune(m.body)) > 1600:
		return 21617, ""
	case len(m.media) > 10:
		return 21623, ""
	}
	if variables := form.Get("ContentVariables"); variables != "" {
		var decoded map[string]string
		if json.Unmarshal([]byte(variables), &decoded) != nil {
			return 21656, ""
		}
	}
	return 0, ""
}

func checkRest(m *message, form url.Values) (int, string) {
	if m.callback != "" && !httpURL(m.callback) {
		return 21609, m.callback
	}
	if validity := form.Get("ValidityPeriod"); validity != "" {
		if n, err := strconv.Atoi(validity); err != nil || n < 1 || n > 36000 {
			return 20001, "ValidityPeriod"
		}
	}
	return 0, ""
}

func httpURL(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// checkFate looks at who it is to and what they have said before.
func (s *Sandbox) checkFate(m *message, _ url.Values) (int, string) {
	if s.phones.optedOut(bare(m.to), bare(m.from)) {
		return 21610, ""
	}
	m.course = []string{"sent", "delivered"}
	if m.whatsapp && s.options.ReportRead {
		m.course = append(m.course, "read")
	}
	f, magic := toFates()[bare(m.to)]
	if f.refused != 0 {
		return f.refused, m.to
	}
	closed := m.whatsapp && s.options.WhatsAppWindow && !s.phones.wroteWithin(bare(m.to), m.created.Add(-24*time.Hour))
	switch {
	case f.code == 63016 && (!m.whatsapp || m.template != ""):
	case magic:
		m.course, m.courseCode = f.course, f.code
	case closed && m.template == "":
		m.course, m.courseCode = []string{"failed"}, 63016
	}
	return 0, ""
}

// twilioFetch is GET …/Messages/{sid}.json.
func (s *Sandbox) twilioFetch(w http.ResponseWriter, r *http.Request) {
	if !s.twilioAuth(w, r) {
		return
	}
	sid, isJSON := strings.CutSuffix(r.PathValue("file"), ".json")
	msg, ok := s.twilio.get(sid)
	if !ok || !isJSON {
		twilioRefuse(w, 20404, r.URL.Path)
		return
	}
	answer(w, http.StatusOK, object(msg))
}

// object is the message as the API shows it.
func object(m message) map[string]any {
	uri := "/2010-04-01/Accounts/" + m.account + "/Messages/" + m.sid
	out := map[string]any{
		"account_sid": m.account, "api_version": "2010-04-01", "body": m.body, "date_created": rfc2822(m.created), "date_sent": nil,
		"date_updated": rfc2822(m.created), "direction": "outbound-api", "error_code": nil, "error_message": nil, "from": nil,
		"messaging_service_sid": nil, "num_media": strconv.Itoa(len(m.media)), "num_segments": strconv.Itoa(segments(m.body)),
		"price": nil, "price_unit": nil, "sid": m.sid, "status": m.status, "to": m.to, "uri": uri + ".json",
		"subresource_uris": map[string]string{"media": uri + "/Media.json"},
	}
	if m.from != "" {
		out["from"] = m.from
	}
	if m.service != "" {
		out["messaging_service_sid"] = m.service
		out["num_segments"] = "0" // not known before the service has chosen a sender
	}
	if !m.sent.IsZero() {
		out["date_sent"], out["date_updated"] = rfc2822(m.sent), rfc2822(m.sent)
	}
	if m.code != 0 {
		out["error_code"], out["error_message"] = m.code, errorTexts()[m.code]
	}
	return out
}

func rfc2822(t time.Time) string { return t.UTC().Format(time.RFC1123Z) }
