package web

import "github.com/danielgtaylor/huma/v2"

// Echo is a member of an answer that the body of a replacing PUT may hold as well, so that what was read can be changed and written
// back whole. It is the server's to say: what a body has there is not looked at. Declare it with omitzero.
type Echo struct{}

// UnmarshalJSON passes over whatever is there.
func (*Echo) UnmarshalJSON([]byte) error { return nil }

// IsZero tells that there is never anything to write; encoding/json's omitzero uses it.
func (Echo) IsZero() bool { return true }

// Schema admits anything.
func (Echo) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{ReadOnly: true, Description: "As it was answered. It is not looked at."}
}
