package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"runtime"
	"time"
)

// pack writes an image that holds one program and runs it as nobody, as a tar of the OCI image layout.
func pack(arguments []string) error {
	flags := flag.NewFlagSet("node pack", flag.ContinueOnError)
	name := flags.String("name", "", "name of the image, as in localhost/pause:1")
	output := flags.String("output", "", "file to write")
	program := flags.String("program", "", "file with the program; statically linked")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *name == "" || *output == "" || *program == "" {
		return errors.New("give --name, --output and --program; what follows are the arguments of the program")
	}
	content, err := os.ReadFile(*program)
	if err != nil {
		return err
	}
	inside := "/" + path.Base(*program)
	layer, err := archive(file{inside[1:], content, 0o755})
	if err != nil {
		return err
	}
	image, err := image(*name, append([]string{inside}, flags.Args()...), layer)
	if err != nil {
		return err
	}
	return os.WriteFile(*output, image, 0o644)
}

// object is some JSON.
type object = map[string]any

// image is the image with this one layer.
func image(name string, command []string, layer []byte) ([]byte, error) {
	config, err := json.Marshal(object{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       object{"Entrypoint": command, "User": "65532:65532"},
		"rootfs":       object{"type": "layers", "diff_ids": []string{digest(layer)}},
	})
	if err != nil {
		return nil, err
	}
	manifest, err := json.Marshal(object{
		"schemaVersion": 2,
		"mediaType":     "application/vnd.oci.image.manifest.v1+json",
		"config":        describe("application/vnd.oci.image.config.v1+json", config),
		"layers":        []object{describe("application/vnd.oci.image.layer.v1.tar", layer)},
	})
	if err != nil {
		return nil, err
	}
	described := describe("application/vnd.oci.image.manifest.v1+json", manifest)
	described["annotations"] = object{"io.containerd.image.name": name}
	index, err := json.Marshal(object{"schemaVersion": 2, "manifests": []object{described}})
	if err != nil {
		return nil, err
	}
	return archive(
		file{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644},
		file{"index.json", index, 0o644},
		blob(config), blob(manifest), blob(layer),
	)
}

func describe(mediaType string, content []byte) object {
	return object{"mediaType": mediaType, "digest": digest(content), "size": len(content)}
}

func digest(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

func blob(content []byte) file {
	return file{fmt.Sprintf("blobs/sha256/%x", sha256.Sum256(content)), content, 0o644}
}

type file struct {
	name    string
	content []byte
	mode    int64
}

func archive(files ...file) ([]byte, error) {
	var out bytes.Buffer
	writer := tar.NewWriter(&out)
	for _, file := range files {
		header := tar.Header{Name: file.name, Size: int64(len(file.content)), Mode: file.mode, ModTime: time.Unix(0, 0)}
		if err := writer.WriteHeader(&header); err != nil {
			return nil, err
		}
		if _, err := writer.Write(file.content); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), writer.Close()
}
