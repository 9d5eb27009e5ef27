// Command control-plane is etcd, kube-apiserver, kube-controller-manager and kubectl in one binary,
// and "run", which starts the first three together for tests and demonstrations.
package main

import (
	"fmt"
	"os"

	"launchdarkly-token-operator/tests/control-plane/supervise"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

const usage = `usage: control-plane COMMAND [ARGUMENTS]

  run                       start etcd, the API server and the controller manager (run --help)
  kubectl                   the Kubernetes command line client
  etcd, kube-apiserver, kube-controller-manager
                            one component, with its own flags`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	// The components read their flags from os.Args: let each see itself as the program.
	os.Args = os.Args[1:]
	supervise.EndWithSupervisor()
	switch os.Args[0] {
	case "run":
		os.Exit(supervise.Main(os.Args[1:]))
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(controllermanager.NewControllerManagerCommand()))
	case "kubectl":
		if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
			kubectlutil.CheckErr(err)
		}
	default:
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
}
