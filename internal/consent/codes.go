package consent

import "switchboard/internal/errs"

// The context's own error codes.
var (
	DuplicateConsent = errs.Code{
		Name: "DuplicateConsent", Kind: errs.Conflict,
		Doc: "The user has a consent of this type that is pending or accepted; meta.id names it. Revoke it first to ask again.",
	}
	NumberOptedOut = errs.Code{
		Name: "NumberOptedOut", Kind: errs.Conflict,
		Doc: "The person has told our number to stop and cannot be asked by text. Only a START from their phone lifts that.",
	}
	NumberUnusable = errs.Code{
		Name: "NumberUnusable", Kind: errs.Conflict,
		Doc: "The user has no telephone number, or it is not verified; meta.missing says which. Set phone and phone-verified first.",
	}
)

// Codes lists them for the catalogue.
func Codes() []errs.Code { return []errs.Code{DuplicateConsent, NumberOptedOut, NumberUnusable} }
