package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"time"

	"nopea.io/nopea/hack/localcluster/internal/atomicfile"
)

// Ports are where the components listen on 127.0.0.1.
type Ports struct {
	EtcdClient        int `json:"etcdClient"`
	EtcdPeer          int `json:"etcdPeer"`
	APIServer         int `json:"kubeAPIServer"`
	ControllerManager int `json:"kubeControllerManager"`
	Scheduler         int `json:"kubeScheduler"`
	Kwok              int `json:"kwok"`
}

// State is what a cluster remembers from one start to the next, besides its data.
type State struct {
	Ports Ports `json:"ports"`
	// Nodes is how many nodes are simulated.
	Nodes int `json:"nodes,omitempty"`
}

// each is all of them, to be read or set.
func (p *Ports) each() []*int {
	return []*int{&p.EtcdClient, &p.EtcdPeer, &p.APIServer, &p.ControllerManager, &p.Scheduler, &p.Kwok}
}

// Ports are chosen from a range below those that Linux (32768) and Darwin (49152) give
// to outgoing connections: while a component restarts, no connection may take its port.
// The range also keeps clear of NodePorts (30000 to 32767).
const (
	firstPort = 20000
	lastPort  = 29999
)

// portPatience is how long a remembered port may still be held by a component whose
// supervisor was killed just before.
const portPatience = time.Second

// LoadState reads the state; a cluster that never started has the zero State.
func LoadState(l Layout) (State, error) {
	var state State
	data, err := os.ReadFile(l.stateFile())
	if errors.Is(err, fs.ErrNotExist) {
		return state, nil
	}
	if err != nil {
		return state, fmt.Errorf("reading the cluster's state: %w", err)
	}
	if err := json.Unmarshal(data, &state); err != nil {
		return state, fmt.Errorf("reading the cluster's state from %s (delete the file to have new ports chosen): %w", l.stateFile(), err)
	}
	return state, nil
}

// Save writes the state.
func (s State) Save(l Layout) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the cluster's state: %w", err)
	}
	return atomicfile.Write(l.stateFile(), append(data, '\n'), 0o600)
}

// ChoosePorts keeps each port that is free and replaces the others, asking candidate for
// numbers until one is free and not chosen already.
func ChoosePorts(ports Ports, free func(port int) bool, candidate func() int) (Ports, error) {
	const attempts = 1000
	taken := map[int]bool{}
	for _, port := range ports.each() {
		for range attempts {
			if *port != 0 && !taken[*port] && free(*port) {
				break
			}
			*port = candidate()
		}
		if taken[*port] || !free(*port) {
			return Ports{}, fmt.Errorf("found no free port on 127.0.0.1 between %d and %d", firstPort, lastPort)
		}
		taken[*port] = true
	}
	return ports, nil
}

// RandomPort returns a port that a component might use.
func RandomPort() int { return firstPort + rand.IntN(lastPort-firstPort+1) }

// PortFree reports whether one can listen on the port of 127.0.0.1.
func PortFree(port int) bool {
	listener, err := net.Listen("tcp", localAddress(port))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

// AwaitPorts gives the components of a supervisor that was killed the time to let go of the ports.
func AwaitPorts(ports Ports) {
	deadline := time.Now().Add(portPatience)
	for _, port := range ports.each() {
		for *port != 0 && !PortFree(*port) && time.Now().Before(deadline) {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func localAddress(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// URL is the https address of a port.
func URL(port int) string { return "https://" + localAddress(port) }
