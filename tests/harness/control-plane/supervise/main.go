// Package supervise runs a Kubernetes control plane as child processes of this program, and sees to
// it that none of them outlives it, however it ends.
package supervise

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Options are the flags of "run".
type Options struct {
	Dir        string
	AuditLog   string
	Kubeconfig string
	Ephemeral  bool
	Deadline   time.Duration
}

// Main starts the control plane, prints "ready KUBECONFIG after N s", and serves until standard
// input closes, a signal asks it to end, or a component ends by itself. It returns the exit status.
func Main(args []string) int {
	// The kernel ends the children when the *thread* that started them ends.
	runtime.LockOSThread()
	options, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = serve(options)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "control-plane:", err)
		return 1
	}
	return 0
}

func parse(args []string) (Options, error) {
	var o Options
	flags := flag.NewFlagSet("control-plane run", flag.ContinueOnError)
	flags.StringVar(&o.Dir, "dir", "", "directory for data, certificates and logs; an existing one is resumed (required)")
	flags.StringVar(&o.AuditLog, "audit-log", "", "file for the API server's audit log (default: no audit log)")
	flags.StringVar(&o.Kubeconfig, "kubeconfig-out", "", "file for the administrator's kubeconfig (default DIR/kubeconfig)")
	flags.BoolVar(&o.Ephemeral, "ephemeral", false, "remove DIR at the end")
	flags.DurationVar(&o.Deadline, "deadline", time.Minute, "how long the start may take")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.Dir == "" || flags.NArg() > 0 {
		return o, errors.New("give --dir DIR and no other argument")
	}
	if o.Kubeconfig == "" {
		o.Kubeconfig = filepath.Join(o.Dir, "kubeconfig")
	}
	// The children run inside the directory, so every path they get must be absolute.
	for _, path := range []*string{&o.Dir, &o.AuditLog, &o.Kubeconfig} {
		if *path == "" {
			continue
		}
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return o, err
		}
		*path = absolute
	}
	return o, os.MkdirAll(o.Dir, 0o700)
}

// serve runs the control plane until it is asked to end (nil) or cannot go on (an error).
func serve(o Options) error {
	began := time.Now()
	if o.Ephemeral {
		defer remove(o.Dir)
	}
	asked := endRequests()
	children := newChildren(o.Dir)
	defer children.killAll()

	err := startPlane(o, children, asked)
	if errors.Is(err, errAskedToEnd) {
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Printf("ready %s after %.1f s\n", o.Kubeconfig, time.Since(began).Seconds())
	select {
	case <-asked:
		return nil
	case ended := <-children.ended:
		return ended
	}
}

// remove removes the directory for good: a kubectl that is still under way may write to its cache in
// there for a moment.
func remove(dir string) {
	for range 20 {
		_ = os.RemoveAll(dir)
		time.Sleep(50 * time.Millisecond)
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			return
		}
	}
}
