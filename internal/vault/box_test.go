package vault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"switchboard/internal/id"
	"switchboard/internal/vault"
	"switchboard/internal/vault/vaulttest"
)

var (
	org  = id.MustParse("01936f00-0000-7000-8000-000000000001")
	row  = id.MustParse("01936f00-0000-7000-8000-000000000002")
	urls = vault.Column{Table: "users", Name: "webhook_url", Key: []string{"id"}}
)

const plain = "https://hooks.example/T0/B0/secret"

func TestBox_opensWhatItSealed(t *testing.T) {
	t.Parallel()
	b := vaulttest.Box()
	at := urls.At(org, row.String())
	for _, text := range []string{plain, "x", strings.Repeat("long ", 100_000), "\x00\xff"} {
		sealed, err := b.Seal(at, text)
		if err != nil || strings.HasSuffix(sealed, text) {
			t.Fatalf("Seal = %.40q, %v", sealed, err)
		}
		again, err := b.Seal(at, text)
		if err != nil || again == sealed {
			t.Errorf("the same text is sealed alike twice: %v", err)
		}
		if got, err := b.Open(at, sealed); err != nil || got != text {
			t.Errorf("Open = %.40q, %v", got, err)
		}
	}
	if sealed, err := b.Seal(at, ""); sealed != "" || err != nil {
		t.Errorf("nothing is sealed as %q, %v", sealed, err)
	}
	if text, err := b.Open(at, ""); text != "" || err != nil {
		t.Errorf("nothing opens as %q, %v", text, err)
	}
}

