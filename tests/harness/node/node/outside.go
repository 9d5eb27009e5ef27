package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// insideCommand is how run starts itself once more, as the first process of the namespaces.
const insideCommand = "inside"

// run keeps the namespaces: it starts their first process, with which the kernel ends all others, opens doors
// between inside and outside, and clears up at the end. It ends with standard input, or on a signal.
func run(arguments []string) error {
	o, err := parse(arguments)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return err
	}
	defer remove(o.Dir)
	defer removeCgroups(o) // before the directory, which names them

	api, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	o.APIPort = api.Addr().(*net.TCPAddr).Port
	go open(api, "unix", o.file(apiSocket))
	for number, reach := range o.Reach {
		socket, err := net.Listen("unix", o.file(reachSocket(number)))
		if err != nil {
			return err
		}
		go open(socket, "tcp", reach.Outside)
	}
	return startInside(o)
}

// startInside starts the first process of the namespaces and returns when it has ended, and all others with it.
func startInside(o options) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	settings, err := json.Marshal(o)
	if err != nil {
		return err
	}
	first := exec.Command(program, insideCommand, string(settings))
	first.Stdout, first.Stderr = os.Stdout, os.Stderr
	first.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET,
		Pdeathsig:  syscall.SIGKILL,
	}
	if err := first.Start(); err != nil {
		return fmt.Errorf("make namespaces: %w", err)
	}
	// Nothing in there is worth an orderly end.
	var asked sync.Once
	end := func() { asked.Do(func() { _ = first.Process.Kill() }) }
	wanted := make(chan struct{})
	go func() {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
		<-signals
		close(wanted)
		end()
	}()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	err = first.Wait()
	select {
	case <-wanted:
		return nil
	default:
		return err
	}
}

// remove removes the directory. What was mounted in it goes away a moment after the last process.
func remove(dir string) {
	for range 50 {
		if os.RemoveAll(dir) == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}
