// Package tx names what a service needs of a database without knowing one: a way to run several store calls
// as one transaction.
//
// The transaction travels in the context value. That was decided against handing it down as an argument because
// one transaction spans contexts (a message, its event, its deliveries), and every signature between them would
// have to name a type that the rules are not to know. The price is that a store call outside a transaction is not a
// compile error; it runs on its own instead, which is correct for reads and for single-statement writes.
package tx

import "context"

// Runner runs functions as transactions.
type Runner interface {
	// Do runs fn in a transaction and commits it when fn returns nil. The context given to fn carries the
	// transaction; every store call made with it takes part. A Do inside a Do joins the outer transaction, and
	// an error returned by the inner fn keeps the outer one from committing.
	//
	// fn must not wait for anything but the database (on SQLite it holds the only writer), must not keep the context
	// after it returned, and may run more than once when the database asks for a retry.
	//
	// Errors: what fn returned, or errs.Unavailable when the commit failed, in which case nothing is stored.
	Do(ctx context.Context, fn func(ctx context.Context) error) error
}
