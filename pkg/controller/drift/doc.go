// Package drift keeps live objects as the newest sync left them. A sync publishes what Git holds; a watch of metadata tells when somebody
// changed an object; the object is put back by one request, as its GitRepository's ServiceAccount. What events cannot show, two slower
// passes find: fresh lists, and dry runs of every object.
//
// What to do about an object is decided in pure functions (decide.go, contest.go). What the fields of an object say is pkg/ownership's
// business, how an object is applied pkg/apply's. Bringing the cluster to another commit does not belong here.
package drift
