package web

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/id"
)

const schemaPrefix = "#/components/schemas/"

// newRegistry returns a registry of schemas that knows our identifiers, and names types by package so that every
// context may have its own "bookmark". Names that bodies has are given another end; it may be nil.
func newRegistry(bodies huma.Registry) huma.Registry {
	names := schemaNames{taken: map[string]reflect.Type{}, bodies: bodies}
	r := huma.NewMapRegistry(schemaPrefix, names.name)
	r.RegisterTypeAlias(reflect.TypeFor[id.ID](), reflect.TypeFor[uuidSchema]())
	return r
}

type uuidSchema struct{}

// Schema is that of an identifier in its canonical spelling.
func (uuidSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "uuid"}
}

// schemaNames gives each type a name of its own among the components.
type schemaNames struct {
	taken  map[string]reflect.Type
	bodies huma.Registry
}

func (n *schemaNames) name(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	base := hint
	if t.Name() != "" {
		base = typeName(t.PkgPath(), t.Name())
	}
	if base == "" {
		base = "Anonymous"
	}
	if n.bodies != nil && n.bodies.Map()[base] != nil {
		base += "Answer"
	}
	name := base
	for i := 2; ; i++ {
		if owner, ok := n.taken[name]; !ok || owner == t {
			break
		}
		name = fmt.Sprintf("%s%d", base, i)
	}
	if t.Kind() == reflect.Struct {
		n.taken[name] = t
	}
	return name
}

// typeName is "messaging.NewBookmark" for messagingapi.newBookmark.
func typeName(pkgPath, name string) string {
	pkg := pkgPath[strings.LastIndexByte(pkgPath, '/')+1:]
	pkg = strings.TrimSuffix(strings.TrimSuffix(pkg, "_test"), "api")
	var b strings.Builder
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return strings.ContainsRune("[]*, ", r) }) {
		part = part[strings.LastIndexByte(part, '/')+1:]
		if dot := strings.LastIndexByte(part, '.'); dot >= 0 {
			part = part[dot+1:]
		}
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	safe := strings.Map(func(r rune) rune {
		if r < 128 && (r == '_' || r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z') {
			return r
		}
		return '_'
	}, b.String())
	if pkg == "" {
		return safe
	}
	return pkg + "." + safe
}

// AnySchema admits every value; it serves dialects and operations whose bodies have no fixed shape.
func AnySchema(huma.Registry) *huma.Schema { return &huma.Schema{} }
