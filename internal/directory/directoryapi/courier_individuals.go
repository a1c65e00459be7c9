package directoryapi

import (
	"context"

	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// Individuals are the endpoints of the persons.
type Individuals struct{ directory *directory.Service }

type individual struct {
	AccountType   directory.AccountType `json:"account-type" enum:"participant,provider"`
	BirthDate     *string               `json:"birth-date" doc:"Null for participants, of anybody but themselves"`
	FirstName     *string               `json:"first-name"`
	LastModified  jsonapi.Time          `json:"last-modified-time" nullable:"false"`
	LastName      *string               `json:"last-name"`
	OwnerID       id.ID                 `json:"owner-id"`
	PreferredName *string               `json:"preferred-name"`
}

// IndividualFields are what an update of an individual takes, and a create too.
type IndividualFields struct {
	BirthDate     web.Opt[string] `json:"birth-date,omitzero" doc:"YYYY-MM-DD"`
	FirstName     web.Opt[string] `json:"first-name,omitzero" maxLength:"255"`
	LastName      web.Opt[string] `json:"last-name,omitzero" maxLength:"255"`
	OwnerID       web.Opt[id.ID]  `json:"owner-id,omitzero" doc:"A user of the organization; null: the organization"`
	PreferredName web.Opt[string] `json:"preferred-name,omitzero" maxLength:"255"`
}

type newIndividual struct {
	AccountType    string `json:"account-type,omitempty" enum:"participant,provider" default:"participant" doc:"Never changes"`
	OrganizationID id.ID  `json:"organization-id,omitzero"`
	IndividualFields
}

type listIndividuals struct {
	jsonapi.Page
	Name    string `query:"filter[name]" maxLength:"255" doc:"Each of its words begins a word of the name"`
	GroupID id.ID  `query:"filter[individual-group-id]" doc:"Its leaders and individuals"`
	UserID  id.ID  `query:"filter[user-id]" doc:"Those of this user"`
}

// Mount registers the endpoints.
func (h *Individuals) Mount(r *jsonapi.Router) {
	jsonapi.List(r, "GET /v1/individuals/", h.list)
	jsonapi.Create(r, "POST /v1/individuals/", h.create)
	jsonapi.Get(r, "GET /v1/individuals/{id}/", h.get)
	jsonapi.Update(r, "PATCH /v1/individuals/{id}/", h.update)
	jsonapi.Delete(r, "DELETE /v1/individuals/{id}/", h.delete, web.Doc("Deletes the individual, who leaves its groups."))
}

func encodeIndividual(i directory.Individual) jsonapi.Resource[individual] {
	return jsonapi.Resource[individual]{ID: i.ID, Attributes: individual{
		AccountType: i.AccountType, BirthDate: orNull(i.BirthDate), FirstName: orNull(i.FirstName), LastModified: jsonapi.At(i.ModifiedAt),
		LastName: orNull(i.LastName), OwnerID: i.OwnerID, PreferredName: orNull(i.PreferredName),
	}}
}

func (f IndividualFields) edit() directory.IndividualEdit {
	return directory.IndividualEdit{
		FirstName: f.FirstName.Ptr(), LastName: f.LastName.Ptr(), PreferredName: f.PreferredName.Ptr(), BirthDate: f.BirthDate.Ptr(), OwnerID: f.OwnerID.Ptr(),
	}
}

func (h *Individuals) list(ctx context.Context, in *listIndividuals) (page.List[jsonapi.Resource[individual]], error) {
	l, err := h.directory.ListIndividuals(ctx, directory.IndividualQuery{Name: in.Name, GroupID: in.GroupID, UserID: in.UserID}, in.Offset())
	return page.Map(l, encodeIndividual), err
}

func (h *Individuals) create(ctx context.Context, in newIndividual) (jsonapi.Resource[individual], error) {
	if err := own(ctx, in.OrganizationID); err != nil {
		return jsonapi.Resource[individual]{}, err
	}
	i, err := h.directory.CreateIndividual(ctx, directory.NewIndividual{
		IndividualEdit: in.edit(), AccountType: directory.AccountType(in.AccountType),
	})
	return encodeIndividual(i), err
}

func (h *Individuals) get(ctx context.Context, in *jsonapi.ByID) (jsonapi.Resource[individual], error) {
	i, err := h.directory.GetIndividual(ctx, in.ID)
	return encodeIndividual(i), err
}

func (h *Individuals) update(ctx context.Context, i id.ID, in IndividualFields) (jsonapi.Resource[individual], error) {
	out, err := h.directory.UpdateIndividual(ctx, i, in.edit())
	return encodeIndividual(out), err
}

func (h *Individuals) delete(ctx context.Context, i id.ID) error {
	return h.directory.DeleteIndividual(ctx, i)
}
