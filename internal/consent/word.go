package consent

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"switchboard/internal/directory"
)

// Input is what can happen to a consent: what a person's text says, or what somebody does without one.
type Input string

// The inputs. Those that are keywords have the providers' own names.
const (
	Unclear  Input = ""         // a text that says none of the others
	Stop     Input = "STOP"     // no more messages to this number
	Start    Input = "START"    // messages to this number again; also a yes
	Help     Input = "HELP"     // who are you?
	Agree    Input = "AGREE"    // a yes that answers a question and brings nothing back that was stopped
	Refuse   Input = "REFUSE"   // a no to the question alone
	Withdraw Input = "withdraw" // it is taken back without a text
	Lapse    Input = "lapse"    // nobody has answered for too long
)

// Keyword tells whether an input is one of the keywords that carriers prescribe.
func (i Input) Keyword() bool { return i == Stop || i == Start || i == Help }

// vocabulary is how one language says the inputs, folded.
type vocabulary struct {
	exact map[string]Input // the whole text
	// polite are words that change nothing about a stop, a yes or a no.
	polite []string
}

// english holds everywhere, whatever the language of the person: the stop words are those that the rules of the United
// States prescribe since April 2025, and wordings that leave no doubt.
func english() vocabulary {
	return vocabulary{
		exact: words(map[Input][]string{
			Stop: {
				"stop", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke", "opt out",
				"stop texting", "stop texting me", "stop messaging me", "stop sending me texts", "stop sending me messages",
				"stop the texts", "stop the messages", "stop texts", "stop messages", "no more texts", "no more messages",
				"do not text me", "dont text me", "do not contact me", "dont contact me", "unsubscribe me", "remove me", "opt me out",
				"take me off", "take me off your list", "remove me from your list",
			},
			Start:  {"start", "unstop", "yes"},
			Help:   {"help", "info"},
			Agree:  {"y", "yeah", "yep", "i agree", "agree", "i accept", "accept"},
			Refuse: {"no", "n", "nope", "i do not agree", "i dont agree", "decline"},
		}),
		polite: []string{"please", "pls", "plz", "thanks", "thank", "you", "thx", "now", "kindly"},
	}
}

func spanish() vocabulary {
	return vocabulary{
		exact: words(map[Input][]string{
			Stop: {
				"alto", "parar", "pare", "para", "baja", "dar de baja", "darme de baja", "dame de baja", "cancelar", "cancela", "detener",
				"deten", "terminar", "salir", "fin", "revocar", "no mas", "no mas mensajes", "no mas textos", "no me escriban", "no me envien mensajes",
				"no enviar mas", "dejen de escribirme",
			},
			Start:  {"iniciar", "empezar", "comenzar", "reanudar"},
			Help:   {"ayuda"},
			Agree:  {"si", "s", "acepto", "de acuerdo", "estoy de acuerdo"},
			Refuse: {"no", "no acepto", "rechazo", "no quiero", "no estoy de acuerdo"},
		}),
		polite: []string{"por", "favor", "porfavor", "porfa", "gracias", "ya", "ahora"},
	}
}

// words turns lists of phrases round. A phrase of several words is known without its spaces too: "opt out" and "optout".
func words(lists map[Input][]string) map[string]Input {
	out := map[string]Input{}
	for in, phrases := range lists {
		for _, p := range phrases {
			out[p] = in
			if in == Stop {
				out[strings.ReplaceAll(p, " ", "")] = in
			}
		}
	}
	return out
}

// vocabularyOf is what is understood of somebody who speaks certain languages.
func vocabularyOf(languages []string) vocabulary {
	v := english()
	for _, l := range languages {
		if base, _, _ := strings.Cut(strings.ReplaceAll(l, "-", "_"), "_"); strings.EqualFold(base, "es") {
			more := spanish()
			maps.Copy(v.exact, more.exact)
			v.polite = append(v.polite, more.polite...)
			break
		}
	}
	return v
}

// longest is the longest text, in bytes, that can be anything but Unclear.
const longest = 160

// Read tells what a text says from somebody who speaks the given languages ("es_MX") besides English. The whole text must say
// it: "Stop!!" and "please stop" do, "stop by at 5" is for a person to read. Case, accents, punctuation, spaces and
// repetition make no difference, and neither do words of politeness, except to Start, which brings back what was stopped
// and is taken by the letter.
func Read(text string, languages ...string) Input {
	if len(text) > longest {
		return Unclear
	}
	v, all := vocabularyOf(languages), fold(text)
	if in := v.lookUp(all); in != Unclear {
		return in
	}
	bare := slices.DeleteFunc(slices.Clone(all), func(w string) bool { return slices.Contains(v.polite, w) })
	in := v.lookUp(slices.Compact(bare))
	if in == Start {
		return Agree
	}
	return in
}

func (v vocabulary) lookUp(tokens []string) Input {
	if in := v.exact[strings.Join(tokens, " ")]; in != Unclear {
		return in
	}
	if in := v.exact[strings.Join(tokens, "")]; in == Stop {
		return in
	}
	return Unclear
}

// fold makes a text comparable: its words, without case, accents and punctuation.
func fold(text string) []string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r), r == '\'', r == '’':
			return -1
		case unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return ' '
	}, norm.NFKD.String(text))
	return strings.Fields(plain)
}

// Understand reads a text of whoever has a number. A provider that has acted on a keyword by itself is believed; its
// name for it is optOut.
func Understand(text, optOut string, users []directory.User) Input {
	if in := Input(optOut); in.Keyword() {
		return in
	}
	languages := make([]string, len(users))
	for i, u := range users {
		languages[i] = u.Locale
	}
	return Read(text, languages...)
}