func TestBox_bindsToThePlace(t *testing.T) {
	t.Parallel()
	b := vaulttest.Box()
	sealed, err := b.Seal(urls.At(org, row.String()), plain)
	if err != nil {
		t.Fatal(err)
	}
	other, table := urls, urls
	other.Name, table.Table = "email", "individuals"
	for name, at := range map[string]vault.Place{
		"another organization": urls.At(row, row.String()),
		"another row":          urls.At(org, org.String()),
		"another column":       other.At(org, row.String()),
		"another table":        table.At(org, row.String()),
		"a longer key":         urls.At(org, row.String(), ""),
		"a key cut elsewhere":  urls.At(org, row.String()[:5], row.String()[5:]),
		"no row":               urls.At(org),
	} {
		if got, err := b.Open(at, sealed); !errors.Is(err, vault.ErrBroken) || got != "" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestBox_refusesWhatWasChanged(t *testing.T) {
	t.Parallel()
	b := vaulttest.Box()
	at := urls.At(org, row.String())
	sealed, err := b.Seal(at, plain)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"never sealed": plain, "cut short": sealed[:len(sealed)-1], "longer": sealed + "AAAA", "without its body": sealed[:20],
		"only the word": "sealed.", "a short key": "sealed.abc.def", "not base64": sealed[:25] + "!" + sealed[26:],
	} {
		if got, err := b.Open(at, text); !errors.Is(err, vault.ErrBroken) || got != "" || strings.Contains(err.Error(), "hooks") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for i := len("sealed.") + vault.KeyIDLength + 1; i < len(sealed)-1; i++ {
		changed := []byte(sealed)
		changed[i] = map[bool]byte{true: 'B', false: 'A'}[changed[i] == 'A']
		if _, err := b.Open(at, string(changed)); !errors.Is(err, vault.ErrBroken) {
			t.Errorf("with character %d changed: %v", i, err)
		}
	}
	stranger := vault.NewBox(vault.NewRing(vault.NewKey()))
	if _, err := stranger.Open(at, sealed); !errors.Is(err, vault.ErrNoKey) {
		t.Errorf("without the key: %v", err)
	}
	if _, err := new(vault.Box).Seal(at, plain); !errors.Is(err, vault.ErrNoKey) {
		t.Errorf("without any key: %v", err)
	}
}

func TestKey_neverPrints(t *testing.T) {
	t.Parallel()
	k := vault.NewKey()
	text := strings.Split(strings.TrimSpace(vault.NewRing(k).Text()), "\n")
	secret := text[len(text)-1]
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if got := fmt.Sprintf(verb, k); strings.Contains(got, secret) || !strings.Contains(got, string(k.ID)) && verb != "%x" {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}

func TestRing(t *testing.T) {
	t.Parallel()
	newest, older, next := vault.NewKey(), vault.NewKey(), vault.NewKey()
	next.Next = true
	r := vault.NewRing(next, newest, older)
	if current, ok := r.Current(); !ok || current.ID != newest.ID {
		t.Errorf("%v seals", current)
	}
	read, err := vault.ParseRing(r.Text())
	if err != nil || len(read.Keys()) != 3 {
		t.Fatalf("ParseRing of what Text wrote: %v", err)
	}
	for i, k := range read.Keys() {
		if want := r.Keys()[i]; k.ID != want.ID || k.Next != want.Next {
			t.Errorf("key %d is %v, want %v", i, k, want)
		}
	}
	at := urls.At(org, row.String())
	sealed, err := vault.NewBox(vault.NewRing(older)).Seal(at, plain)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := vault.NewBox(read).Open(at, sealed); err != nil || got != plain {
		t.Errorf("what an older key sealed: %q, %v", got, err)
	}
}

func TestParseRing_refuses(t *testing.T) {
	t.Parallel()
	const good = "c3dpdGNoYm9hcmQgdGVzdCBrZXkgb2YgMzIgYnl0ZXM="
	for name, tc := range map[string]struct{ text, want string }{
		"nothing":       {"", "no key in it that seals"},
		"comments":      {"# a\n\n", "no key in it that seals"},
		"only the next": {"next " + good, "no key in it that seals"},
		"short":         {"# x\nc2hvcnQ=", "line 2 is no key"},
		"garbage":       {"my-own-password", "line 1 is no key"},
		"twice":         {good + "\n" + good, "a second time"},
		"a word before": {"old " + good, "line 1 is no key"},
		"endless":       {strings.Repeat("A", 1<<20), "too long"},
	} {
		_, err := vault.ParseRing(tc.text)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "password") {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

func FuzzParseRing(f *testing.F) {
	f.Add(vault.NewRing(vault.NewKey(), vault.NewKey()).Text())
	f.Add("next c3dpdGNoYm9hcmQgdGVzdCBrZXkgb2YgMzIgYnl0ZXM=\n#")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := vault.ParseRing(text)
		if err != nil {
			return
		}
		again, err := vault.ParseRing(r.Text())
		if err != nil || len(again.Keys()) != len(r.Keys()) {
			t.Errorf("%q is read, and not what is written of it: %v", text, err)
		}
	})
}

func FuzzBox_Open(f *testing.F) {
	b, at := vaulttest.Box(), urls.At(org, row.String())
	sealed, err := b.Seal(at, plain)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add("sealed.aaaaaaaaaaaa.")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := b.Open(at, text)
		if err == nil && text != "" && got != plain {
			t.Errorf("%q opens as %q", text, got)
		}
	})
}

// BenchmarkBox is what sealing costs: an address as users have one, and an answer as is kept for an idempotency key.
func BenchmarkBox(b *testing.B) {
	box, at := vaulttest.Box(), urls.At(org, row.String())
	for name, size := range map[string]int{"100 B": 100, "2 KB": 2 << 10, "32 KB": 32 << 10} {
		text := strings.Repeat("x", size)
		sealed, err := box.Seal(at, text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("seal "+name, func(b *testing.B) {
			for b.Loop() {
				_, _ = box.Seal(at, text)
			}
		})
		b.Run("open "+name, func(b *testing.B) {
			for b.Loop() {
				_, _ = box.Open(at, sealed)
			}
		})
	}
}
