package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"syscall"
	"time"
)

// inside is the first process of the namespaces. It starts everything, prints "ready KUBECONFIG after N s", and
// returns when a component ends, which none should.
func inside(arguments []string) error {
	var o options
	if len(arguments) != 1 {
		return errors.New("only \"node run\" starts this")
	}
	if err := json.Unmarshal([]byte(arguments[0]), &o); err != nil {
		return err
	}
	// Under a strict one, images could not be read by users other than root.
	syscall.Umask(0o022)
	for _, prepare := range []func(options) error{hideHost, connect, openDoors} {
		if err := prepare(o); err != nil {
			return err
		}
	}
	children := &children{o: o, names: map[int]string{}}
	// Before anybody waits: with no child at all there is nothing to wait for.
	if err := startData(children); err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- children.await() }()
	go func() {
		began := time.Now()
		if err := startNode(children); err != nil {
			ended <- err
			return
		}
		fmt.Printf("ready %s after %.1f s\n", o.file("kubeconfig"), time.Since(began).Seconds())
	}()
	return <-ended
}

// openDoors lets pods out to what they may reach, and the API server's clients in.
func openDoors(o options) error {
	for number, reach := range o.Reach {
		listener, err := net.Listen("tcp", reach.Inside)
		if err != nil {
			return err
		}
		go open(listener, "unix", o.file(reachSocket(number)))
	}
	listener, err := net.Listen("unix", o.file(apiSocket))
	if err != nil {
		return err
	}
	go open(listener, "tcp", net.JoinHostPort(apiAddress, apiPort))
	return nil
}

// startData starts etcd.
func startData(c *children) error {
	return c.start("etcd", c.o.Kubernetes, append([]string{"etcd"}, etcdFlags(c.o)...)...)
}

// startNode starts all the rest in its order and returns when pods can run.
func startNode(c *children) error {
	deadline := time.Now().Add(c.o.Deadline)
	token, err := writeAdminToken(c.o)
	if err != nil {
		return err
	}
	if err := writeSettings(c.o); err != nil {
		return err
	}
	containerd := filepath.Join(programs(), "containerd")
	if err := c.start("containerd", containerd, "--config", c.o.file("containerd.toml")); err != nil {
		return err
	}
	if err := c.start("kube-apiserver", c.o.Kubernetes, apiServerFlags(c.o)...); err != nil {
		return err
	}
	server := server{o: c.o, token: token}
	if err := await(deadline, "the API server", server.ready); err != nil {
		return err
	}
	if err := server.writeKubeconfigs(); err != nil {
		return err
	}
	if err := c.start("kube-controller-manager", c.o.Kubernetes, controllerManagerFlags(c.o)...); err != nil {
		return err
	}
	if err := c.start("kube-scheduler", c.o.Kubelet, schedulerFlags(c.o)...); err != nil {
		return err
	}
	dial := func() error { return reachable(c.o.file(containerdSocket)) }
	if err := await(deadline, "containerd", dial); err != nil {
		return err
	}
	if err := c.start("kubelet", c.o.Kubelet, kubeletFlags(c.o)...); err != nil {
		return err
	}
	return await(deadline, "the node", server.nodeReady)
}

// await asks until the answer is good, or the time is over.
func await(deadline time.Time, what string, probe func() error) error {
	for {
		err := probe()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is not ready in time: %w", what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func reachable(socket string) error {
	connection, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	return connection.Close()
}
