// Package notify decides who must hear of what: a notification group says that for these topics, at these sites, these
// people are told by these channels, unless a schedule mutes it. What happened comes in as an Alert, is routed by the
// groups that match it, and leaves as notices through the Outbox.
//
// The package sends nothing and knows no address, provider, SQL or HTTP. Whether a person can be reached (preference,
// consent, quiet hours, address) is decided where deliveries are made, later than here. An Alert is what POST /events
// creates; it is not called an event because that is what the log's entries are.
package notify
