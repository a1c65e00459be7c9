// Package crashtest kills the real server at random moments and checks that it has kept its word: what it acknowledged is
// there, what it counts is what there is, and every delivery that was planned was made, once where the ledger says so.
//
// It has tests only. The binary is built, run on a database of its own and killed with SIGKILL while clients post, acknowledge
// and report events; the sandbox, which takes what the server sends, lives in the test and survives. The kill is of the
// process and not of the machine: what the operating system has taken it keeps, so the syncing of the disk is not tested here.
//
//	go test ./internal/app/crashtest -rounds 200 -seed 7
package crashtest
