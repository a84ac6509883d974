// Package apply brings a cluster to the objects that Git holds: it works out what differs (plan, pure), does it by server-side apply
// in stages (execute), and keeps the inventory of what was applied.
//
// Decisions stand in files that import no client: identity, signature, owner, plan, guard, stage, inventory. Requests stand in
// cluster, observe, execute, adopt, foresee and established. Where objects come from is pkg/manifest's business; when to run is the controller's.
package apply
