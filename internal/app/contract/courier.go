package contract

import (
	_ "embed"
	"encoding/json"
	"strings"
)

//go:embed testdata/courier.json
var courierJSON []byte

// Operation is one operation of the courier API as its description has it.
type Operation struct {
	Method       string      `json:"method"`
	Path         string      `json:"path"`
	Query        []Parameter `json:"query"`
	BodyKind     string      `json:"body_kind"`
	Request      any         `json:"request_sample"`
	Response     any         `json:"response_sample"`
	ResponseBody string      `json:"response_body"` // "json", "json null", or that none is described
	Status       int         `json:"success_status"`
	Resource     string      `json:"path_resource"`
	Type         string      `json:"resource_type"`
}

// Parameter is one of the query.
type Parameter struct {
	Name     string `json:"name"`
	Required bool   `json:"required"`
	Type     string `json:"type"`
	Format   string `json:"format"`
	Enum     []any  `json:"enum"`
	Default  any    `json:"default"`
	Min      *int   `json:"min"`
	Max      *int   `json:"max"`
}

// Route is the operation as the route table has it.
func (o Operation) Route() string { return o.Method + " " + o.Path }

// Lists tells whether the answer is a page of resources.
func (o Operation) Lists() bool {
	body, _ := o.Response.(map[string]any)
	_, list := body["data"].([]any)
	return list
}

// Courier returns every operation of the courier API.
func Courier() ([]Operation, error) {
	var out []Operation
	err := json.Unmarshal(courierJSON, &out)
	return out, err
}

// Fill replaces the placeholders of a sample request. id is asked for the identifier that a member of this name is to
// have, and "" for a member that is to stay as it is; overrides replace the values at a path, as in Rules, and a value of
// Omit takes the member out.
func Fill(sample any, overrides map[string]any, id func(member string) string) any {
	return filler{overrides, id}.value("", "", sample)
}

// Omit takes a member out.
type Omit struct{}

type filler struct {
	overrides map[string]any
	id        func(member string) string
}

func (f filler) value(path, member string, sample any) any {
	if v, ok := f.overrides[path]; ok {
		return v
	}
	switch node := sample.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, v := range node {
			at := strings.TrimPrefix(path+"."+name, ".")
			if filled := f.value(at, name, v); filled != (Omit{}) {
				out[name] = filled
			}
		}
		return out
	case []any:
		out := make([]any, len(node))
		for i, v := range node {
			out[i] = f.value(path+"[]", member, v)
		}
		return out
	}
	if sample == Placeholder {
		if i := f.id(member); i != "" {
			return i
		}
	}
	return sample
}
