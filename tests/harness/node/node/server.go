package main

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// server is the API server as its administrator sees it.
type server struct {
	o     options
	token string
}

// writeAdminToken makes a bearer token for a member of system:masters and writes it where the API server reads it.
func writeAdminToken(o options) (string, error) {
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	token := hex.EncodeToString(random)
	line := fmt.Sprintf("%s,admin,admin,\"system:masters\"\n", token)
	return token, os.WriteFile(o.file(tokenFile), []byte(line), 0o600)
}

func (s server) ready() error {
	_, err := s.get("/readyz")
	return err
}

// nodeReady says why the node is not Ready.
func (s server) nodeReady() error {
	text, err := s.get("/api/v1/nodes/" + nodeName)
	if err != nil {
		return err
	}
	var node struct {
		Status struct {
			Conditions []struct{ Type, Status, Message string }
		}
	}
	if err := json.Unmarshal(text, &node); err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == "Ready" && condition.Status == "True" {
			return nil
		}
		if condition.Type == "Ready" {
			return errors.New(condition.Message)
		}
	}
	return errors.New("it has no condition Ready")
}

func (s server) get(path string) ([]byte, error) {
	ca, err := os.ReadFile(s.o.file(servingCert))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: 5 * time.Second}
	request, err := http.NewRequest(http.MethodGet, "https://"+apiAddress+":"+apiPort+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", path, response.Status)
	}
	return io.ReadAll(response.Body)
}

// writeKubeconfigs writes the administrator's kubeconfig for inside, and the one for outside, where another
// address leads to the API server.
func (s server) writeKubeconfigs() error {
	ca, err := os.ReadFile(s.o.file(servingCert))
	if err != nil {
		return err
	}
	for name, address := range map[string]string{
		innerKubeconfig: apiAddress + ":" + apiPort,
		"kubeconfig":    fmt.Sprintf("127.0.0.1:%d", s.o.APIPort),
	} {
		text := fmt.Sprintf(kubeconfig, address, base64.StdEncoding.EncodeToString(ca), s.token)
		if err := os.WriteFile(s.o.file(name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

const kubeconfig = `apiVersion: v1
kind: Config
clusters:
- name: node
  cluster: {server: "https://%s", tls-server-name: kubernetes.default.svc, certificate-authority-data: %s}
users:
- name: admin
  user: {token: %s}
contexts:
- name: node
  context: {cluster: node, user: admin}
current-context: node
`
