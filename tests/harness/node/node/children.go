package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// children are the components. As the first process of its namespace this one also gets every orphan.
type children struct {
	o     options
	mutex sync.Mutex
	names map[int]string
}

// start runs a component with its output in NAME.log.
func (c *children) start(name, program string, arguments ...string) error {
	log, err := os.OpenFile(c.o.file(name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer nothing.Close()
	// Held until the name is known, so that whoever takes in the end of the process knows it too.
	c.mutex.Lock()
	defer c.mutex.Unlock()
	process, err := os.StartProcess(program, append([]string{program}, arguments...), &os.ProcAttr{
		Dir:   c.o.Dir,
		Env:   append(os.Environ(), "PATH="+programs()+":"+os.Getenv("PATH")),
		Files: []*os.File{nothing, log, log},
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	c.names[process.Pid] = name
	return nil
}

// await takes in every process that ends. It returns when a component does, which none should.
func (c *children) await() error {
	for {
		var status syscall.WaitStatus
		id, err := syscall.Wait4(-1, &status, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if name := c.name(id); name != "" {
			return fmt.Errorf("%s ended (status %d, signal %d); its last words:\n%s",
				name, status.ExitStatus(), status.Signal(), tail(c.o.file(name+".log")))
		}
	}
}

func (c *children) name(id int) string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.names[id]
}

// programs is the folder of containerd, its shim and the network plugins: that of this program.
func programs() string {
	program, err := os.Executable()
	if err != nil {
		return ""
	}
	return filepath.Dir(program)
}

// tail is the end of a log.
func tail(path string) string {
	const lines = 8
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
