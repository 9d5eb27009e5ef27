package supervise

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// errAskedToEnd interrupts the start.
var errAskedToEnd = errors.New("asked to end")

// endRequests returns a channel that closes when standard input does, or on SIGINT or SIGTERM.
func endRequests() <-chan struct{} {
	asked := make(chan struct{})
	var once sync.Once
	end := func() { once.Do(func() { close(asked) }) }

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-signals
		end()
	}()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	return asked
}
