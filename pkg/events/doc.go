// Package events tells the world outside the cluster what becomes of GitRepositories: CDEvents 0.5, carried as CloudEvents over HTTP
// in binary mode.
//
// A History decides which events a sync, a look at drift or a removal leads to; it does no I/O. A Dispatcher delivers them at least
// once, and never holds up whoever calls Send. Both are told all they need: reading clusters or Git, and keeping a History while the
// process is down, belongs to the callers.
//
// What happens to a GitRepository, and the events that it leads to:
//
//	a sync begins to write         nopea-sync.started
//	a sync ended well              nopea-sync.finished, and where another revision is live now
//	  the first one                service.deployed
//	  one that was live before     service.rolledback
//	  any other                    service.upgraded
//	  after one that failed        incident.resolved
//	a sync failed                  nopea-sync.finished; the first time in a row also incident.detected
//	nothing was written            none
//	removed with its objects       service.removed
//	drift was found, put back      nopea-drift.detected, nopea-drift.corrected
//	drift cannot be put back       once an episode: nopea-deployment.failed, incident.detected
//	all of it could, in the end    incident.resolved
package events
