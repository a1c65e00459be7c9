package web

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// HTTPServer returns an http.Server for a handler, with limits on what a slow or hostile client can hold: 10 s for a
// header, 60 s for a request, 2 minutes for a connection that is idle, 64 KiB of headers. Writing has no deadline of
// the connection's, since streams share it; operations have deadlines of their own.
//
// base is the context of every request; cancelling it asks streams to end, which Shutdown alone does not. log hears of broken connections;
// nil keeps quiet.
func HTTPServer(base context.Context, h http.Handler, log *slog.Logger) *http.Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return base },
	}
}
