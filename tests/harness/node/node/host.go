package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/vishvananda/netlink"
)

// hideHost gives the namespaces a /proc of their own, and empty folders where the components would leave files
// behind on the host.
func hideHost(o options) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("part from the host's mounts: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	for _, folder := range []string{"/run", "/var/log", "/var/lib"} {
		if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "mode=0755"); err != nil {
			return fmt.Errorf("mount %s: %w", folder, err)
		}
	}
	if _, err := os.Stat(o.Dir); err != nil {
		return fmt.Errorf("the directory must be outside of /run, /var/log and /var/lib: %w", err)
	}
	return keepKernelSettings(o)
}

// keepKernelSettings shows the kubelet the settings of the kernel that it wants, so that it does not make them:
// they are the whole machine's.
func keepKernelSettings(o options) error {
	wanted := map[string]string{
		"vm/overcommit_memory":      "1",
		"vm/panic_on_oom":           "0",
		"kernel/panic":              "10",
		"kernel/panic_on_oops":      "1",
		"kernel/keys/root_maxkeys":  "1000000",
		"kernel/keys/root_maxbytes": "25000000",
	}
	for name, value := range wanted {
		shown := o.file(filepath.Join("sysctl", name))
		if err := os.MkdirAll(filepath.Dir(shown), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(shown, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		setting := filepath.Join("/proc/sys", name)
		if err := syscall.Mount(shown, setting, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("cover %s: %w", setting, err)
		}
	}
	return nil
}

// connect gives the network namespace its addresses. Pods find them through the bridge, which is their gateway,
// so no Service has to be translated: the API server listens on the first service address itself.
func connect(o options) error {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(loopback); err != nil {
		return err
	}
	addresses := []string{apiAddress}
	for _, reach := range o.Reach {
		host, _, err := net.SplitHostPort(reach.Inside)
		if err != nil {
			return err
		}
		addresses = append(addresses, host)
	}
	for _, text := range addresses {
		address, err := netlink.ParseAddr(text + "/32")
		if err != nil {
			return err
		}
		if err := netlink.AddrReplace(loopback, address); err != nil {
			return fmt.Errorf("add the address %s: %w", text, err)
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}
