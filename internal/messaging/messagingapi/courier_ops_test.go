package messagingapi

import (
	"encoding/json"
	"testing"

	"switchboard/internal/errs"
)

// Whatever is sent as operations is read as a whole or refused with a place in it.
func FuzzDecodeOps(f *testing.F) {
	for _, seed := range []string{
		`[]`, `[{"op":"replace","path":"/name","value":"x"}]`, `[{"op":"replace","path":"/floating","value":true},{"op":"replace","path":"/label","value":null}]`,
		`[{"op":"replace","path":"/text-number-id","value":"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b"}]`, `[{"op":"replace","path":"/subscription-type","value":"open"}]`,
		`[{"op":"replace","path":"/event-settings/enabled","value":{}}]`, `[{"path":"/nowhere"}]`, `[{"path":"/name","value":[1,2]}]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var ops []channelOp
		if json.Unmarshal([]byte(body), &ops) != nil {
			return
		}
		c, err := decodeOps(ops)
		if err != nil {
			if e, ok := err.(*errs.Error); !ok || e.Code.Kind != errs.Invalid || len(e.Fields) == 0 || len(e.Fields) > len(ops) { //nolint:errorlint // it is made there
				t.Errorf("%s: %v", body, err)
			}
			return
		}
		if len(ops) > 0 && c.Name == nil && c.Label == nil && c.EventsEnabled == nil && c.TextNumberID == nil && c.GroupID == nil && c.Floating == nil && c.Type == nil {
			t.Errorf("%s: nothing was read", body)
		}
	})
}
