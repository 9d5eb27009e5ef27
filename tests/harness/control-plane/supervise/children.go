package supervise

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// lifeline names the environment variable that tells a child to end when its standard input does.
const lifeline = "CONTROL_PLANE_LIFELINE"

// children are the components this process started from its own binary.
type children struct {
	dir     string
	running []*exec.Cmd
	waiting sync.WaitGroup
	ended   chan ending
}

// newChildren has room for the ending of every child there can be, so that none waits for a reader.
func newChildren(dir string) *children {
	return &children{dir: dir, ended: make(chan ending, 2+portAttempts)}
}

// ending says that a component ended although nobody asked it to.
type ending struct {
	name      string
	err       error
	lastWords string
}

func (e ending) Error() string {
	return fmt.Sprintf("%s ended (%v); its last words:\n%s", e.name, e.err, e.lastWords)
}

// start runs one component with its output in NAME.log.
func (c *children) start(name string, flags []string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	logPath := filepath.Join(c.dir, name+".log")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Command(program, append([]string{name}, flags...)...)
	command.Dir = c.dir
	command.Env = append(os.Environ(), lifeline+"=1")
	command.Stdout, command.Stderr = log, log
	// Never written to: it closes when this process ends, and the child watches it.
	if _, err := command.StdinPipe(); err != nil {
		return err
	}
	dieWithParent(command)
	if err := command.Start(); err != nil {
		return err
	}
	c.running = append(c.running, command)
	c.waiting.Go(func() {
		err := command.Wait()
		c.ended <- ending{name, err, tail(logPath)}
	})
	return nil
}

// killAll ends the children at once: nothing they hold is worth an orderly shutdown.
func (c *children) killAll() {
	for _, command := range c.running {
		_ = command.Process.Kill() // fails only if it ended already
	}
	c.waiting.Wait()
}

// EndWithSupervisor makes a component end when the process that started it does. Where the kernel
// can see to that (Linux) this is the second line of defence, elsewhere the first.
func EndWithSupervisor() {
	if os.Getenv(lifeline) == "" {
		return
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
}

func tail(path string) string {
	const lines = 8
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
