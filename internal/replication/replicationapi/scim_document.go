package replicationapi

// The types below are for the OpenAPI document alone. Requests are read as the protocol has it: with names in any case, and
// members that nobody knows.

// scimChoice are the parameters of every answer with resources.
type scimChoice struct {
	Attributes         string `query:"attributes" doc:"Names of attributes with commas: answer these alone, with id and schemas"`
	ExcludedAttributes string `query:"excludedAttributes" doc:"Names of attributes with commas: answer all but these"`
}

type scimPage struct {
	Filter     string `query:"filter" doc:"RFC 7644, section 3.4.2.2" example:"userName eq \"ann\""`
	StartIndex int    `query:"startIndex" default:"1" doc:"Of the first resource, from 1"`
	Count      int    `query:"count" default:"100" doc:"At most 500"`
	scimChoice
}

type scimOne struct {
	scimChoice
}

type scimNothing struct{}

type scimSearch struct {
	Body struct {
		Schemas            []string `json:"schemas,omitempty"`
		Filter             string   `json:"filter,omitempty"`
		StartIndex         int      `json:"startIndex,omitempty"`
		Count              int      `json:"count,omitempty"`
		Attributes         []string `json:"attributes,omitempty"`
		ExcludedAttributes []string `json:"excludedAttributes,omitempty"`
		_                  struct{} `additionalProperties:"true"`
	}
}

type scimPatch struct {
	scimChoice
	Body struct {
		Schemas    []string        `json:"schemas,omitempty"`
		Operations []scimOperation `json:"Operations"`
		_          struct{}        `additionalProperties:"true"`
	}
}

type scimOperation struct {
	Op    string   `json:"op" enum:"add,remove,replace"`
	Path  string   `json:"path,omitempty" doc:"What is changed; without it value is an object of what is"`
	Value any      `json:"value,omitempty"`
	_     struct{} `additionalProperties:"true"`
}

type scimWritten[T any] struct {
	scimChoice
	Body T
}

// scimUser is a user; what is not here is kept as it is given.
type scimUser struct {
	Schemas      []string      `json:"schemas,omitempty"`
	UserName     string        `json:"userName"`
	ExternalID   string        `json:"externalId,omitempty"`
	Name         *scimName     `json:"name,omitempty"`
	DisplayName  string        `json:"displayName,omitempty"`
	UserType     string        `json:"userType,omitempty" enum:"provider,participant"`
	Locale       string        `json:"locale,omitempty" example:"en-US"`
	Timezone     string        `json:"timezone,omitempty" example:"Europe/Berlin"`
	Active       bool          `json:"active,omitempty"`
	Emails       []scimContact `json:"emails,omitempty"`
	PhoneNumbers []scimContact `json:"phoneNumbers,omitempty"`
	_            struct{}      `additionalProperties:"true"`
}

type scimName struct {
	GivenName  string   `json:"givenName,omitempty"`
	FamilyName string   `json:"familyName,omitempty"`
	Formatted  string   `json:"formatted,omitempty"`
	_          struct{} `additionalProperties:"true"`
}

type scimContact struct {
	Value   string   `json:"value"`
	Type    string   `json:"type,omitempty"`
	Primary bool     `json:"primary,omitempty"`
	_       struct{} `additionalProperties:"true"`
}

type scimGroup struct {
	Schemas     []string     `json:"schemas,omitempty"`
	DisplayName string       `json:"displayName"`
	ExternalID  string       `json:"externalId,omitempty"`
	Members     []scimMember `json:"members,omitempty"`
	_           struct{}     `additionalProperties:"true"`
}

type scimMember struct {
	Value string   `json:"value" doc:"The id of a user"`
	_     struct{} `additionalProperties:"true"`
}

// scimConfig is what the server says of itself.
type scimConfig struct {
	Schemas []string `json:"schemas"`
	_       struct{} `additionalProperties:"true"`
}

// scimResource is what is answered: a user, a group or a description.
type scimResource struct {
	Schemas []string `json:"schemas"`
	ID      string   `json:"id"`
	_       struct{} `additionalProperties:"true"`
}

type scimListing struct {
	Schemas      []string       `json:"schemas"`
	TotalResults int            `json:"totalResults"`
	StartIndex   int            `json:"startIndex"`
	ItemsPerPage int            `json:"itemsPerPage"`
	Resources    []scimResource `json:"Resources"`
}
