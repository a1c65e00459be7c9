package db

import (
	"context"
	"database/sql"
	"time"
)

const (
	// checkpointPause is between two checkpoints while there are writes. A quiet database is left alone.
	checkpointPause = 250 * time.Millisecond
	// maxLogPages is how long the write-ahead log grows before the writer waits for a checkpoint: 32 MiB.
	maxLogPages = 8192
)

// checkpointer brings what is in the write-ahead log into the database, beside the writer. SQLite would do it at every
// thousandth page inside a commit, and everybody who waits for that commit would wait for the disk to sync the database too.
//
// A checkpoint beside a writer never reaches the end of the log, which therefore does not begin anew. When it has grown
// long, the writer pauses for what little the checkpoint before has left. See https://sqlite.org/wal.html#ckpt.
type checkpointer struct {
	db     *sql.DB
	writer *sqliteWriter
	quit   chan struct{}
	done   chan struct{}
}

func newCheckpointer(d *sql.DB, w *sqliteWriter) *checkpointer {
	c := &checkpointer{db: d, writer: w, quit: make(chan struct{}), done: make(chan struct{})}
	go c.run()
	return c
}

// stop waits for the checkpoint that is under way. The log that remains is read by whoever opens the database next.
func (c *checkpointer) stop() {
	close(c.quit)
	<-c.done
}

func (c *checkpointer) run() {
	defer close(c.done)
	for {
		select {
		case <-c.writer.wrote:
		case <-c.quit:
			return
		}
		pause := time.NewTimer(checkpointPause)
		select {
		case <-pause.C:
		case <-c.quit:
			pause.Stop()
			return
		}
		if pages := c.checkpoint(); pages > maxLogPages {
			c.writer.pause(func() { c.checkpoint() })
		}
	}
}

// checkpoint copies what it can without waiting for anybody, and returns how many pages the log has. An error is for the next
// time: what is in the log is stored.
func (c *checkpointer) checkpoint() (pages int) {
	var busy, copied int
	if err := c.db.QueryRowContext(context.Background(), "pragma wal_checkpoint(passive)").Scan(&busy, &pages, &copied); err != nil {
		return 0
	}
	return pages
}
