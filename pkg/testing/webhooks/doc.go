// Package webhooks tests deliveries of Git providers against a real control plane: through kube-apiserver, and by the listener.
package webhooks
