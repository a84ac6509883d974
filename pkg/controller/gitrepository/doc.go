// Package gitrepository is the sync loop: it decides when a GitRepository is synced, brings the cluster to the commit that Git has,
// and reports. Git, manifests and applying are the business of pkg/git, pkg/manifest and pkg/apply; this package puts them in order.
//
// Decisions are pure and stand in cadence, failure, summary and status. controller holds the queue and the workers, run the steps
// of one sync, syncs the requests and their records, cleanup the end of a GitRepository.
package gitrepository
