package main

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	luajson "layeh.com/gopher-json"
)

// The health that Argo CD shows: its own verdict about deletions first, then the script's.
func health(asked question) (answer, error) {
	object := unstructured.Unstructured{Object: asked.Object}
	if object.GetDeletionTimestamp() != nil {
		return answer{Status: "Progressing", Message: "Pending deletion"}, nil
	}
	var found struct {
		Status  string `json:"status"`
		Message string `json:"message"`
	}
	if err := script(asked, &found); err != nil {
		return answer{}, err
	}
	switch found.Status {
	case "Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown":
		return answer{Status: found.Status, Message: found.Message}, nil
	default:
		return answer{}, fmt.Errorf("%q is no health status", found.Status)
	}
}

// The actions that Argo CD offers, as its action tests name them.
func actions(asked question) (answer, error) {
	var found map[string]map[string]any
	if err := script(asked, &found); err != nil {
		return answer{}, err
	}
	var list []any
	for name, action := range found {
		action["name"] = name
		list = append(list, action)
	}
	return answer{Actions: list}, nil
}

// What an action makes of the object.
func act(asked question) (answer, error) {
	var changed map[string]any
	if err := script(asked, &changed); err != nil {
		return answer{}, err
	}
	keepMaps(changed, asked.Object)
	before, err := json.Marshal(asked.Object)
	if err != nil {
		return answer{}, err
	}
	after, err := json.Marshal(changed)
	if err != nil {
		return answer{}, err
	}
	text, err := jsonpatch.CreateMergePatch(before, after)
	if err != nil {
		return answer{}, err
	}
	var patch map[string]any
	if err := json.Unmarshal(text, &patch); err != nil {
		return answer{}, err
	}
	return answer{Object: changed, Patch: patch}, nil
}

// Runs the script and reads the table that it returned.
func script(asked question, into any) error {
	value, err := runLua(asked)
	if err != nil {
		return err
	}
	if value.Type() != lua.LTTable {
		return fmt.Errorf("expect table output from Lua script, not %s", value.Type())
	}
	text, err := luajson.Encode(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// Lua does not tell an empty map from an empty list, and its encoder takes both for a list: what was a map stays one, as in Argo CD.
func keepMaps(after, before any) {
	switch after := after.(type) {
	case map[string]any:
		before, _ := before.(map[string]any)
		for key, value := range after {
			list, isList := value.([]any)
			if was, wasMap := before[key].(map[string]any); isList && wasMap && len(list) == 0 {
				after[key] = was
				continue
			}
			keepMaps(value, before[key])
		}
	case []any:
		before, _ := before.([]any)
		for index, value := range after {
			if index < len(before) {
				keepMaps(value, before[index])
			}
		}
	}
}
