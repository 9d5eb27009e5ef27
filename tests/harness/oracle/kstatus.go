package main

import (
	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// What Flux, Helm and kpt wait for, by the library of Flux.
func kstatus(asked question) (answer, error) {
	result, err := status.Compute(&unstructured.Unstructured{Object: asked.Object})
	if err != nil {
		return answer{}, err
	}
	return answer{Status: result.Status.String(), Message: result.Message}, nil
}
