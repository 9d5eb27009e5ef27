package supervise

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"time"
)

// server is the API server as its administrator sees it.
type server struct {
	url   string
	ca    string // a file, which the API server writes when it starts
	token string
}

// awaitReady returns when /readyz answers 200, or tells why it will not.
func (s server) awaitReady(children *children, asked <-chan struct{}, deadline time.Time) error {
	for {
		err := s.ready()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is not ready in time: %w", s.url, err)
		}
		select {
		case <-asked:
			return errAskedToEnd
		case ended := <-children.ended:
			return ended
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s server) ready() error {
	ca, err := os.ReadFile(s.ca)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: 5 * time.Second}

	request, err := http.NewRequest(http.MethodGet, s.url+"/readyz", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("/readyz answers %s", response.Status)
	}
	return nil
}

// writeKubeconfig writes a kubeconfig that depends on no other file.
func (s server) writeKubeconfig(path string) error {
	ca, err := os.ReadFile(s.ca)
	if err != nil {
		return err
	}
	content := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- name: control-plane
  cluster: {server: "%s", certificate-authority-data: %s}
users:
- name: admin
  user: {token: %s}
contexts:
- name: control-plane
  context: {cluster: control-plane, user: admin}
current-context: control-plane
`, s.url, base64.StdEncoding.EncodeToString(ca), s.token)
	return os.WriteFile(path, []byte(content), 0o600)
}
