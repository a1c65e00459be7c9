package scim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The limits of a filter.
const (
	maxFilter = 4096 // bytes
	maxDepth  = 16   // of parentheses and brackets
	maxTerms  = 64
)

// Attribute is the path of an attribute: userName, name.familyName, urn:…:User:department.
type Attribute struct {
	URN  string // of an extension; empty for the core schemas
	Name string // empty when the extension as a whole is meant
	Sub  string // of a complex attribute
}

// Is tells whether the path names an attribute of the core schema: "userName", "emails.value".
func (a Attribute) Is(path string) bool {
	name, sub, _ := strings.Cut(path, ".")
	return a.URN == "" && strings.EqualFold(a.Name, name) && strings.EqualFold(a.Sub, sub)
}

// String returns the path as it is written.
func (a Attribute) String() string {
	out := a.Name
	if a.URN != "" {
		out = strings.TrimSuffix(a.URN+":"+out, ":")
	}
	if a.Sub != "" {
		out += "." + a.Sub
	}
	return out
}

// Operator compares an attribute with a value.
type Operator string

// The operators.
const (
	Equal          Operator = "eq"
	NotEqual       Operator = "ne"
	Contains       Operator = "co"
	StartsWith     Operator = "sw"
	EndsWith       Operator = "ew"
	Present        Operator = "pr"
	Greater        Operator = "gt"
	GreaterOrEqual Operator = "ge"
	Less           Operator = "lt"
	LessOrEqual    Operator = "le"
)

func operators() []Operator {
	return []Operator{Equal, NotEqual, Contains, StartsWith, EndsWith, Present, Greater, GreaterOrEqual, Less, LessOrEqual}
}

// Filter selects resources. It is one of the types below.
type Filter interface {
	// Match tells whether a resource is selected.
	Match(o Object) bool
	String() string
}

// The filters.
type (
	// Compare holds an attribute to a value: a string, a bool, a float64 or nil. With Present there is none.
	Compare struct {
		Attribute Attribute
		Operator  Operator
		Value     any
	}
	// And selects what both select.
	And struct{ Left, Right Filter }
	// Or selects what either selects.
	Or struct{ Left, Right Filter }
	// Not selects what the other does not.
	Not struct{ Filter Filter }
	// Has selects resources of which one element of a list is selected.
	Has struct {
		Attribute Attribute
		Filter    Filter
	}
)

// String returns the filter as it is written.
func (f Compare) String() string {
	if f.Operator == Present {
		return f.Attribute.String() + " pr"
	}
	value, _ := json.Marshal(f.Value) //nolint:errchkjson // it was read from JSON
	return f.Attribute.String() + " " + string(f.Operator) + " " + string(value)
}

func (f And) String() string { return "(" + f.Left.String() + " and " + f.Right.String() + ")" }
func (f Or) String() string  { return "(" + f.Left.String() + " or " + f.Right.String() + ")" }
func (f Not) String() string { return "not (" + f.Filter.String() + ")" }
func (f Has) String() string { return f.Attribute.String() + "[" + f.Filter.String() + "]" }

// ParseFilter reads a filter. An *Error of the type InvalidFilter tells what is wrong, and where.
func ParseFilter(text string) (Filter, error) {
	p := &parser{text: text, kind: InvalidFilter}
	if err := p.check(); err != nil {
		return nil, err
	}
	f, err := p.or()
	if err != nil {
		return nil, err
	}
	return f, p.end()
}

// Path names what an operation of a PATCH is about: members, name.familyName, emails[type eq "work"].value.
type Path struct {
	Attribute Attribute // Sub is that of the last part, behind the brackets when there are any
	Filter    Filter    // of elements of the list; nil for all of it
}

// String returns the path as it is written.
func (p Path) String() string {
	if p.Filter == nil {
		return p.Attribute.String()
	}
	list := p.Attribute
	list.Sub = ""
	out := Has{list, p.Filter}.String()
	if p.Attribute.Sub != "" {
		out += "." + p.Attribute.Sub
	}
	return out
}

