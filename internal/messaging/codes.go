package messaging

import "switchboard/internal/errs"

// The context's own error codes.
var (
	DuplicateChannel = errs.Code{
		Name: "DuplicateChannel", Kind: errs.Conflict,
		Doc: "There is a channel already that is not archived and stands for the same: the single channel of this participant and care group, " +
			"or the conversation of this group or contact. meta.id is its identifier; use that one, or archive it first.",
	}
	ChannelArchived = errs.Code{
		Name: "ChannelArchived", Kind: errs.Conflict,
		Doc: "The channel is archived: nothing is posted, edited or marked in it and nobody is added. Unarchive it first.",
	}
	SubscriptionClosed = errs.Code{
		Name: "SubscriptionClosed", Kind: errs.Conflict,
		Doc: "The channel's subscription type has no room for this: a single channel of a care group has one participant, a channel of type none " +
			"has none. Change the type to open, or leave the participant out.",
	}
	MessageRemoved = errs.Code{
		Name: "MessageRemoved", Kind: errs.Conflict,
		Doc: "The message was removed. It cannot be changed, restored, pinned or reacted to.",
	}
	MessagePosted = errs.Code{
		Name: "MessagePosted", Kind: errs.Conflict,
		Doc: "The message was posted and others may have read it; it cannot become a draft again. Edit or remove it.",
	}
	MessageDraft = errs.Code{
		Name: "MessageDraft", Kind: errs.Conflict,
		Doc: "The message is a draft, which nobody else can see. Post it first (PATCH draft to false).",
	}
)

// Codes lists them for the catalogue.
func Codes() []errs.Code {
	return []errs.Code{DuplicateChannel, ChannelArchived, SubscriptionClosed, MessageRemoved, MessagePosted, MessageDraft}
}
