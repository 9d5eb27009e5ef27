package main

import (
	"fmt"
	"os"
	"strings"
)

const (
	// The first service address, which pods are told to find the API server at.
	apiAddress = "10.0.0.1"
	apiPort    = "443"
	nodeName   = "node"
	pauseImage = "localhost/pause:1"

	// In the directory, which is the components' working directory.
	containerdSocket = "containerd.sock"
	tokenFile        = "tokens.csv"
	innerKubeconfig  = "kubeconfig-inside"
	// The API server makes this self-signed pair by itself. Its key also signs service account tokens.
	servingCert = "certs/apiserver.crt"
	servingKey  = "certs/apiserver.key"
)

func etcdFlags(o options) []string {
	const clients, peers = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
	return []string{
		"--data-dir=" + o.file("etcd"),
		"--unsafe-no-fsync", // the data need not survive a crash of the machine
		"--log-level=error",
		"--listen-client-urls=" + clients,
		"--advertise-client-urls=" + clients,
		"--listen-peer-urls=" + peers,
		"--initial-advertise-peer-urls=" + peers,
		"--initial-cluster=default=" + peers,
	}
}

func apiServerFlags(o options) []string {
	return []string{
		"kube-apiserver",
		"--etcd-servers=http://127.0.0.1:2379",
		"--bind-address=" + apiAddress,
		"--advertise-address=" + apiAddress,
		"--secure-port=" + apiPort,
		"--cert-dir=certs",
		"--authorization-mode=RBAC",
		"--token-auth-file=" + tokenFile,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + servingKey,
		"--service-account-signing-key-file=" + servingKey,
		"--service-cluster-ip-range=10.0.0.0/24",
		"--kubelet-preferred-address-types=InternalIP", // for logs
	}
}

func controllerManagerFlags(o options) []string {
	return []string{
		"kube-controller-manager",
		"--kubeconfig=" + innerKubeconfig,
		"--use-service-account-credentials",
		"--service-account-private-key-file=" + servingKey,
		"--root-ca-file=" + servingCert,
		"--leader-elect=false",
		"--secure-port=0",
	}
}

func schedulerFlags(o options) []string {
	return []string{"kube-scheduler", "--kubeconfig=" + innerKubeconfig, "--leader-elect=false", "--secure-port=0"}
}

func kubeletFlags(o options) []string {
	return []string{
		"kubelet",
		"--config=" + o.file("kubelet.yaml"),
		"--kubeconfig=" + innerKubeconfig,
		"--hostname-override=" + nodeName,
		"--node-ip=" + apiAddress, // there is no default route that would tell
		"--root-dir=" + o.file("kubelet"),
		"--cert-dir=" + o.file("kubelet-certs"),
	}
}

// writeSettings writes the files that the components read their settings from.
func writeSettings(o options) error {
	if err := os.MkdirAll(o.file("cni"), 0o755); err != nil {
		return err
	}
	fill := strings.NewReplacer(
		"{dir}", o.Dir, "{programs}", programs(), "{runc}", o.Runc, "{pause}", pauseImage,
	)
	for name, text := range map[string]string{
		"containerd.toml":      containerdSettings,
		"kubelet.yaml":         kubeletSettings,
		"cni/10-pods.conflist": networkSettings,
		"resolv.conf":          "nameserver 127.0.0.1\n", // there is no DNS
	} {
		if err := os.WriteFile(o.file(name), []byte(fill.Replace(text)), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

const containerdSettings = `version = 3
root = "{dir}/containerd/root"
state = "{dir}/containerd/state"
disabled_plugins = ["io.containerd.internal.v1.opt"] # it would make folders in /opt
[grpc]
  address = "{dir}/containerd.sock"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{pause}"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true # where there is no CAP_SYS_RESOURCE, runc could not lower it
  netns_mounts_under_state_dir = true
  disable_apparmor = true # its profile would be loaded into the machine's kernel, and stay
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["{programs}"]
  conf_dir = "{dir}/cni"
  use_internal_loopback = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
    BinaryName = "{runc}"
    SystemdCgroup = false
`

const networkSettings = `{"cniVersion": "1.0.0", "name": "pods", "plugins": [{
  "type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
  "ipam": {
    "type": "host-local", "dataDir": "{dir}/ipam",
    "ranges": [[{"subnet": "10.244.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]
  }
}]}
`

// Pods' files are brought up to date every second instead of every minute. Nothing is evicted and no image is
// removed for want of space: the disk is the host's.
const kubeletSettings = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 0.0.0.0
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
cgroupRoot: /
cgroupsPerQOS: false
enforceNodeAllocatable: []
failCgroupV1: false
failSwapOn: false
containerRuntimeEndpoint: unix://{dir}/containerd.sock
volumePluginDir: {dir}/volume-plugins
podLogsDir: {dir}/pods
resolvConf: {dir}/resolv.conf
clusterDNS: [10.0.0.10] # there is none, but without it every pod gets a warning
syncFrequency: 1s
evictionHard: {memory.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%"}
imageGCHighThresholdPercent: 100
localStorageCapacityIsolation: false
`
