package directory

import "switchboard/internal/errs"

// The directory's own error codes.
var (
	DuplicateUsername = errs.Code{
		Name: "DuplicateUsername", Kind: errs.Conflict,
		Doc: "Another user of the organization has this username; case makes no difference. Choose another, or find that user with filter[username].",
	}
	SecondProvider = errs.Code{
		Name: "SecondProvider", Kind: errs.Conflict,
		Doc: "The user has a provider individual already; a provider has exactly one. Change that one, or give the new individual another owner.",
	}
	GroupCycle = errs.Code{
		Name: "GroupCycle", Kind: errs.Conflict,
		Doc: "The group would become its own ancestor. Choose a parent that is not below the group.",
	}
)

// Codes lists them for the catalogue.
func Codes() []errs.Code { return []errs.Code{DuplicateUsername, SecondProvider, GroupCycle} }
