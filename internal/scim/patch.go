package scim

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// maxOperations bounds one PATCH.
const maxOperations = 1000

// OpKind says what an operation does.
type OpKind string

// The kinds.
const (
	Add     OpKind = "add"
	Remove  OpKind = "remove"
	Replace OpKind = "replace"
)

// Op is one operation of a PATCH. A value without a path has been taken apart into one operation for each member.
type Op struct {
	Kind  OpKind
	Path  Path
	Value any // nil for none
}

// ParsePatch reads the body of a PATCH.
func ParsePatch(body any) ([]Op, error) {
	o, _ := body.(Object)
	given, ok := Get(o, "Operations").([]any)
	switch {
	case !ok || len(given) == 0:
		return nil, &Error{InvalidSyntax, "Operations must be a list of at least one operation"}
	case len(given) > maxOperations:
		return nil, &Error{InvalidSyntax, fmt.Sprintf("Operations must be at most %d", maxOperations)}
	}
	var out []Op
	for n, v := range given {
		ops, err := parseOp(v)
		if err != nil {
			return nil, err.in(n)
		}
		out = append(out, ops...)
	}
	return out, nil
}

func (e *Error) in(n int) *Error {
	return &Error{e.Type, fmt.Sprintf("Operations[%d]: %s", n, e.Detail)}
}

func parseOp(v any) ([]Op, *Error) {
	o, ok := v.(Object)
	if !ok {
		return nil, &Error{InvalidSyntax, "an operation must be an object"}
	}
	text, _ := Text(o, "op")
	kind := OpKind(strings.ToLower(text))
	if kind != Add && kind != Remove && kind != Replace {
		return nil, &Error{InvalidSyntax, "op must be add, remove or replace"}
	}
	value := Get(o, "value")
	if path, _ := Text(o, "path"); path != "" {
		p, err := ParsePath(path)
		if err != nil {
			return nil, asError(err)
		}
		if readOnly(p.Attribute) {
			return nil, &Error{Mutability, p.String() + " cannot be changed"}
		}
		if kind == Add && value == nil {
			return nil, &Error{InvalidValue, "value is required"}
		}
		return []Op{{kind, p, value}}, nil
	}
	return spread(kind, value)
}

// spread makes one operation for each member of a value without a path. Members that cannot be changed are passed over:
// identity providers send them along.
func spread(kind OpKind, value any) ([]Op, *Error) {
	members, ok := value.(Object)
	switch {
	case kind == Remove:
		return nil, &Error{NoTarget, "path is required to remove something"}
	case !ok:
		return nil, &Error{InvalidValue, "value must be an object when there is no path"}
	}
	var out []Op
	for _, name := range slices.Sorted(maps.Keys(members)) {
		p, err := ParsePath(name)
		inner, object := members[name].(Object)
		if object && (strings.EqualFold(name, UserSchema) || strings.EqualFold(name, GroupSchema)) {
			ops, err := spread(kind, inner)
			if err != nil {
				return nil, err
			}
			out = append(out, ops...)
			continue
		}
		if object && namesExtension(name, p) {
			out = append(out, Op{kind, Path{Attribute: Attribute{URN: name}}, inner})
			continue
		}
		if err != nil {
			return nil, asError(err)
		}
		if !readOnly(p.Attribute) {
			out = append(out, Op{kind, p, members[name]})
		}
	}
	return out, nil
}

// namesExtension tells whether a name that has an object for its value is that of an extension, and not of an attribute in
// one. Of the extensions only that for enterprises is known to have attributes that are objects.
func namesExtension(name string, p Path) bool {
	return strings.HasPrefix(strings.ToLower(name), "urn:") && (p.Attribute.URN != "" && p.Attribute.URN != EnterpriseSchema || p.Attribute.Name == "")
}

func asError(err error) *Error { return err.(*Error) } //nolint:errorlint,forcetypeassert // the parser returns nothing else

func readOnly(a Attribute) bool {
	if a.URN != "" {
		return false
	}
	switch strings.ToLower(a.Name) {
	case "id", "meta", "schemas", "groups":
		return true
	}
	return false
}

// Apply changes a resource by operations, in order. The resource is changed in place; after an error it is of no use.
func Apply(o Object, ops []Op) error {
	for _, op := range ops {
		if err := op.apply(o); err != nil {
			return err
		}
	}
	return nil
}

func (op Op) apply(o Object) error {
	a := op.Path.Attribute
	if a.URN != "" {
		inner, key := find(o, a.URN)
		extension, ok := inner.(Object)
		if !ok {
			extension = Object{}
		}
		if a.Name == "" {
			extension = op.whole(extension)
		} else if err := op.inside(extension); err != nil {
			return err
		}
		if o[key] = extension; len(extension) == 0 {
			delete(o, key)
		}
		return nil
	}
	return op.inside(o)
}

// whole is an extension after an operation on all of it.
func (op Op) whole(extension Object) Object {
	if op.Kind == Remove {
		return Object{}
	}
	if given, ok := op.Value.(Object); ok {
		for k, v := range given {
			put(extension, k, v)
		}
	}
	return extension
}

// inside applies the operation to the object that has the attribute.
func (op Op) inside(o Object) error {
	a := op.Path.Attribute
	old, key := find(o, a.Name)
	switch {
	case op.Path.Filter != nil:
		return op.elements(o, key, old)
	case a.Sub != "":
		return op.member(o, key, old)
	case op.Kind == Remove:
		op.remove(o, key, old)
	case multiValued(a.Name) && op.Kind == Add:
		store(o, key, join(old, op.Value))
	case multiValued(a.Name):
		store(o, key, join(nil, op.Value))
	case strings.EqualFold(a.Name, "manager"):
		o[key] = manager(op.Value)
	default:
		if active, ok := Bool(op.Value); ok && a.Is("active") {
			op.Value = active
		}
		put(o, key, op.Value)
	}
	return nil
}

