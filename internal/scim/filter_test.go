package scim_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"switchboard/internal/scim"
)

func TestParseFilter(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`userName eq "bjensen"`:                                      `userName eq "bjensen"`,
		`  USERNAME   Eq  "a"  `:                                     `USERNAME eq "a"`,
		`userName eq "a\"b\u00e9\\"`:                                 `userName eq "a\"bé\\"`,
		`userName eq "a]b (c)"`:                                      `userName eq "a]b (c)"`,
		`name.familyName co "O'Malley"`:                              `name.familyName co "O'Malley"`,
		`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"`: `userName sw "J"`,
		`urn:ietf:params:scim:schemas:CORE:2.0:user:userName sw "J"`: `userName sw "J"`,
		scim.EnterpriseSchema + `:manager.value eq "26"`:             scim.EnterpriseSchema + `:manager.value eq "26"`,
		`title pr`: `title pr`,
		`meta.lastModified gt "2011-05-13T04:42:34Z"`:                    `meta.lastModified gt "2011-05-13T04:42:34Z"`,
		`title pr and userType eq "Employee"`:                            `(title pr and userType eq "Employee")`,
		`a pr or b pr and c pr`:                                          `(a pr or (b pr and c pr))`,
		`(a pr or b pr) AND c pr`:                                        `((a pr or b pr) and c pr)`,
		`userType eq "E" and not (emails co "x" or emails.value co "y")`: `(userType eq "E" and not ((emails co "x" or emails.value co "y")))`,
		`emails[type eq "work" and value co "@x"]`:                       `emails[(type eq "work" and value co "@x")]`,
		`emails[type eq "work"].value eq "a@x"`:                          `emails[(type eq "work" and value eq "a@x")]`,
		`emails[type eq "work"].value pr and title pr`:                   `(emails[(type eq "work" and value pr)] and title pr)`,
		`active eq true`:                                                 `active eq true`,
		`active eq True`:                                                 `active eq true`,
		`active eq "False"`:                                              `active eq "False"`,
		`nickName eq null`:                                               `nickName eq null`,
		`x eq 1.5`:                                                       `x eq 1.5`,
		`not eq "x"`:                                                     `not eq "x"`,
	} {
		f, err := scim.ParseFilter(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := f.String(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestParseFilter_refusals(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:                               `the name of an attribute is missing (at character 1)`,
		`userName`:                       `"" is no operator`,
		`userName is "x"`:                `"is" is no operator`,
		`userName eq`:                    `"" is no value`,
		`userName eq 'x'`:                `texts stand in double quotes`,
		`userName eq "x`:                 `the text has no end (at character 13)`,
		`userName eq "\x"`:               `not written as JSON has it`,
		`userName eq "x" and`:            `the name of an attribute is missing`,
		`userName eq "x" userName`:       `something follows`,
		`(userName eq "x"`:               `')' is missing`,
		`emails[type eq "work"`:          `']' is missing`,
		`emails[type eq "work"]. eq "x"`: `a name is missing behind the dot`,
		`emails[type eq "work"].value`:   `"" is no operator`,
		`active gt true`:                 `gt does not compare with such a value (at character 15)`,
		`title le null`:                  `le does not compare`,
		`age co 3`:                       `co does not compare`,
		`9a eq "x"`:                      `the name of an attribute is missing`,
		`a:b eq "x"`:                     `the name of an attribute is missing`,
		`name. eq "x"`:                   `the name of an attribute is missing`,
		"userName eq \"\xff\"":           `not valid UTF-8`,
		strings.Repeat("(", 17) + `a pr`: `nested deeper than 16`,
		strings.Repeat("a pr or ", 65):   `more than 64 conditions`,
		`a eq "` + strings.Repeat("x", 1<<12) + `"`: `longer than 4096 bytes`,
	} {
		_, err := scim.ParseFilter(text)
		e, ok := errors.AsType[*scim.Error](err)
		if !ok || e.Type != scim.InvalidFilter || !strings.Contains(e.Detail, want) {
			t.Errorf("%.40s: %v, want %s", text, err, want)
		}
	}
}

func TestParsePath(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`members`: `members`, `name.familyName`: `name.familyName`, `emails[type eq "work"]`: `emails[type eq "work"]`,
		`emails[type eq "work"].value`: `emails[type eq "work"].value`, scim.EnterpriseSchema: scim.EnterpriseSchema,
		scim.EnterpriseSchema + `:manager`: scim.EnterpriseSchema + `:manager`, scim.UserSchema + `:name.givenName`: `name.givenName`,
	} {
		p, err := scim.ParsePath(text)
		if err != nil || p.String() != want {
			t.Errorf("%s: %s, %v, want %s", text, p, err, want)
		}
	}
	for _, text := range []string{``, `name.`, `emails[`, `emails[]`, `emails[type eq "work"].`, `emails[type eq "work"]x`, `a b`, `emails[type eq "work"].9`} {
		_, err := scim.ParsePath(text)
		if e, ok := errors.AsType[*scim.Error](err); !ok || e.Type != scim.InvalidPath {
			t.Errorf("%s: %v", text, err)
		}
	}
}

const person = `{"id":"A1","externalId":"Ext","userName":"BJensen","active":true,"age":30,"nickName":"","tags":["x","y"],
	"meta":{"lastModified":"2026-01-02T03:04:05Z"},"name":{"familyName":"Jensen"},
	"emails":[{"type":"work","value":"b@work.example","primary":true},{"type":"home","value":"b@home.example"}],
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Ward 7","manager":{"value":"26"}}}`

func TestFilter_Match(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`userName eq "bjensen"`: true, `username EQ "BJENSEN"`: true, `userName ne "bjensen"`: false, `userName ne "x"`: true,
		`id eq "A1"`: true, `id eq "a1"`: false, `externalId eq "ext"`: false, `externalId sw "Ex"`: true,
		`userName co "JENS"`: true, `userName sw "bj"`: true, `userName ew "SEN"`: true, `userName ew "x"`: false,
		`active eq true`: true, `active eq "True"`: true, `active eq false`: false, `active ne false`: true,
		`age gt 29`: true, `age ge 30`: true, `age lt 30`: false, `age le 30`: true, `age gt "x"`: false, `age co "3"`: false,
		`emails[type eq "work"].value eq "B@work.example"`: true, `emails[type eq "home"].value eq "b@work.example"`: false,
		`nickName pr`: false, `nickName eq null`: true, `name pr`: true, `title ne "x"`: true, `tags eq "Y"`: true,
		`meta.lastModified gt "2026-01-02T04:04:04+01:00"`: true, `meta.lastModified lt "2025-01-01T00:00:00Z"`: false,
		`name.familyName eq "jensen"`: true, `name.givenName pr`: false, `userName gt "a"`: true, `userName gt 1`: false,
		`emails eq "B@WORK.example"`: true, `emails.value co "home"`: true, `emails.type eq "other"`: false,
		`emails[type eq "work" and value co "home"]`: false, `emails[type eq "home" and value co "home"]`: true, `emails[primary eq "true"]`: true,
		scim.EnterpriseSchema + `:department eq "ward 7"`: true, scim.EnterpriseSchema + `:manager.value eq "26"`: true, scim.EnterpriseSchema + `:division pr`: false,
		scim.EnterpriseSchema + ` pr`: true, `not (userName pr)`: false, `userName eq "x" or age eq 30`: true, `userName eq "x" and age eq 30`: false,
	} {
		f, err := scim.ParseFilter(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := f.Match(object(t, person)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func object(t *testing.T, text string) scim.Object {
	t.Helper()
	var o scim.Object
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return o
}

// FuzzParseFilter holds that no text makes the parser fail otherwise than with an *Error, and that what it took it takes
// again, from its own spelling, as the same.
func FuzzParseFilter(f *testing.F) {
	for _, seed := range []string{`a eq "x"`, `emails[type eq "w\u00e9"].value`, `not (a pr or b.c co null) and urn:x:y ge 1e3`, `((((`, `a[b[c pr] or d pr]`} {
		f.Add(seed)
	}
	var o scim.Object
	if err := json.Unmarshal([]byte(person), &o); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if path, err := scim.ParsePath(text); err == nil {
			again, err := scim.ParsePath(path.String())
			if err != nil || again.String() != path.String() {
				t.Errorf("%q is read as %s, and that as %s, %v", text, path, again, err)
			}
		}
		filter, err := scim.ParseFilter(text)
		if err != nil {
			if _, ok := errors.AsType[*scim.Error](err); !ok {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		filter.Match(o)
		if len(filter.String()) > 2000 { // its own spelling has more parentheses
			return
		}
		if again, err := scim.ParseFilter(filter.String()); err == nil && again.String() != filter.String() {
			t.Errorf("%q is read as %s, and that as %s", text, filter, again)
		}
	})
}
