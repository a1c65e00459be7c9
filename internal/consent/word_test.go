package consent

import (
	"strings"
	"testing"
	"unicode"

	"switchboard/internal/directory"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Input{
		"STOP": Stop, "stop": Stop, " Stop. ": Stop, "StopAll": Stop, "stop all": Stop, "UNSUBSCRIBE": Stop, "cancel": Stop, "End": Stop,
		"quit!": Stop, "revoke": Stop, "OPTOUT": Stop, "opt-out": Stop, "Opt out": Stop, "\"stop\"": Stop, "STOP!!!": Stop, "S.T.O.P": Stop,
		"Please stop": Stop, "stop, please": Stop, "STOP NOW please": Stop, "stop thank you": Stop, "stop stop stop": Stop, "ｓｔｏｐ": Stop,
		"Stop texting me!": Stop, "please stop sending me messages": Stop, "unsubscribe me please": Stop, "Don't text me": Stop, "Don’t text me": Stop,
		"Remove me from your list": Stop, "no more texts": Stop, "STOP\x00": Stop, "stóp": Stop, "stop 🙏": Stop,
		"stop by at 5": Unclear, "stop it": Unclear, "the end": Unclear, "don't stop": Unclear, "stopp": Unclear, "I can't stop": Unclear,
		"stop please by the pharmacy": Unclear, "cancel my appointment": Unclear, "when does it end?": Unclear, "bus stop": Unclear,
		"start": Start, "Unstop": Start, "YES": Start, "yes.": Start, "yes please": Agree, "Yes, thanks": Agree, "please start": Agree,
		"Y": Agree, "yep": Agree, "I agree": Agree, "i accept!": Agree, "yes but not today": Unclear, "ok": Unclear, "maybe": Unclear,
		"help": Help, "HELP?": Help, "info": Help, "help me please": Unclear, "please help": Help,
		"no": Refuse, "N": Refuse, "no thanks": Refuse, "No, thank you.": Refuse, "nope": Refuse, "no problem": Unclear, "no idea": Unclear,
		"": Unclear, "?": Unclear, "please": Unclear, "thank you": Unclear, "стоп": Unclear, "alto": Unclear, "si": Unclear, "\xff\xfe": Unclear,
		"stop " + strings.Repeat("!", 200): Unclear,
	} {
		if got := Read(text); got != want {
			t.Errorf("Read(%q) = %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]Input{
		"ALTO": Stop, "¡Alto!": Stop, "baja": Stop, "no más mensajes": Stop, "cancelar por favor": Stop, "stop por favor": Stop, "STOP": Stop,
		"sí": Agree, "SI": Agree, "Sí, por favor": Agree, "acepto": Agree, "de acuerdo": Agree, "yes": Start, "iniciar": Start,
		"no": Refuse, "no gracias": Refuse, "no acepto": Refuse, "ayuda": Help, "help": Help, "alto ahí": Unclear, "mañana": Unclear, "no sé": Unclear,
	} {
		if got := Read(text, "de_DE", "es_MX"); got != want {
			t.Errorf("Read(%q) in Spanish = %q, want %q", text, got, want)
		}
	}
	if Read("alto", "estonian") != Unclear || Read("alto", "ES-us") != Stop || Read("alto", "es") != Stop {
		t.Error("languages are told apart by their first part, whatever the case")
	}
}

func TestUnderstand(t *testing.T) {
	t.Parallel()
	maria := []directory.User{{Locale: "en_US"}, {Locale: "es_US"}}
	for _, tc := range []struct {
		text, optOut string
		users        []directory.User
		want         Input
	}{
		{"alto", "", maria, Stop},
		{"alto", "", nil, Unclear},
		{"arrête", "STOP", nil, Stop},
		{"hello", "START", maria, Start},
		{"hello", "HELP", maria, Help},
		{"stop", "something new", maria, Stop},
		{"hello", "AGREE", maria, Unclear},
	} {
		if got := Understand(tc.text, tc.optOut, tc.users); got != tc.want {
			t.Errorf("Understand(%q, %q) = %q, want %q", tc.text, tc.optOut, got, tc.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"STOP", " opt-out. ", "\xff", "Sí, por favor", "stop by at 5", "ｓｔｏｐ", "yes please", "ǅ", "İ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Read(s, "es_MX")
		switch got {
		case Unclear, Stop, Start, Help, Agree, Refuse:
		case Withdraw, Lapse:
			t.Fatalf("%q is %s, which no text says", s, got)
		}
		if len(s) > longest-2 {
			return
		}
		if again := Read(" "+s+".", "es_MX"); again != got {
			t.Errorf("a blank and a full stop make %q of %q: %q", again, got, s)
		}
		if got != Unclear && !strings.ContainsFunc(s, unicode.IsLetter) {
			t.Errorf("%q says %s without a letter", s, got)
		}
		if in := Read(s); in == Stop && got != Stop {
			t.Errorf("%q stops in English and is %q to who also knows Spanish", s, got)
		}
		if got == Unclear && Read(s+" stop", "es_MX") == Start {
			t.Errorf("%q and stop say START", s)
		}
	})
}
