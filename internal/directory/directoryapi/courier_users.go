package directoryapi

import (
	"context"
	"net/mail"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// Users are the endpoints of the accounts.
type Users struct{ directory *directory.Service }

type user struct {
	AutoSignUp          bool                            `json:"auto-sign-up"`
	Preferences         map[string]directory.Preference `json:"communication-preferences"`
	Email               *string                         `json:"email"`
	EmailVerified       bool                            `json:"email-verified"`
	FirstName           *string                         `json:"first-name"`
	LastName            *string                         `json:"last-name"`
	LastSync            jsonapi.Time                    `json:"last-sync-time"`
	Locale              string                          `json:"locale"`
	LocaleExplicit      bool                            `json:"locale-explicit"`
	Notifications       []string                        `json:"notifications"`
	Phone               *string                         `json:"phone"`
	PhoneUnsubscribed   bool                            `json:"phone-unsubscribed"`
	PhoneVerified       bool                            `json:"phone-verified"`
	PrimaryIndividualID id.ID                           `json:"primary-individual-id"`
	SMSMode             directory.SMSMode               `json:"sms-mode" enum:"disabled,enabled,two-way"`
	State               directory.UserState             `json:"state" enum:"active,invited,archived,notification-only"`
	TZ                  string                          `json:"tz"`
	TZExplicit          bool                            `json:"tz-explicit"`
	Username            string                          `json:"username"`
}

// preference is what is taken for one transport; what is absent is as for a transport that has no preference.
type preference struct {
	Enabled        *bool       `json:"enabled,omitempty" doc:"True unless it is given"`
	QuietHours     []quietHour `json:"quiet-hours,omitempty" doc:"In the user's zone; those that overlap count together"`
	UrgentOverride bool        `json:"urgent-override,omitempty" doc:"Whether urgent messages come through in quiet hours"`
}

type quietHour struct {
	Day   string `json:"day" enum:"sunday,monday,tuesday,wednesday,thursday,friday,saturday"`
	Start string `json:"start" doc:"HH:mm"`
	End   string `json:"end" doc:"HH:mm or 24:00; before the start it is on the next day"`
}

// UserFields are what a create and an update of a user have in common.
type UserFields struct {
	Email         web.Opt[string]                `json:"email,omitzero" doc:"Another address is unverified, unless email-verified says otherwise"`
	EmailVerified web.Opt[bool]                  `json:"email-verified,omitzero"`
	FirstName     web.Opt[string]                `json:"first-name,omitzero" maxLength:"255"`
	LastName      web.Opt[string]                `json:"last-name,omitzero" maxLength:"255"`
	Locale        web.Opt[string]                `json:"locale,omitzero" doc:"Null: the organization's"`
	Notifications web.Opt[[]string]              `json:"notifications,omitzero" doc:"The transports that the user accepts at all"`
	Phone         web.Opt[string]                `json:"phone,omitzero" doc:"Stored in E.164; without a country code it is read in the country of the locale"`
	PhoneVerified web.Opt[bool]                  `json:"phone-verified,omitzero"`
	Preferences   web.Opt[map[string]preference] `json:"communication-preferences,omitzero" doc:"By transport; replaced as a whole"`
	SMSMode       web.Opt[string]                `json:"sms-mode,omitzero" enum:"disabled,enabled,two-way"`
	State         web.Opt[string]                `json:"state,omitzero" enum:"active,invited,archived,notification-only"`
	TZ            web.Opt[string]                `json:"tz,omitzero" doc:"IANA; null: the organization's"`
	WebhookURL    web.Opt[string]                `json:"webhook-url,omitzero" doc:"Where the transport webhook posts to"`
}

type newUser struct {
	Username         string `json:"username" minLength:"1" maxLength:"255" doc:"Unique in the organization, whatever the case"`
	AccountType      string `json:"account-type,omitempty" enum:"participant,provider" default:"participant" doc:"Of the primary individual"`
	CreateIndividual bool   `json:"create-individual,omitempty" default:"true" doc:"Whether the primary individual is made along"`
	OrganizationID   id.ID  `json:"organization-id,omitzero"`
	UserFields
}

type userChange struct {
	Username web.Opt[string] `json:"username,omitzero" minLength:"1" maxLength:"255"`
	UserFields
}

type listUsers struct {
	jsonapi.Page
	Email        string `query:"filter[email]" maxLength:"254"`
	IndividualID id.ID  `query:"filter[individual-id]"`
	Username     string `query:"filter[username]" maxLength:"255"`
}

// Check implements web.Checked.
func (in *listUsers) Check() error {
	if a, err := mail.ParseAddress(in.Email); in.Email != "" && (err != nil || a.Address != in.Email) {
		return errs.InvalidParameter("filter[email]", "must be an e-mail address")
	}
	return nil
}

// Mount registers the endpoints.
func (h *Users) Mount(r *jsonapi.Router) {
	jsonapi.List(r, "GET /v1/users/", h.list)
	jsonapi.Create(r, "POST /v1/users/", h.create)
	jsonapi.Get(r, "GET /v1/users/{id}/", h.get)
	jsonapi.Update(r, "PATCH /v1/users/{id}/", h.update, web.Doc("A person may change notifications, communication-preferences, "+
		"sms-mode, locale and tz of their own user; everything else is for administrators."))
	jsonapi.Delete(r, "DELETE /v1/users/{id}/", h.delete, web.Doc("Deletes the user with its individuals, who leave their groups."))
}

func encodeUser(u directory.User) jsonapi.Resource[user] {
	return jsonapi.Resource[user]{ID: u.ID, Attributes: user{
		AutoSignUp: u.AutoSignUp, Preferences: u.Preferences, Email: orNull(u.Email), EmailVerified: u.EmailVerified,
		FirstName: orNull(u.FirstName), LastName: orNull(u.LastName), LastSync: jsonapi.At(u.LastSyncAt), Locale: u.Locale,
		LocaleExplicit: u.LocaleExplicit, Notifications: u.Notifications, Phone: orNull(u.Phone), PhoneUnsubscribed: u.PhoneUnsubscribed,
		PhoneVerified: u.PhoneVerified, PrimaryIndividualID: u.PrimaryIndividualID, SMSMode: u.SMSMode, State: u.State, TZ: u.TZ,
		TZExplicit: u.TZExplicit, Username: u.Username,
	}}
}

func (f UserFields) edit(username *string) directory.UserEdit {
	e := directory.UserEdit{
		Username: username, Email: f.Email.Ptr(), EmailVerified: given(f.EmailVerified), FirstName: f.FirstName.Ptr(), LastName: f.LastName.Ptr(),
		Locale: f.Locale.Ptr(), TZ: f.TZ.Ptr(), Notifications: given(f.Notifications), Phone: f.Phone.Ptr(),
		PhoneVerified: given(f.PhoneVerified), SMSMode: givenAs[directory.SMSMode](f.SMSMode), State: givenAs[directory.UserState](f.State),
		WebhookURL: f.WebhookURL.Ptr(),
	}
	if prefs := given(f.Preferences); prefs != nil {
		e.Preferences = decodePreferences(*prefs)
	}
	return e
}

func decodePreferences(in map[string]preference) *map[string]directory.Preference {
	out := make(map[string]directory.Preference, len(in))
	for transport, p := range in {
		to := directory.Preference{Enabled: p.Enabled == nil || *p.Enabled, UrgentOverride: p.UrgentOverride}
		for _, q := range p.QuietHours {
			to.QuietHours = append(to.QuietHours, directory.QuietHour(q))
		}
		out[transport] = to
	}
	return &out
}

func (h *Users) list(ctx context.Context, in *listUsers) (page.List[jsonapi.Resource[user]], error) {
	q := directory.UserQuery{Email: in.Email, Username: in.Username, IndividualID: in.IndividualID}
	l, err := h.directory.ListUsers(ctx, q, in.Offset())
	return page.Map(l, encodeUser), err
}

func (h *Users) create(ctx context.Context, in newUser) (jsonapi.Resource[user], error) {
	if err := own(ctx, in.OrganizationID); err != nil {
		return jsonapi.Resource[user]{}, err
	}
	u, err := h.directory.CreateUser(ctx, directory.NewUser{
		UserEdit: in.edit(&in.Username), AccountType: directory.AccountType(in.AccountType), Alone: !in.CreateIndividual,
	})
	return encodeUser(u), err
}

func (h *Users) get(ctx context.Context, in *jsonapi.ByID) (jsonapi.Resource[user], error) {
	u, err := h.directory.GetUser(ctx, in.ID)
	return encodeUser(u), err
}

func (h *Users) update(ctx context.Context, i id.ID, in userChange) (jsonapi.Resource[user], error) {
	u, err := h.directory.UpdateUser(ctx, i, in.edit(given(in.Username)))
	return encodeUser(u), err
}

func (h *Users) delete(ctx context.Context, i id.ID) error { return h.directory.DeleteUser(ctx, i) }
