package main

import (
	"fmt"
	"io"
	"net"
)

// apiSocket is the door to the API server. Sockets in the file system are the same inside and outside.
const apiSocket = "api.sock"

func reachSocket(number int) string { return fmt.Sprintf("reach-%d.sock", number) }

// open passes every connection on to an address, until the listener is closed.
func open(listener net.Listener, network, address string) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go pass(connection, network, address)
	}
}

func pass(client net.Conn, network, address string) {
	defer client.Close()
	server, err := net.Dial(network, address)
	if err != nil {
		return // who called sees a closed connection
	}
	defer server.Close()
	done := make(chan struct{}, 2)
	copyAll := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		if half, can := to.(interface{ CloseWrite() error }); can {
			_ = half.CloseWrite()
		}
		done <- struct{}{}
	}
	go copyAll(server, client)
	go copyAll(client, server)
	<-done
	<-done
}
