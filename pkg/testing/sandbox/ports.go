package sandbox

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
)

// Ports come from below those that systems give to outgoing connections and that Kubernetes gives to NodePorts: while a server
// restarts, no connection may take its port.
const (
	firstPort    = 20000
	lastPort     = 29999
	portAttempts = 1000
)

func choosePorts() (ports, error) {
	var chosen []int
	for range portAttempts {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if slices.Contains(chosen, port) || !free(port) {
			continue
		}
		if chosen = append(chosen, port); len(chosen) == 3 {
			return ports{apiServer: chosen[0], controller: chosen[1], webhook: chosen[2]}, nil
		}
	}
	return ports{}, fmt.Errorf("found no three free ports on 127.0.0.1 between %d and %d: stop something that listens there", firstPort, lastPort)
}

func free(port int) bool {
	listener, err := net.Listen("tcp", address(port))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
