package supervise

import (
	"fmt"
	"strings"
)

// Paths inside the directory of the control plane, which is the components' working directory.
const (
	// Relative, because a socket's path is limited to about 100 bytes. etcd insists on a port.
	etcdSocket     = "unix://etcd.sock:0"
	etcdPeerSocket = "unix://peer.sock:0"
	tokenFile      = "tokens.csv"
	// The API server makes this self-signed pair by itself. Its key also signs the tokens of
	// service accounts, which saves a second key.
	servingCert     = "certs/apiserver.crt"
	servingKey      = "certs/apiserver.key"
	auditPolicyFile = "audit-policy.yaml"
)

var controllers = []string{
	"clusterrole-aggregation-controller",
	"deployment-controller",
	"garbage-collector-controller",
	"namespace-controller",
	"replicaset-controller",
	"root-ca-certificate-publisher-controller",
	"serviceaccount-controller",
	"serviceaccount-token-controller",
}

func etcdFlags() []string {
	return []string{
		"--data-dir=etcd",
		"--unsafe-no-fsync", // the data need not survive a crash of the machine
		"--log-level=error",
		"--listen-client-urls=" + etcdSocket,
		"--advertise-client-urls=" + etcdSocket,
		"--listen-peer-urls=" + etcdPeerSocket,
		"--initial-advertise-peer-urls=" + etcdPeerSocket,
		"--initial-cluster=default=" + etcdPeerSocket,
	}
}

func apiServerFlags(port int, auditLog string) []string {
	flags := []string{
		"--etcd-servers=" + etcdSocket,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none", // endpoints of the service kubernetes may not be on the loopback address
		fmt.Sprintf("--secure-port=%d", port),
		"--cert-dir=certs",
		"--authorization-mode=RBAC",
		"--token-auth-file=" + tokenFile,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + servingKey,
		"--service-account-signing-key-file=" + servingKey,
		"--service-cluster-ip-range=10.0.0.0/24",
	}
	if auditLog != "" {
		flags = append(flags,
			"--audit-policy-file="+auditPolicyFile,
			"--audit-log-path="+auditLog,
			"--audit-log-maxsize=4096", // MiB: never rotated within a test
		)
	}
	return flags
}

func controllerManagerFlags(kubeconfig string) []string {
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--use-service-account-credentials",
		"--service-account-private-key-file=" + servingKey,
		"--root-ca-file=" + servingCert,
		"--controllers=" + strings.Join(controllers, ","),
		"--leader-elect=false",
		"--secure-port=0",
	}
}

// auditPolicy records who did what, and everything that is written and answered, so that tests can search
// it for keys. Secrets are recorded without their bodies, as every sane cluster does: the API server would
// put the keys in them into the log by its own doing. The same goes for credentials to the cluster itself.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- level: Metadata
  resources:
  - {group: "", resources: [secrets, serviceaccounts/token]}
  - {group: authentication.k8s.io}
- level: RequestResponse
  verbs: [create, update, patch, delete, deletecollection]
- level: Metadata
`
