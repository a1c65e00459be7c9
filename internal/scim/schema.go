package scim

// attribute describes one attribute as the schemas of RFC 7643, section 7, do.
type attribute struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	MultiValued bool   `json:"multiValued"`
	Description string `json:"description"`
	Required    bool   `json:"required"`
	CaseExact   bool   `json:"caseExact"`
	Mutability  string `json:"mutability"`
	Returned    string `json:"returned"`
	Uniqueness  string `json:"uniqueness"`
	// Canonical are the usual values, References the kinds of what a reference may lead to.
	Canonical     []string    `json:"canonicalValues,omitempty"`
	References    []string    `json:"referenceTypes,omitempty"`
	SubAttributes []attribute `json:"subAttributes,omitempty"`
}

func simple(name, kind, description string) attribute {
	return attribute{Name: name, Type: kind, Description: description, Mutability: "readWrite", Returned: "default", Uniqueness: "none"}
}

func complexOf(name, description string, subs ...attribute) attribute {
	a := simple(name, "complex", description)
	a.SubAttributes = subs
	return a
}

func many(a attribute) attribute {
	a.MultiValued = true
	return a
}

func externalID() attribute {
	a := simple("externalId", "string", "What the identity provider calls the record.")
	a.CaseExact = true
	return a
}

func reference(name, description string, kinds ...string) attribute {
	a := simple(name, "reference", description)
	a.CaseExact, a.References = true, kinds
	return a
}

// kept is a text that nothing here looks at.
func kept(name string) attribute { return simple(name, "string", "Kept as it is given.") }

// pluralOf is a list of values with a type each; types are the usual ones.
func pluralOf(name, description, primary string, types ...string) attribute {
	kind := simple("type", "string", "What it is for.")
	kind.Canonical = types
	return many(complexOf(name, description, simple("value", "string", "The value."), simple("display", "string", "Kept as it is given."), kind,
		simple("primary", "boolean", primary)))
}

func contactPoints(name, description string, types ...string) attribute {
	return pluralOf(name, description, "The one that is used; without one it is the first.", types...)
}

func keptList(name string, types ...string) attribute {
	return pluralOf(name, "Kept as they are given.", "Kept as it is given; at most one.", types...)
}

func userAttributes() []attribute {
	name := simple("userName", "string", "What the user signs in with; compared without regard to case.")
	name.Required, name.Uniqueness = true, "server"
	kind := simple("userType", "string", "provider or participant: what the person is made as. It does not change the kind of one that exists.")
	return []attribute{
		name, externalID(),
		complexOf("name", "The parts of the name.", simple("givenName", "string", "The first name."), simple("familyName", "string", "The last name."),
			simple("formatted", "string", "The whole name."), kept("middleName"), kept("honorificPrefix"), kept("honorificSuffix")),
		simple("displayName", "string", "What the person wants to be called."), kind,
		simple("locale", "string", "Such as en-US; without one it is the organization's."),
		simple("timezone", "string", "Of the IANA data base; without one it is the organization's."),
		simple("active", "boolean", "False archives the user: nothing is delivered any more."),
		contactPoints("emails", "The primary or first one is kept.", "work", "home", "other"),
		contactPoints("phoneNumbers", "The primary, the mobile or the first one is kept.", "work", "home", "mobile", "fax", "pager", "other"),
		kept("nickName"), kept("title"), kept("preferredLanguage"), reference("profileUrl", "Kept as it is given.", "external"),
		many(complexOf("addresses", "Kept as they are given.", kept("formatted"), kept("streetAddress"), kept("locality"), kept("region"),
			kept("postalCode"), kept("country"), kept("type"), simple("primary", "boolean", "Kept as it is given; at most one."))),
		userGroups(),
		keptList("ims"), keptList("photos", "photo", "thumbnail"), keptList("entitlements"), keptList("roles"),
	}
}

// userGroups is the one attribute of a user that only the server writes.
func userGroups() attribute {
	kind := simple("type", "string", "direct: groups have no groups.")
	kind.Canonical = []string{"direct", "indirect"}
	a := many(complexOf("groups", "The groups that the user is a member of; they are changed by the members of the groups.",
		simple("value", "string", "The identifier of the group."), reference("$ref", "The address of the group.", "Group"),
		simple("display", "string", "The name of the group."), kind))
	a.Mutability = "readOnly"
	for n := range a.SubAttributes {
		a.SubAttributes[n].Mutability = "readOnly"
	}
	return a
}

func enterpriseAttributes() []attribute {
	return []attribute{
		kept("employeeNumber"), kept("costCenter"), kept("organization"), kept("division"), kept("department"),
		complexOf("manager", "Kept as it is given.", simple("value", "string", "The identifier of the manager."),
			reference("$ref", "The address of the manager.", "User"), simple("displayName", "string", "The manager's name.")),
	}
}

func groupAttributes() []attribute {
	name := simple("displayName", "string", "The name of the group.")
	name.Required = true
	value, ref := simple("value", "string", "The identifier of a user."), reference("$ref", "The address of the user.", "User")
	display, kind := simple("display", "string", "The name of the person."), simple("type", "string", "User: groups have no groups.")
	value.Mutability, ref.Mutability, display.Mutability, kind.Mutability = "immutable", "readOnly", "readOnly", "readOnly"
	value.Required, kind.Canonical = true, []string{"User"}
	return []attribute{
		name, externalID(),
		many(complexOf("members", "Providers lead the group; participants are served by it.", value, ref, display, kind)),
	}
}

// Schemas describes the resources, with addresses below base.
func Schemas(base string) []Object {
	describe := func(urn, name, description string, attributes []attribute) Object {
		return Object{
			"schemas": []string{SchemaSchema}, "id": urn, "name": name, "description": description, "attributes": attributes,
			"meta": Object{"resourceType": "Schema", "location": base + "/Schemas/" + urn},
		}
	}
	return []Object{
		describe(UserSchema, "User", "A user with the primary individual", userAttributes()),
		describe(GroupSchema, "Group", "An individual-group", groupAttributes()),
		describe(EnterpriseSchema, "EnterpriseUser", "What enterprises know of a user", enterpriseAttributes()),
	}
}

// ResourceTypes lists the resources, with addresses below base.
func ResourceTypes(base string) []Object {
	describe := func(name, endpoint, schema string, extensions ...string) Object {
		o := Object{
			"schemas": []string{ResourceTypeSchema}, "id": name, "name": name, "endpoint": endpoint, "schema": schema,
			"meta": Object{"resourceType": "ResourceType", "location": base + "/ResourceTypes/" + name},
		}
		for _, urn := range extensions {
			o["schemaExtensions"] = []Object{{"schema": urn, "required": false}}
		}
		return o
	}
	return []Object{describe("User", "/Users", UserSchema, EnterpriseSchema), describe("Group", "/Groups", GroupSchema)}
}

// MaxResults is how many resources one answer holds at most.
const MaxResults = 500

// Config says what of the protocol is spoken here.
func Config(base string) Object {
	supported := func(yes bool) Object { return Object{"supported": yes} }
	return Object{
		"schemas": []string{ConfigSchema}, "patch": supported(true), "changePassword": supported(false), "sort": supported(false),
		"etag": supported(true), "bulk": Object{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
		"filter": Object{"supported": true, "maxResults": MaxResults},
		"authenticationSchemes": []Object{{
			"type": "oauthbearertoken", "name": "Bearer token", "primary": true,
			"description": "An API key of an administrator with the scope scim, or an access token",
		}},
		"meta": Object{"resourceType": "ServiceProviderConfig", "location": base + "/ServiceProviderConfig"},
	}
}
