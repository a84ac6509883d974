package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// guide says what there is to try.
func guide(out io.Writer, f folder) error {
	nodes, err := simulatedNodes()
	if err != nil {
		return err
	}
	pods := "it has no nodes: Pods stay Pending, and the Deployment never becomes available. NODES=1 simulates one."
	if nodes > 0 {
		pods = "its nodes are simulated: Pods are said to run, and nothing does."
	}
	_, err = fmt.Fprintf(out, `
What deploy/ of the sample repository holds is live in namespace %[1]s.
This control plane is a real one, but %[5]s

In another terminal:

  export KUBECONFIG=%[2]s PATH=%[3]s:$PATH

  # What is kept equal to Git, and what was done for it
  kubectl get gr -n %[1]s
  kubectl get syncs -n %[1]s

  # Edit by hand: it is put back at once, and an Event says so
  kubectl scale deployment/web -n %[1]s --replicas=5
  kubectl get deployment/web -n %[1]s
  kubectl get events -n %[1]s --field-selector reason=DriftRepaired

  # Change it in Git: live within about two seconds of the push
  cd %[4]s && ${EDITOR:-vi} deploy/configmap.yaml && git commit -am 'Another greeting' && git push

  # All there is to know
  kubectl describe gr %[1]s -n %[1]s
  kubectl explain gitrepository.spec

Ctrl-C stops everything and keeps the data.
`, sampleName, f.kubeconfig(), binDir(), f.workingCopy(), pods)
	return err
}

// binDir is where this program is, and the kubectl of the cluster's version beside it.
func binDir() string {
	path, err := os.Executable()
	if err != nil {
		return "_output/bin"
	}
	return filepath.Dir(path)
}