// ParsePath reads the path of a PATCH. An *Error of the type InvalidPath tells what is wrong, and where.
func ParsePath(text string) (Path, error) {
	p := &parser{text: text, kind: InvalidPath}
	if err := p.check(); err != nil {
		return Path{}, err
	}
	p.space()
	a, err := p.attribute()
	if err != nil {
		return Path{}, err
	}
	out := Path{Attribute: a}
	if p.peek() != '[' {
		return out, p.end()
	}
	if out.Filter, err = p.brackets(); err != nil {
		return Path{}, err
	}
	if p.peek() == '.' {
		if out.Attribute.Sub, err = p.part(); err != nil {
			return Path{}, err
		}
	}
	return out, p.end()
}

// parser reads the grammar of RFC 7644, section 3.4.2.2, by recursive descent.
type parser struct {
	text  string
	at    int
	depth int
	terms int
	kind  ErrorType
}

func (p *parser) fail(format string, args ...any) error {
	return &Error{p.kind, fmt.Sprintf(format, args...) + fmt.Sprintf(" (at character %d)", utf8.RuneCountInString(p.text[:p.at])+1)}
}

func (p *parser) check() error {
	switch {
	case len(p.text) > maxFilter:
		return p.fail("it is longer than %d bytes", maxFilter)
	case !utf8.ValidString(p.text):
		return p.fail("it is not valid UTF-8")
	}
	return nil
}

func (p *parser) space() {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
}

func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) end() error {
	if p.space(); p.at < len(p.text) {
		return p.fail("something follows that does not belong there")
	}
	return nil
}

// word reads up to what ends a name or an operator.
func (p *parser) word() string {
	start := p.at
	for p.at < len(p.text) && !strings.ContainsRune(" ()[]\"", rune(p.text[p.at])) {
		p.at++
	}
	return p.text[start:p.at]
}

// keyword takes a word if it is the next one.
func (p *parser) keyword(want string) bool {
	p.space()
	start := p.at
	if strings.EqualFold(p.word(), want) {
		return true
	}
	p.at = start
	return false
}

func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return p.fail("it is nested deeper than %d", maxDepth)
	}
	return nil
}

func (p *parser) or() (Filter, error) {
	left, err := p.and()
	for err == nil && p.keyword("or") {
		var right Filter
		if right, err = p.and(); err == nil {
			left = Or{left, right}
		}
	}
	return left, err
}

func (p *parser) and() (Filter, error) {
	left, err := p.term()
	for err == nil && p.keyword("and") {
		var right Filter
		if right, err = p.term(); err == nil {
			left = And{left, right}
		}
	}
	return left, err
}

func (p *parser) term() (Filter, error) {
	if p.terms++; p.terms > maxTerms {
		return nil, p.fail("it has more than %d conditions", maxTerms)
	}
	p.space()
	if p.peek() == '(' {
		return p.group('(', ')')
	}
	start := p.at
	if p.keyword("not") {
		if p.space(); p.peek() == '(' {
			f, err := p.group('(', ')')
			return Not{f}, err
		}
		p.at = start
	}
	return p.comparison()
}

// group reads a filter between two marks.
func (p *parser) group(opening, closing byte) (Filter, error) {
	if p.peek() != opening {
		return nil, p.fail("%q is missing", opening)
	}
	p.at++
	if err := p.enter(); err != nil {
		return nil, err
	}
	f, err := p.or()
	if err != nil {
		return nil, err
	}
	p.depth--
	if p.space(); p.peek() != closing {
		return nil, p.fail("%q is missing", closing)
	}
	p.at++
	return f, nil
}

func (p *parser) brackets() (Filter, error) { return p.group('[', ']') }