// manager is an object by the standard, and a bare identifier by some providers.
func manager(v any) any {
	if text, ok := v.(string); ok {
		return Object{"value": text}
	}
	return v
}

// put sets a value; an object is merged into one that is there, and null takes it away.
func put(o Object, name string, v any) {
	old, key := find(o, name)
	given, isObject := v.(Object)
	present, wasObject := old.(Object)
	switch {
	case v == nil:
		delete(o, key)
	case isObject && wasObject:
		for k, member := range given {
			put(present, k, member)
		}
	default:
		o[key] = v
	}
}

// member changes a part of a complex attribute, or the same part of every element of a list.
func (op Op) member(o Object, key string, old any) error {
	if multiValued(op.Path.Attribute.Name) {
		all := Objects(old)
		if len(all) == 0 {
			return &Error{NoTarget, op.Path.String() + " names nothing"}
		}
		for n, element := range all {
			op.set(element)
			onePrimary(all, n)
		}
		store(o, key, op.valued(all))
		return nil
	}
	inner, ok := old.(Object)
	if !ok {
		inner = Object{}
	}
	if op.set(inner); len(inner) > 0 {
		o[key] = inner
	} else {
		delete(o, key)
	}
	return nil
}

// set changes the part of an element that the path ends with.
func (op Op) set(element Object) {
	_, key := find(element, op.Path.Attribute.Sub)
	if op.Kind == Remove || op.Value == nil {
		delete(element, key)
		return
	}
	element[key] = op.Value
}

// remove takes an attribute away, or, from a list and with a value, the elements that have one of its values.
func (op Op) remove(o Object, key string, old any) {
	if !multiValued(key) || op.Value == nil {
		delete(o, key)
		return
	}
	gone := Objects(op.Value)
	rest := slices.DeleteFunc(Objects(old), func(element Object) bool {
		return slices.ContainsFunc(gone, func(g Object) bool { return reflect.DeepEqual(Get(g, "value"), Get(element, "value")) })
	})
	store(o, key, rest)
}

func store(o Object, key string, elements []Object) {
	if len(elements) == 0 {
		delete(o, key)
		return
	}
	o[key] = anys(elements)
}

// elements changes those elements of a list that the filter of the path selects. Where none is selected one is made that
// would be, because identity providers set emails[type eq "work"].value without looking whether there is one.
func (op Op) elements(o Object, key string, old any) error {
	all := Objects(old)
	if op.Kind == Remove && op.Path.Attribute.Sub == "" {
		store(o, key, slices.DeleteFunc(all, op.Path.Filter.Match))
		return nil
	}
	found := false
	for n, element := range all {
		if !op.Path.Filter.Match(element) {
			continue
		}
		found = true
		if err := op.element(element); err != nil {
			return err
		}
		onePrimary(all, n)
	}
	if !found && op.Kind != Remove {
		element := Object{}
		if !implied(op.Path.Filter, element) {
			return &Error{NoTarget, op.Path.String() + " selects nothing"}
		}
		if err := op.element(element); err != nil {
			return err
		}
		all = append(all, element)
		onePrimary(all, len(all)-1)
	}
	store(o, key, op.valued(all))
	return nil
}

// element changes one element of a list, or the part of it that the path ends with.
func (op Op) element(element Object) error {
	if op.Path.Attribute.Sub != "" {
		op.set(element)
		return nil
	}
	given := Objects(op.Value)
	if len(given) != 1 {
		return &Error{InvalidValue, op.Path.String() + " takes one value"}
	}
	for k, v := range given[0] {
		put(element, k, v)
	}
	return nil
}

// valued leaves out the elements whose value an operation has taken away. What remains of them would stand in front of
// those that have one.
func (op Op) valued(all []Object) []Object {
	if !strings.EqualFold(op.Path.Attribute.Sub, "value") || op.Kind != Remove && op.Value != nil {
		return all
	}
	return slices.DeleteFunc(all, func(element Object) bool { return Get(element, "value") == nil })
}

// onePrimary writes primary of an element as a truth value. One that is primary takes that from the others.
func onePrimary(all []Object, at int) {
	v, key := find(all[at], "primary")
	primary, ok := Bool(v)
	if !ok {
		return
	}
	all[at][key] = primary
	for n, other := range all {
		if primary && n != at {
			_, key := find(other, "primary")
			delete(other, key)
		}
	}
}

// implied fills an element with what a filter says of it; false when it does not say one thing.
func implied(f Filter, element Object) bool {
	switch f := f.(type) {
	case Compare:
		if f.Operator != Equal || f.Attribute.Sub != "" || f.Value == nil {
			return false
		}
		element[f.Attribute.Name] = f.Value
		if b, ok := Bool(f.Value); ok && f.Attribute.Is("primary") {
			element[f.Attribute.Name] = b
		}
		return true
	case And:
		return implied(f.Left, element) && implied(f.Right, element)
	}
	return false
}

// join adds elements to a list: one that is there already, by its value and type, is replaced.
func join(old, added any) []Object {
	all := Objects(old)
	for _, element := range Objects(added) {
		same := func(other Object) bool {
			return reflect.DeepEqual(Get(other, "value"), Get(element, "value")) && Get(element, "value") != nil &&
				reflect.DeepEqual(Get(other, "type"), Get(element, "type"))
		}
		at := slices.IndexFunc(all, same)
		if at >= 0 {
			all[at] = element
		} else {
			at, all = len(all), append(all, element)
		}
		onePrimary(all, at)
	}
	return all
}

func anys(objects []Object) []any {
	out := make([]any, len(objects))
	for i, o := range objects {
		out[i] = o
	}
	return out
}
