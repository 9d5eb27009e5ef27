//go:build !linux

package supervise

import "os/exec"

// dieWithParent leaves it to EndWithSupervisor: only Linux has a signal for it.
func dieWithParent(*exec.Cmd) {}
