package main

import (
	"os"
	"os/signal"
	"syscall"
)

// pause holds the namespaces of a pod until it is asked to end.
func pause() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT)
	<-asked
}
