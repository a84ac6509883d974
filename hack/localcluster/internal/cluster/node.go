package cluster

import "fmt"

// Node is the manifest of a simulated node, with room for any test.
func Node(number int) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-%d","labels":{"kubernetes.io/hostname":"node-%d",`+
		`"kubernetes.io/os":"linux","kubernetes.io/arch":"amd64"},"annotations":{"kwok.x-k8s.io/node":"fake"}}}`, number, number)
}
