package personal_test

import (
	"strings"
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/personal"
	"switchboard/internal/vault"
	"switchboard/internal/vault/vaulttest"
)

// What is sealed leaves opened and comes back sealed, for the place where it then stands.
func TestEngine_Sealed(t *testing.T) {
	each(t, func(w *world) {
		w.fill(2)
		box := vaulttest.Box()
		column := vault.Column{Table: "notes", Name: "text", Key: []string{"keeper_id", "title"}}
		w.engine.Sealed(box, []vault.Column{column})
		at := column.At(w.org.ID, w.ada.ID.String(), "diary x")
		sealed, err := box.Seal(at, "my secret")
		if err != nil {
			w.Fatal(err)
		}
		w.exec("update notes set text = $1 where title = 'diary x'", sealed)
		w.exec("update notes set text = '' where title = 'diary '")

		lines := w.export(w.ada)
		if got := text(lines); !strings.Contains(got, `"text":"my secret"`) || strings.Contains(got, "sealed.") {
			w.Errorf("the export is\n%s", got)
		}
		w.imports(lines, personal.Outcome{Present: 4}) // however it is sealed, it is the same
		if _, err := w.engine.EraseAll(w.Context(), w.ada, 2); err != nil {
			w.Fatal(err)
		}
		w.imports(lines, personal.Outcome{Added: 3, Present: 1})
		stored, err := db.Get(w.Context(), w.db.Q(w.Context()), db.Scalar[string], "select text from notes where title = 'diary x'")
		if err != nil || strings.Contains(stored, "secret") {
			w.Errorf("it is stored as %q, %v", stored, err)
		}
		if got, err := box.Open(at, stored); err != nil || got != "my secret" {
			w.Errorf("it opens as %q, %v", got, err)
		}
		if !strings.Contains(text(lines), "my secret") {
			w.Error("the import changed its lines")
		}

		w.exec("update notes set text = 'never sealed' where title = 'diary x'")
		err = w.engine.Export(w.Context(), []personal.Subject{w.ada}, func(string, []byte) error { return nil })
		if err == nil || strings.Contains(err.Error(), "never sealed") {
			w.Errorf("what was tampered with is exported: %v", err)
		}
	})
}
