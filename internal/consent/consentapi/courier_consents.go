package consentapi

import (
	"context"

	"switchboard/internal/consent"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// Consents are the endpoints of user-consents.
type Consents struct{ consent *consent.Service }

type attributes struct {
	Args           args          `json:"args"`
	CreatedAt      jsonapi.Time  `json:"created-at" nullable:"false"`
	LastModifiedAt jsonapi.Time  `json:"last-modified-at" nullable:"false"`
	OrganizationID id.ID         `json:"organization-id" nullable:"false"`
	State          consent.State `json:"state" enum:"accepted,pending,rejected,revoked"`
	TargetID       string        `json:"target-id" doc:"The telephone number that it is about; masked, except for administrators and the person. Empty once it was purged"`
	Type           consent.Type  `json:"type" enum:"sms"`
	UserID         id.ID         `json:"user-id"`
}

type args struct {
	Messages consent.Messages `json:"messages"`
}

type newConsent struct {
	Args           newArgs   `json:"args,omitzero"`
	Evidence       *evidence `json:"evidence,omitempty" doc:"How the person has agreed already, elsewhere: the consent is accepted at once and nothing is sent"`
	OrganizationID id.ID     `json:"organization-id,omitzero" doc:"That of the key"`
	Type           string    `json:"type" enum:"sms"`
	UserID         id.ID     `json:"user-id"`
}

type newArgs struct {
	Messages newMessages `json:"messages,omitzero" doc:"What is left out is said in words of ours, in the person's language"`
}

type newMessages struct {
	Accept          string `json:"accept,omitempty" maxLength:"1600" doc:"The answer to a yes"`
	Initial         string `json:"initial,omitempty" maxLength:"1600" doc:"The question"`
	InvalidResponse string `json:"invalid-response,omitempty" maxLength:"1600" doc:"The answer, once, to what is neither yes nor no"`
}

type evidence struct {
	ObtainedAt jsonapi.Time `json:"obtained-at"`
	Source     string       `json:"source" minLength:"1" maxLength:"255" doc:"A form, a system"`
	Text       string       `json:"text,omitempty" maxLength:"4000" doc:"What they agreed to, or where the paper is"`
}

type listConsents struct {
	jsonapi.Page
	OrganizationID id.ID  `query:"filter[organization-id]"`
	UserID         string `query:"filter[user-id]" maxLength:"255"`
}

// Mount registers the endpoints.
func (h *Consents) Mount(r *jsonapi.Router) {
	jsonapi.List(r, "GET /v1/user-consents/", h.list)
	jsonapi.Create(r, "POST /v1/user-consents/", h.create, web.Summary("Ask a user for consent"),
		web.Doc("Sends the question; the person's reply decides. For administrators and services."))
	jsonapi.Get(r, "GET /v1/user-consents/{id}/", h.get)
	jsonapi.Delete(r, "DELETE /v1/user-consents/{id}/", h.delete, web.Summary("Take a consent back"),
		web.Doc("It becomes revoked; its ledger stays. What is revoked stays so. For administrators, services and the person."))
	jsonapi.Get(r, "GET /v1/user-consents/{id}/proof/", h.proof, jsonapi.Type("user-consent-proofs"), web.Summary("Get the proof of a consent"),
		web.Doc("Its whole ledger, each entry sealed over the one before it, signed. `switchboard consent verify` checks it offline. "+
			"For administrators, services and the person."))
}

func encode(c consent.Consent) jsonapi.Resource[attributes] {
	return jsonapi.Resource[attributes]{ID: c.ID, Attributes: attributes{
		Args: args{c.Messages}, CreatedAt: jsonapi.At(c.CreatedAt), LastModifiedAt: jsonapi.At(c.ModifiedAt), OrganizationID: c.OrganizationID,
		State: c.State, TargetID: c.Number, Type: c.Type, UserID: c.UserID,
	}}
}

func (h *Consents) list(ctx context.Context, in *listConsents) (page.List[jsonapi.Resource[attributes]], error) {
	if err := consent.CheckOrganization(ctx, in.OrganizationID); err != nil {
		return page.List[jsonapi.Resource[attributes]]{}, err
	}
	user, err := id.Parse(in.UserID)
	if in.UserID != "" && (err != nil || user.IsZero()) {
		return page.List[jsonapi.Resource[attributes]]{}, nil // the parameter is any text, and no user is called so
	}
	l, err := h.consent.List(ctx, user, in.Offset())
	return page.Map(l, encode), err
}

func (h *Consents) create(ctx context.Context, in newConsent) (jsonapi.Resource[attributes], error) {
	if err := consent.CheckOrganization(ctx, in.OrganizationID); err != nil {
		return jsonapi.Resource[attributes]{}, errs.InvalidField("organization_id", "must be the organization of the key")
	}
	m := in.Args.Messages
	n := consent.NewConsent{
		UserID: in.UserID, Type: consent.Type(in.Type),
		Messages: consent.Messages{Initial: m.Initial, Accept: m.Accept, InvalidResponse: m.InvalidResponse},
	}
	if e := in.Evidence; e != nil {
		n.Evidence = &consent.Evidence{ObtainedAt: e.ObtainedAt.Time, Source: e.Source, Text: e.Text}
	}
	c, err := h.consent.Create(ctx, n)
	return encode(c), err
}

func (h *Consents) get(ctx context.Context, in *jsonapi.ByID) (jsonapi.Resource[attributes], error) {
	c, err := h.consent.Get(ctx, in.ID)
	return encode(c), err
}

func (h *Consents) delete(ctx context.Context, consentID id.ID) error {
	return h.consent.Revoke(ctx, consentID)
}

func (h *Consents) proof(ctx context.Context, in *jsonapi.ByID) (jsonapi.Resource[consent.Proof], error) {
	p, err := h.consent.Proof(ctx, in.ID)
	return jsonapi.Resource[consent.Proof]{ID: in.ID, Attributes: p}, err
}
