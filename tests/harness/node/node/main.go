// Command node starts a Kubernetes cluster of one real node in namespaces of its own, for tests, and is what
// runs in its smallest images. It is of use on Linux, and as root.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
)

const usage = `usage: node COMMAND [ARGUMENTS]

  run       start the cluster; it ends with standard input (run --help)
  pack      write an image that holds one program (pack --help)
  pause     wait to be ended, as the first container of a pod
  consume   read keys from files and call LaunchDarkly with them, again and again`

func main() {
	// The kernel ends a child when the *thread* that started it ends.
	runtime.LockOSThread()
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	var err error
	switch arguments := os.Args[2:]; os.Args[1] {
	case "run":
		err = run(arguments)
	case insideCommand:
		err = inside(arguments)
	case "pack":
		err = pack(arguments)
	case "pause":
		pause()
	case "consume":
		err = consume(arguments)
	default:
		err = errors.New(usage)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}
