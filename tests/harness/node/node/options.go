package main

import (
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// options are the flags of "run".
type options struct {
	// Dir has everything: data, sockets, certificates, logs, kubeconfigs.
	Dir string
	// Kubernetes is the program with etcd, the API server and the controller manager.
	Kubernetes string
	// Kubelet is the program with kubelet and scheduler.
	Kubelet string
	// Runc runs containers.
	Runc string
	// Reach has what pods can reach outside.
	Reach reaches
	// Deadline is how long the start may take.
	Deadline time.Duration
	// APIPort is where the API server is found outside.
	APIPort int
}

// reach is an address inside, behind which there is one outside.
type reach struct{ Inside, Outside string }

type reaches []reach

func (r *reaches) String() string { return fmt.Sprint(*r) }

func (r *reaches) Set(text string) error {
	inside, outside, found := strings.Cut(text, "=")
	if !found {
		return errors.New("write INSIDE=OUTSIDE, both as ADDRESS:PORT")
	}
	*r = append(*r, reach{inside, outside})
	return nil
}

func parse(arguments []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("node run", flag.ContinueOnError)
	flags.StringVar(&o.Dir, "dir", "", "directory for everything; removed at the end (required)")
	flags.StringVar(&o.Kubernetes, "kubernetes", "", "program with etcd, kube-apiserver and kube-controller-manager (required)")
	flags.StringVar(&o.Kubelet, "kubelet", "", "program with kubelet and kube-scheduler (required)")
	flags.StringVar(&o.Runc, "runc", "", "program runc (required)")
	flags.Var(&o.Reach, "reach", "INSIDE=OUTSIDE: an address that pods find, as in 192.0.2.1:443, and what is behind it; may be repeated")
	flags.DurationVar(&o.Deadline, "deadline", 2*time.Minute, "how long the start may take")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	for _, path := range []*string{&o.Dir, &o.Kubernetes, &o.Kubelet, &o.Runc} {
		if *path == "" || flags.NArg() > 0 {
			return o, errors.New("give --dir, --kubernetes, --kubelet and --runc, and no argument beside the flags")
		}
		// The components run inside the directory.
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return o, err
		}
		*path = absolute
	}
	return o, nil
}

// file is the path of a file in the directory.
func (o options) file(name string) string { return filepath.Join(o.Dir, name) }
