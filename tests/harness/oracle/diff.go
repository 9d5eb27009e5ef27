package main

import (
	jsonutil "github.com/argoproj/argo-cd/gitops-engine/pkg/utils/json"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
)

// The patch by which Argo CD's default diff (ThreeWayDiff in its gitops-engine) would change a live object of a kind that it does
// not know: empty when they agree.
func diff(asked question) (answer, error) {
	live := unstructured.Unstructured{Object: asked.Object}
	original := asked.Desired
	if last, found := live.GetAnnotations()[corev1.LastAppliedConfigAnnotation]; found {
		original = nil
		if err := json.Unmarshal([]byte(last), &original); err != nil {
			return answer{}, err
		}
	}
	var texts [3][]byte
	for index, object := range []map[string]any{
		withoutNamespace(original),
		withoutNamespace(asked.Desired),
		// What the API server or a controller added is no difference.
		jsonutil.RemoveMapFields(withoutNamespace(original), asked.Object),
	} {
		text, err := json.Marshal(object)
		if err != nil {
			return answer{}, err
		}
		texts[index] = text
	}
	text, err := jsonmergepatch.CreateThreeWayJSONMergePatch(texts[0], texts[1], texts[2])
	if err != nil {
		return answer{}, err
	}
	var patch map[string]any
	if err := json.Unmarshal(text, &patch); err != nil {
		return answer{}, err
	}
	return answer{Patch: patch}, nil
}

func withoutNamespace(object map[string]any) map[string]any {
	copied := (&unstructured.Unstructured{Object: object}).DeepCopy()
	copied.SetNamespace("")
	if len(copied.GetAnnotations()) == 0 {
		copied.SetAnnotations(nil)
	}
	return copied.Object
}
