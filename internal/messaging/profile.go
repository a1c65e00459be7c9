package messaging

import (
	"context"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// Profile returns what an individual shows of itself to individual, as whom the actor acts (Nil: the one that it speaks as),
// in a channel in which both are. NotFound: one of them is not, or the channel may not be read.
func (s *Service) Profile(ctx context.Context, channel, individual, whose id.ID) (directory.Profile, error) {
	if _, err := require(ctx, channels, read); err != nil {
		return directory.Profile{}, err
	}
	c, acting, err := s.readable(ctx, channel, individual)
	if err != nil {
		return directory.Profile{}, err
	}
	for _, who := range []id.ID{acting, whose} {
		in, err := s.store.Subscribed(ctx, c.OrganizationID, c.ID, []id.ID{who})
		if err != nil {
			return directory.Profile{}, err
		}
		if !in {
			return directory.Profile{}, errs.MissingRecord("individual-profile")
		}
	}
	return s.directory.Profile(ctx, c.OrganizationID, whose)
}
