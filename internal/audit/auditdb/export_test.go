package auditdb

// ListQuery is what the store asks for a page.
var ListQuery = listQuery