func (p *parser) comparison() (Filter, error) {
	a, err := p.attribute()
	if err != nil {
		return nil, err
	}
	if p.peek() != '[' {
		return p.compare(a)
	}
	f, err := p.brackets()
	if err != nil || p.peek() != '.' {
		return Has{a, f}, err
	}
	part, err := p.part()
	if err != nil {
		return nil, err
	}
	c, err := p.compare(Attribute{Name: part})
	return Has{a, And{f, c}}, err
}

// part reads the name behind the brackets: emails[type eq "work"].value. The standard has it in paths alone; identity
// providers look for users by it too, and mean that one element fits both.
func (p *parser) part() (string, error) {
	p.at++
	name := p.word()
	if !validName(name) {
		return "", p.fail("a name is missing behind the dot")
	}
	return name, nil
}

// compare reads what an attribute is held to.
func (p *parser) compare(a Attribute) (Filter, error) {
	p.space()
	word := strings.ToLower(p.word())
	op := Operator(word)
	switch {
	case !slices.Contains(operators(), op):
		return nil, p.fail("%q is no operator", word)
	case op == Present:
		return Compare{Attribute: a, Operator: op}, nil
	}
	v, err := p.value()
	if err == nil && !op.takes(v) {
		err = p.fail("%s does not compare with such a value", op)
	}
	return Compare{a, op, v}, err
}

// takes tells whether an operator has a meaning for a value: there is no order of truth values, and no part of a number.
func (op Operator) takes(v any) bool {
	_, text := v.(string)
	_, number := v.(float64)
	switch op {
	case Contains, StartsWith, EndsWith:
		return text
	case Greater, GreaterOrEqual, Less, LessOrEqual:
		return text || number
	case Equal, NotEqual, Present:
	}
	return true
}

// value reads a literal of JSON.
func (p *parser) value() (any, error) {
	p.space()
	if p.peek() == '"' {
		return p.quoted()
	}
	word := p.word()
	if b, ok := Bool(word); ok {
		return b, nil
	}
	if strings.EqualFold(word, "null") {
		return nil, nil //nolint:nilnil // null is a value
	}
	var n float64
	if err := json.Unmarshal([]byte(word), &n); err != nil {
		return nil, p.fail("%q is no value; texts stand in double quotes", word)
	}
	return n, nil
}

func (p *parser) quoted() (any, error) {
	start := p.at
	for p.at++; p.at < len(p.text); p.at++ {
		switch p.text[p.at] {
		case '\\':
			p.at++
		case '"':
			p.at++
			var out string
			if err := json.Unmarshal([]byte(p.text[start:p.at]), &out); err != nil {
				p.at = start
				return nil, p.fail("the text is not written as JSON has it")
			}
			return out, nil
		}
	}
	p.at = start
	return nil, p.fail("the text has no end")
}

// attribute reads the path of an attribute.
func (p *parser) attribute() (Attribute, error) {
	p.space()
	start := p.at
	a, ok := attributeOf(p.word())
	if !ok {
		p.at = start
		return a, p.fail("the name of an attribute is missing")
	}
	return a, nil
}

func attributeOf(word string) (Attribute, bool) {
	if strings.EqualFold(word, EnterpriseSchema) {
		return Attribute{URN: EnterpriseSchema}, true
	}
	var a Attribute
	if colon := strings.LastIndexByte(word, ':'); colon >= 0 {
		if len(word) < 4 || !strings.EqualFold(word[:4], "urn:") {
			return a, false
		}
		a.URN, word = word[:colon], word[colon+1:]
		if strings.EqualFold(a.URN, UserSchema) || strings.EqualFold(a.URN, GroupSchema) {
			a.URN = ""
		} else if strings.EqualFold(a.URN, EnterpriseSchema) {
			a.URN = EnterpriseSchema
		}
	}
	name, sub, dotted := strings.Cut(word, ".")
	a.Name, a.Sub = name, sub
	return a, validName(name) && (!dotted || validName(sub))
}

func validName(name string) bool {
	if name == "" || !letter(name[0]) && name[0] != '$' {
		return false
	}
	for i := 1; i < len(name); i++ {
		if c := name[i]; !letter(c) && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
