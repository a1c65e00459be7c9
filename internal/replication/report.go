package replication

import (
	"slices"
	"time"
)

// maxProblems is how many problems of a poll are kept. The counts are of all.
const maxProblems = 100

// Counts is what came of the records of a poll.
type Counts struct {
	Read       int `json:"read"`
	Created    int `json:"created"`
	Adopted    int `json:"adopted"`
	Updated    int `json:"updated"`
	Unchanged  int `json:"unchanged"`
	Tombstoned int `json:"tombstoned"`
	Conflicts  int `json:"conflicts"`
	Errors     int `json:"errors"`
	// Overwritten counts records of which somebody had changed a value here that the source keeps; Updated has them too.
	Overwritten int `json:"overwritten"`
}

// Problem is what is wrong with one record, or what was noticed.
type Problem struct {
	Line       int    `json:"line,omitempty"` // in the file, from 1; 0 of what is read from a server
	ExternalID string `json:"external-id,omitempty"`
	Field      string `json:"field,omitempty"`
	Message    string `json:"message"`
}

// Report is what came of a poll.
type Report struct {
	Counts
	Problems   []Problem `json:"problems"` // the first hundred
	StartedAt  time.Time `json:"started-at"`
	FinishedAt time.Time `json:"finished-at"` // zero while it runs
	// Error is why the poll ended before the feed did; empty when it did not.
	Error string `json:"error,omitempty"`
	// Note is why there was nothing to do, such as that the file is the one that was read last.
	Note string `json:"note,omitempty"`
}

func (r *Report) problem(p Problem) {
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, p)
	}
}

// clean tells whether every record was taken.
func (r *Report) clean() bool { return r.Error == "" && r.Conflicts == 0 && r.Errors == 0 }

// clone is a copy that can be changed while the other is kept.
func (r Report) clone() Report {
	r.Problems = slices.Clone(r.Problems)
	return r
}

// outcome is what came of one record.
type outcome uint8

const (
	unchanged outcome = iota
	created
	adopted
	updated
	tombstoned
	conflict
	failed
)

// verdict is an outcome with what there is to tell.
type verdict struct {
	outcome     outcome
	overwritten []string // values that had been changed here
	problems    []Problem
}

func (r *Report) add(rec Record, v verdict) {
	r.Read++
	switch v.outcome {
	case created:
		r.Created++
	case adopted:
		r.Adopted++
	case updated:
		r.Updated++
	case unchanged:
		r.Unchanged++
	case tombstoned:
		r.Tombstoned++
	case conflict:
		r.Conflicts++
	case failed:
		r.Errors++
	}
	for _, field := range v.overwritten {
		r.problem(Problem{Line: rec.Line, ExternalID: rec.externalID(), Field: field, Message: "had been changed here, and has the source's value again"})
	}
	if len(v.overwritten) > 0 {
		r.Overwritten++
	}
	for _, p := range v.problems {
		p.Line, p.ExternalID = rec.Line, rec.externalID()
		r.problem(p)
	}
}
