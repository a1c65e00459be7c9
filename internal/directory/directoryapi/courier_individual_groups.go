package directoryapi

import (
	"context"

	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// IndividualGroups are the endpoints of the groups.
type IndividualGroups struct{ directory *directory.Service }

type individualGroup struct {
	Individuals    []jsonapi.Ref `json:"individuals"`
	LastSync       jsonapi.Time  `json:"last-sync-time"`
	Leaders        []jsonapi.Ref `json:"leaders"`
	Name           string        `json:"name"`
	OrganizationID id.ID         `json:"organization-id" nullable:"false"`
	ParentID       id.ID         `json:"parent-id"`
}

// GroupFields are what a create and an update of a group have in common.
type GroupFields struct {
	IndividualIDs web.Opt[[]id.ID] `json:"individual-ids,omitzero" doc:"Participants; replaced as a whole"`
	LeaderIDs     web.Opt[[]id.ID] `json:"leader-ids,omitzero" doc:"Providers; replaced as a whole"`
	ParentID      web.Opt[id.ID]   `json:"parent-id,omitzero"`
}

type newGroup struct {
	Name           string `json:"name" minLength:"1" maxLength:"255"`
	OrganizationID id.ID  `json:"organization-id,omitzero"`
	GroupFields
}

type groupChange struct {
	Name web.Opt[string] `json:"name,omitzero" minLength:"1" maxLength:"255"`
	GroupFields
}

type listGroups struct {
	jsonapi.Page
	Archived     *bool  `query:"filter[archived]" doc:"Without it those that are archived are listed too"`
	IndividualID id.ID  `query:"filter[individual-id]" doc:"Those in which this individual stands, as a leader or not"`
	Name         string `query:"filter[name]" maxLength:"255" doc:"Each of its words begins a word of the name"`
}

// Mount registers the endpoints.
func (h *IndividualGroups) Mount(r *jsonapi.Router) {
	jsonapi.List(r, "GET /v1/individual-groups/", h.list)
	jsonapi.Create(r, "POST /v1/individual-groups/", h.create)
	jsonapi.Get(r, "GET /v1/individual-groups/{id}/", h.get)
	jsonapi.Update(r, "PATCH /v1/individual-groups/{id}/", h.update)
	jsonapi.Delete(r, "DELETE /v1/individual-groups/{id}/", h.delete)
}

func encodeGroup(g directory.Group) jsonapi.Resource[individualGroup] {
	return jsonapi.Resource[individualGroup]{ID: g.ID, Attributes: individualGroup{
		Individuals: refs(g.IndividualIDs), LastSync: jsonapi.At(g.LastSyncAt), Leaders: refs(g.LeaderIDs), Name: g.Name,
		OrganizationID: g.OrganizationID, ParentID: g.ParentID,
	}}
}

func (f GroupFields) edit(name *string) directory.GroupEdit {
	return directory.GroupEdit{
		Name: name, ParentID: f.ParentID.Ptr(), LeaderIDs: given(f.LeaderIDs), IndividualIDs: given(f.IndividualIDs),
	}
}

func (h *IndividualGroups) list(ctx context.Context, in *listGroups) (page.List[jsonapi.Resource[individualGroup]], error) {
	l, err := h.directory.ListGroups(ctx, directory.GroupQuery{Name: in.Name, Archived: in.Archived, IndividualID: in.IndividualID}, in.Offset())
	return page.Map(l, encodeGroup), err
}

func (h *IndividualGroups) create(ctx context.Context, in newGroup) (jsonapi.Resource[individualGroup], error) {
	if err := own(ctx, in.OrganizationID); err != nil {
		return jsonapi.Resource[individualGroup]{}, err
	}
	g, err := h.directory.CreateGroup(ctx, in.edit(&in.Name))
	return encodeGroup(g), err
}

func (h *IndividualGroups) get(ctx context.Context, in *jsonapi.ByID) (jsonapi.Resource[individualGroup], error) {
	g, err := h.directory.GetGroup(ctx, in.ID)
	return encodeGroup(g), err
}

func (h *IndividualGroups) update(ctx context.Context, i id.ID, in groupChange) (jsonapi.Resource[individualGroup], error) {
	g, err := h.directory.UpdateGroup(ctx, i, in.edit(given(in.Name)))
	return encodeGroup(g), err
}

func (h *IndividualGroups) delete(ctx context.Context, i id.ID) error {
	return h.directory.DeleteGroup(ctx, i)
}
