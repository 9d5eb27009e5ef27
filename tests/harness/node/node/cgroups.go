package main

import (
	"os"
	"path/filepath"
)

// removeCgroups removes the control groups of the containers that still ran. The kernel keeps them when their last
// process ends, and no namespace takes them along.
func removeCgroups(o options) {
	const group = "k8s.io" // containerd's name for what belongs to a kubelet
	containers, _ := os.ReadDir(o.file("containerd/state/io.containerd.runtime.v2.task/" + group))
	hierarchies, _ := filepath.Glob("/sys/fs/cgroup/*") // of version 1
	for _, hierarchy := range append(hierarchies, "/sys/fs/cgroup") {
		for _, container := range containers {
			_ = os.Remove(filepath.Join(hierarchy, group, container.Name()))
		}
		// Fails if somebody else has containers in there, as it should.
		_ = os.Remove(filepath.Join(hierarchy, group))
	}
}
