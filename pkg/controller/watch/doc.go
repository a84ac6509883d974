// Package watch keeps what the metadata of live objects says about their ownership, for every object that carries NOPEA's label: one
// watch per resource, in the version in which the API server stores it, and a store that keeps facts (pkg/ownership) but no objects.
//
// It reports changes and answers questions. What a change means, and what is done about it, is its handler's business; it writes
// nothing to the cluster. Whoever must not trust what events told asks List, which reads from the API server.
//
// Effects stand in kind (the watch of one resource), versions (discovery) and list; what an event does to the store, and how long a
// failing watch waits, are decided in store and pace without a client.
package watch
