package sandbox

import (
	"fmt"
	"math/rand/v2"
	"net"
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
	var chosen ports
	for range portAttempts {
		switch port := firstPort + rand.IntN(lastPort-firstPort+1); {
		case !free(port):
		case chosen.apiServer == 0:
			chosen.apiServer = port
		case port != chosen.apiServer:
			chosen.controller = port
			return chosen, nil
		}
	}
	return ports{}, fmt.Errorf("found no two free ports on 127.0.0.1 between %d and %d: stop something that listens there", firstPort, lastPort)
}

func free(port int) bool {
	listener, err := net.Listen("tcp", address(port))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
