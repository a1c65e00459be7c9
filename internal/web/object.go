package web

import (
	"bytes"
	"encoding/json"
)

// Object is a member of a body that is a JSON object of the caller's own. Its numbers are json.Number, which keeps the digits
// that they came with: a serial number of 19 digits would be another as a float64.
type Object map[string]any

// UnmarshalJSON reads an object, or null.
func (o *Object) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var object map[string]any
	err := d.Decode(&object)
	*o = object
	return err
}
