// Package page describes one page of a list, in the two ways that the APIs turn pages: by limit and offset with a
// total, and by cursor. It says which page is wanted; how that is written on the wire is a dialect's business.
package page

import "switchboard/internal/id"

// Offset asks for Limit items after skipping Offset.
type Offset struct {
	Limit  int
	Offset int
}

// Cursor asks for Limit items next to a known one. At most one of After and Before is set; both zero means the
// first page.
type Cursor struct {
	Limit  int
	After  id.ID // the page that follows this item
	Before id.ID // the page that ends just before this item
}

// List is one page of a list.
type List[T any] struct {
	Items []T
	Total int  // how many items the whole list has; filled for Offset pages
	More  bool // whether more items follow in the direction of travel; filled for Cursor pages
}

// Map returns the same page with each item turned by f.
func Map[T, U any](l List[T], f func(T) U) List[U] {
	out := List[U]{Items: make([]U, len(l.Items)), Total: l.Total, More: l.More}
	for i, item := range l.Items {
		out.Items[i] = f(item)
	}
	return out
}
