package supervise

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A free port may be taken by somebody else before the API server binds it.
const portAttempts = 3

// startPlane starts the components in their order and returns when the API server is ready.
func startPlane(o Options, children *children, asked <-chan struct{}) error {
	token, err := writeAdminToken(o.Dir)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(o.Dir, auditPolicyFile), []byte(auditPolicy), 0o600); err != nil {
		return err
	}
	if err := children.start("etcd", etcdFlags()); err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		err = startAPIServer(o, children, token, asked)
		if !portWasTaken(err) || attempt == portAttempts {
			break
		}
	}
	if err != nil {
		return err
	}
	return children.start("kube-controller-manager", controllerManagerFlags(o.Kubeconfig))
}

func startAPIServer(o Options, children *children, token string, asked <-chan struct{}) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	if err := children.start("kube-apiserver", apiServerFlags(port, o.AuditLog)); err != nil {
		return err
	}
	server := server{url: fmt.Sprintf("https://127.0.0.1:%d", port), ca: filepath.Join(o.Dir, servingCert), token: token}
	if err := server.awaitReady(children, asked, time.Now().Add(o.Deadline)); err != nil {
		return err
	}
	return server.writeKubeconfig(o.Kubeconfig)
}

// writeAdminToken makes a bearer token for a member of system:masters and writes it where the API
// server reads it.
func writeAdminToken(dir string) (string, error) {
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	token := hex.EncodeToString(random)
	line := fmt.Sprintf("%s,admin,admin,\"system:masters\"\n", token)
	return token, os.WriteFile(filepath.Join(dir, tokenFile), []byte(line), 0o600)
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func portWasTaken(err error) bool {
	var ended ending
	return errors.As(err, &ended) && strings.Contains(ended.lastWords, "address already in use")
}
