package directory

import "switchboard/internal/actor"

// Resources lists what the scopes of this context name.
func Resources() []actor.Resource {
	return []actor.Resource{
		{Name: "organizations", Actions: actor.ReadWrite(), Doc: "Organizations."},
		{Name: "users", Actions: actor.ReadWrite(), Doc: "Users: accounts, addresses and how they want to be reached."},
		{Name: "individuals", Actions: actor.ReadWrite(), Doc: "Individuals: persons."},
		{Name: "individual-groups", Actions: actor.ReadWrite(), Doc: "Groups of individuals and who leads them."},
		{Name: "groups", Actions: actor.ReadWrite(), Doc: "The same groups, by their name in the groups API."},
		{Name: "contacts", Actions: actor.ReadWrite(), Doc: "Users and individuals together, by their name in the groups API."},
		{Name: "individual-profiles", Actions: actor.ReadWrite(), Doc: "The photos of individuals."},
		{Name: "org-preferences", Actions: actor.ReadWrite(), Doc: "What an organization has set."},
		{Name: "sites", Actions: actor.ReadWrite(), Doc: "Sites that events happen at."},
	}
}
