// Package faults kills one process with SIGKILL at a chosen step of a sync, lets it come back, and checks that nothing is lost.
//
// Everything that the controller asks of the API server and of Git, and what users post, goes through proxies of the test (gate). A gate
// holds one chosen request there: before it is sent, half sent, half answered, or answered without the answer being passed on. What
// happens to a sync stands still at that point until the kill is over, so that a step is hit by construction and not by timing. The
// seed decides about step, victim and everything else (scenario); what must hold afterwards is in checks.
//
//	go test ./pkg/testing/faults                                     20 seeds, each step once
//	NOPEA_FAULT_SEEDS=80 go test -timeout 30m ./pkg/testing/faults   each step with each victim
//	NOPEA_FAULT_SEEDS=81-300 go test -timeout 1h ./pkg/testing/faults
//	NOPEA_FAULT_SEED=17 go test -v ./pkg/testing/faults              one of them, with what it does
package faults
