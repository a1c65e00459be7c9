package delivery

import "switchboard/internal/errs"

// The ledger's own error codes.
var (
	DeliveryInProgress = errs.Code{
		Name: "DeliveryInProgress", Kind: errs.Conflict,
		Doc: "The delivery is waiting, under way or has arrived, so there is nothing to retry. Only failed and suppressed deliveries are retried.",
	}
	DeliveryWithheld = errs.Code{
		Name: "DeliveryWithheld", Kind: errs.Conflict,
		Doc: "The delivery was not made because a rule of the notification group, another delivery or a hold said so, and not because of a fault; meta.reason says which. It cannot be retried.",
	}
)

// Codes lists them for the catalogue.
func Codes() []errs.Code { return []errs.Code{DeliveryInProgress, DeliveryWithheld} }
