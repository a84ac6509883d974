// Package sync stores Sync objects: requests to bring a GitRepository up to date, and the records of what became of them. Both ways
// to ask for one, POST to syncs and POST to gitrepositories/NAME/syncs, go through the one Creator. Running them is the
// controller's.
package sync
