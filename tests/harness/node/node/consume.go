package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// consume does what applications do with mounted keys: it reads a file before each call. It says what LaunchDarkly
// answered whenever that changes, and never the key.
func consume(arguments []string) error {
	flags := flag.NewFlagSet("node consume", flag.ContinueOnError)
	keys := flags.String("keys", "", "files with keys, as in /keys/*/token; the folder's name is told to LaunchDarkly")
	authority := flags.String("ca", "", "file with the certificate to trust")
	url := flags.String("url", "https://app.launchdarkly.com/api/v2/caller-identity", "what to call")
	every := flags.Duration("pause", 100*time.Millisecond, "time between two calls with a key")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	pem, err := os.ReadFile(*authority)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 100},
		Timeout:   5 * time.Second,
	}
	files, err := filepath.Glob(*keys)
	if err != nil {
		return err
	}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		go func() {
			said := ""
			for range time.Tick(*every) {
				if answer := call(client, *url, file, name); answer != said {
					fmt.Printf("%s: %s\n", name, answer)
					said = answer
				}
			}
		}()
	}
	pause()
	return nil
}

// call is one call with the key that is in the file at this moment, told by its outcome.
func call(client http.Client, url, file, name string) string {
	key, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	request.Header.Set("Authorization", strings.TrimSpace(string(key)))
	request.Header.Set("User-Agent", "consumer/"+name)
	response, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.Status
}
