// Command oracle says, for tests, what GitOps tools make of an object: each line of standard input is a question, each line of
// standard output its answer.
package main

import (
	"bufio"
	"fmt"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/util/json"
)

// A question about an object.
type question struct {
	// What is asked: kstatus, health, actions, action or diff.
	Ask string `json:"ask"`
	// The object as it is in the cluster.
	Object map[string]any `json:"object"`
	// diff: the object as it is in Git.
	Desired map[string]any `json:"desired"`
	// health, actions, action: the Lua.
	Script string `json:"script"`
	// Whether Lua's whole library is open, as for the health checks that Argo CD ships. It is not for those in argocd-cm.
	OpenLibs bool `json:"openLibs"`
	// What a script's clock says; absent for the real time.
	Now *time.Time `json:"now"`
}

// One of the fields, by what was asked.
type answer struct {
	// kstatus, health.
	Status  string `json:"status,omitempty"`
	Message string `json:"message,omitempty"`
	// actions.
	Actions []any `json:"actions,omitempty"`
	// action: the object that the script returned, and the merge patch that Argo CD sends.
	Object map[string]any `json:"object,omitempty"`
	// action, diff.
	Patch map[string]any `json:"patch,omitempty"`
	// Why there is no answer.
	Error string `json:"error,omitempty"`
}

func main() {
	// Argo CD runs in containers, whose local time is UTC.
	time.Local = time.UTC
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	out := bufio.NewWriter(os.Stdout)
	for lines.Scan() {
		var asked question
		// Not encoding/json, which reads all numbers as floats: kstatus wants integers.
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			return fmt.Errorf("not a question: %w", err)
		}
		told, err := reply(asked)
		if err != nil {
			told = answer{Error: err.Error()}
		}
		line, err := json.Marshal(told)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n", line)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return out.Flush()
}

func reply(asked question) (answer, error) {
	switch asked.Ask {
	case "kstatus":
		return kstatus(asked)
	case "health":
		return health(asked)
	case "actions":
		return actions(asked)
	case "action":
		return act(asked)
	case "diff":
		return diff(asked)
	default:
		return answer{}, fmt.Errorf("%q cannot be asked", asked.Ask)
	}
}
