package sandbox

// MagicNumber is an address that always meets the same fate.
type MagicNumber struct {
	Transport string `json:"transport"` // "sms" stands for WhatsApp too
	Address   string `json:"address"`
	Outcome   string `json:"outcome"`
}

// fate is what happens to a message to, or from, a number: an error at once, or a course of statuses, of which an
// undelivered or failed one carries the code.
type fate struct {
	refused int      // Twilio's error code
	course  []string // nil means as usual
	code    int
	outcome string
}

// toFates are the fates of messages to a number. Those up to +15005550009 are Twilio's own test numbers
// (https://www.twilio.com/docs/iam/test-credentials).
func toFates() map[string]fate {
	return map[string]fate{
		"+15005550001": {refused: 21211, outcome: "refused: not a valid number (21211)"},
		"+15005550002": {refused: 21612, outcome: "refused: cannot be reached from the sender (21612)"},
		"+15005550003": {refused: 21408, outcome: "refused: the region is not permitted (21408)"},
		"+15005550004": {refused: 21610, outcome: "refused: has opted out (21610)"},
		"+15005550009": {refused: 21614, outcome: "refused: cannot receive SMS (21614)"},
		"+15005550010": {course: []string{"sent", "undelivered"}, code: 30003, outcome: "undelivered: the phone is off (30003)"},
		"+15005550011": {course: []string{"sent", "undelivered"}, code: 30005, outcome: "undelivered: the phone is unknown (30005)"},
		"+15005550012": {course: []string{"sent", "undelivered"}, code: 30007, outcome: "undelivered: filtered by the carrier (30007)"},
		"+15005550013": {course: []string{"failed"}, code: 30008, outcome: "failed for an unknown reason (30008)"},
		"+15005550014": {course: []string{}, outcome: "taken, and never heard of again"},
		"+15005550015": {course: []string{"delivered", "sent", "delivered"}, outcome: "delivered; the callbacks come out of order and twice"},
		"+15005550016": {course: []string{"failed"}, code: 63016, outcome: "failed: outside the WhatsApp window (63016); templates pass"},
		"+15005550017": {refused: 20429, outcome: "refused: too many requests (20429), always"},
		"+15005550018": {refused: 20500, outcome: "refused: internal error (20500), always"},
		"+15005550019": {course: []string{"sent"}, outcome: "sent, and no more is known"},
	}
}

// fromFates are the fates of messages from a number, Twilio's own.
func fromFates() map[string]fate {
	return map[string]fate{
		"+15005550001": {refused: 21212, outcome: "as the sender, refused: not a valid number (21212)"},
		"+15005550007": {refused: 21606, outcome: "as the sender, refused: not owned by the account (21606)"},
		"+15005550008": {refused: 21611, outcome: "as the sender, refused: its queue is full (21611)"},
	}
}

// mailFate is what happens to mail to a local part, whatever the domain.
type mailFate struct {
	code     int
	enhanced [3]int
	text     string
}

func mailFates() map[string]mailFate {
	return map[string]mailFate{
		"unknown":  {550, [3]int{5, 1, 1}, "no such user here"},
		"disabled": {550, [3]int{5, 2, 1}, "mailbox disabled"},
		"full":     {452, [3]int{4, 2, 2}, "mailbox full"},
		"greylist": {451, [3]int{4, 7, 1}, "greylisted, try again later"},
		"blocked":  {554, [3]int{5, 7, 1}, "refused by policy"},
	}
}

// Magic lists the addresses that always meet the same fate, in order. GET /magic shows them too.
func Magic() []MagicNumber {
	var out []MagicNumber
	to, from, mail := toFates(), fromFates(), mailFates()
	for _, number := range sortedKeys(to) {
		out = append(out, MagicNumber{"sms", number, to[number].outcome})
	}
	for _, number := range sortedKeys(from) {
		out = append(out, MagicNumber{"sms", number, from[number].outcome})
	}
	for _, local := range sortedKeys(mail) {
		f := mail[local]
		out = append(out, MagicNumber{"email", local + "@…", enhancedLine(f)})
	}
	return out
}
