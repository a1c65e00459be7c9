package directory

import (
	"context"
	"fmt"

	"switchboard/internal/actor"
	"switchboard/internal/directory/photo"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// Profile is what an individual shows of itself to those whom it talks with.
type Profile struct {
	IndividualID id.ID
	Photo        photo.Photo // zero: none
}

// mayTouchProfile lets people and administrators through to a profile. Whoever else may see it sees it in a channel; see
// package messaging.
func mayTouchProfile(ctx context.Context, action string, individual id.ID) (actor.Actor, error) {
	a := actor.From(ctx)
	if err := covered(a, action, profileScopes()); err != nil {
		return a, err
	}
	if a.Role != actor.Administrator && !a.Owns(individual) {
		return a, errs.MissingRecord("individual-profile")
	}
	return a, nil
}

// GetProfile returns a profile to the individual itself or an administrator. NotFound: to everybody else.
func (s *Service) GetProfile(ctx context.Context, individual id.ID) (Profile, error) {
	a, err := mayTouchProfile(ctx, "read", individual)
	if err != nil {
		return Profile{}, err
	}
	return s.Profile(ctx, a.OrganizationID, individual)
}

// Profile returns the profile of an individual. It is for the other contexts and checks no permission. NotFound: there is no
// such individual.
func (s *Service) Profile(ctx context.Context, organization, individual id.ID) (Profile, error) {
	found, err := s.store.FindIndividuals(ctx, organization, []id.ID{individual})
	if err != nil {
		return Profile{}, err
	}
	if _, ok := found[individual]; !ok {
		return Profile{}, errs.MissingRecord("individual-profile")
	}
	p := Profile{IndividualID: individual}
	p.Photo, err = s.store.FindPhoto(ctx, organization, individual)
	return p, err
}

// SetPhoto gives an individual another photo, in a data URL, or none for an empty text. The picture is made fit to be kept
// (see package photo), and its type is what it is, not what the URL claims. The individual itself or an administrator may;
// to everybody else the profile is NotFound. One transaction, begun when the picture is ready.
func (s *Service) SetPhoto(ctx context.Context, individual id.ID, dataURL string) (Profile, error) {
	a, err := mayTouchProfile(ctx, "write", individual)
	if err != nil {
		return Profile{}, err
	}
	if _, err := s.Profile(ctx, a.OrganizationID, individual); err != nil { // before the work
		return Profile{}, err
	}
	p := Profile{IndividualID: individual}
	if p.Photo, err = s.clean(ctx, dataURL); err != nil {
		return Profile{}, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		i, err := s.lockIndividual(ctx, a.OrganizationID, individual)
		if err != nil {
			return err
		}
		old, err := s.store.FindPhoto(ctx, i.OrganizationID, i.ID)
		if err != nil {
			return err
		}
		if err := s.store.PutPhoto(ctx, i.OrganizationID, i.ID, p.Photo, s.now()); err != nil {
			return err
		}
		data := UserEvent{UserID: i.UserID(), IndividualID: i.ID}
		return s.record(ctx, i.OrganizationID, EventIndividualUpdated, i.ID, data, photoSnapshot(old), photoSnapshot(p.Photo))
	})
	return p, err
}

// clean makes a picture fit to be kept. One at a time: a picture can take a hundred times the memory of its file.
func (s *Service) clean(ctx context.Context, dataURL string) (photo.Photo, error) {
	if dataURL == "" {
		return photo.Photo{}, nil
	}
	select {
	case s.studio <- struct{}{}:
		defer func() { <-s.studio }()
	case <-ctx.Done():
		return photo.Photo{}, ctx.Err()
	}
	p, err := photo.FromDataURL(dataURL)
	if err != nil {
		return photo.Photo{}, errs.InvalidField("photo", "%s", err.Error())
	}
	return p, nil
}

// photoSnapshot tells the audit that there was a picture. The picture itself is not kept twice.
func photoSnapshot(p photo.Photo) snapshot {
	if p.IsZero() {
		return snapshot{"photo": ""}
	}
	return snapshot{"photo": fmt.Sprintf("%s of %d bytes", p.MediaType, len(p.Bytes))}
}
