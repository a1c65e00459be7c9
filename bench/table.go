package main

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
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

// columns are the heads of the table.
func columns() []string {
	return []string{
		"", "what", "median", "min – max", "beside: the machine's limit", "median", "min – max", "ratio",
		fmt.Sprintf("processors in use (of %d00%%)", runtime.NumCPU()),
	}
}

// print writes every row; further limits of a row stand on lines of their own.
func (t *table) print(out io.Writer) {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(cells ...string) { fmt.Fprintln(w, strings.Join(cells, "\t")) }
	line(columns()...)
	last := ""
	for i, r := range t.rows {
		if r.database != last && i > 0 {
			line(make([]string, len(columns()))...)
		}
		for i, cells := range r.cells() {
			if i > 0 || r.database == last {
				cells[0] = ""
			}
			line(cells...)
		}
		last = r.database
	}
	_ = w.Flush() // into memory
	for text := range strings.Lines(b.String()) {
		fmt.Fprintln(out, strings.TrimRight(text, " \n"))
	}
}

// cells are the lines of one row.
func (r row) cells() [][]string {
	head := []string{r.database, r.what, figure(r.got.median()), r.got.spread()}
	if len(r.limits) == 0 {
		return [][]string{append(head, "", "", "", "", r.share)}
	}
	var out [][]string
	share := r.share
	for _, l := range r.limits {
		out = append(out, append(head, l.what, figure(l.got.median()), l.got.spread(), figure(r.got.over(l.got)), share))
		head, share = make([]string, len(head)), ""
	}
	return out
}
