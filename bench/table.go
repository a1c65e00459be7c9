package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// table is the figures, in the order in which they were measured.
type table struct{ rows []row }

// row is one figure beside what the machine can do at best.
type row struct {
	database string // empty for what has none
	what     string // with the unit
	got      sample
	limits   []limit
	share    string // of the processors during the runs
}

// limit is what bounds a figure, measured in the same run.
type limit struct {
	what string
	got  sample
}

func (t *table) add(r row) { t.rows = append(t.rows, r) }

// print writes every row; further limits of a row stand on lines of their own.
func (t *table) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(cells ...string) { fmt.Fprintln(w, strings.TrimRight(strings.Join(cells, "\t"), "\t")) }
	line("", "what", "median", "min – max", "beside: the machine's limit", "median", "min – max", "ratio", "processors in use (2 CPUs = 200%)")
	last := "-"
	for _, r := range t.rows {
		database := r.database
		if database == last {
			database = ""
		} else if last != "-" {
			line("")
		}
		last = r.database
		if len(r.limits) == 0 {
			line(database, r.what, figure(r.got.median()), r.got.spread(), "", "", "", "", r.share)
		}
		for i, l := range r.limits {
			what, got, spread, share := r.what, figure(r.got.median()), r.got.spread(), r.share
			if i > 0 {
				database, what, got, spread, share = "", "", "", "", ""
			}
			line(database, what, got, spread, l.what, figure(l.got.median()), l.got.spread(), figure(r.got.over(l.got)), share)
		}
	}
	_ = w.Flush() // a broken pipe is the reader's business
}
