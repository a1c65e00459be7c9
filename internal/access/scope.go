package access

import (
	"fmt"
	"slices"
	"strings"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
)

// Catalogue is the resources that scopes may name. The zero value knows none and checks the form of scopes alone.
type Catalogue []actor.Resource

// check records the scopes that are none, with what was perhaps meant.
func (c Catalogue) check(f *errs.Fields, path string, scopes []string) {
	for i, s := range scopes {
		if problem := c.problem(s); problem != "" {
			f.Add(fmt.Sprintf("%s[%d]", path, i), "%s", problem)
		}
	}
}

// Known tells whether s is a scope of the catalogue.
func (c Catalogue) Known(s string) bool { return c.problem(s) == "" }

func (c Catalogue) problem(scope string) string {
	if !ValidScope(scope) {
		return "must look like resource:action, with * for any"
	}
	name, action, given := strings.Cut(scope, ":")
	if name == "*" || len(c) == 0 {
		return ""
	}
	i := slices.IndexFunc(c, func(r actor.Resource) bool { return r.Name == name })
	switch {
	case i < 0:
		return "names no resource" + c.hint(name) + "; `switchboard token scopes` lists them"
	case given && action != "*" && !slices.Contains(c[i].Actions, action):
		return "names an action that there is not; there is " + strings.Join(c[i].Actions, " and ")
	}
	return ""
}

// hint names the resource that is spelt most alike, if one is.
func (c Catalogue) hint(name string) string {
	best, least := "", max(2, len(name)/3)+1
	for _, r := range c {
		if d := distance(name, r.Name); d < least || strings.HasSuffix(r.Name, "-"+name) && least > 0 {
			best, least = r.Name, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is how many letters are to be added, removed or replaced to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := corner
			if a[i] != b[j] {
				replaced++
			}
			corner = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// ValidScope tells whether s has the form of a scope: a resource or *, and perhaps a colon and read, write or *.
func ValidScope(s string) bool {
	resource, action, given := strings.Cut(s, ":")
	if given && action != actor.Read && action != actor.Write && action != "*" {
		return false
	}
	if resource == "*" {
		return true
	}
	return resource != "" && len(s) <= 64 && strings.Trim(resource, "abcdefghijklmnopqrstuvwxyz-") == ""
}

// narrow returns the scopes that stand for those asked of a holder: all that it has when none is, and nothing when one is no
// scope or is more than it has.
func narrow(holder, asked []string) ([]string, bool) {
	if len(asked) == 0 {
		return holder, true
	}
	valid := !slices.ContainsFunc(asked, func(s string) bool { return !ValidScope(s) })
	if !valid || !actor.Covers(holder, asked) {
		return nil, false
	}
	return asked, true
}
