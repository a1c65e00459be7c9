package smtp

import (
	"bufio"
	"fmt"
	"net"
	"testing"

	gosmtp "github.com/wneessen/go-mail/smtp"
)

// greeted opens a session over a pipe whose other end takes every command.
func greeted(t *testing.T, ours, theirs net.Conn) *gosmtp.Client {
	t.Helper()
	go func() {
		defer theirs.Close()
		_, _ = fmt.Fprint(theirs, "220 hello\r\n")
		lines := bufio.NewScanner(theirs)
		for lines.Scan() {
			reply := "250 ok\r\n"
			if lines.Text() == "QUIT" {
				reply = "221 bye\r\n"
			}
			if _, err := fmt.Fprint(theirs, reply); err != nil {
				return
			}
		}
	}()
	client, err := gosmtp.NewClient(ours, "pipe")
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Hello("test"); err != nil {
		t.Fatal(err)
	}
	return client
}
