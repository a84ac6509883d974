// Package health follows how the applied objects fare. It hears of their changes from the watch of metadata, which shows that an object
// changed but not its status, so it reads the object then: as the GitRepository's own ServiceAccount, one read of an object at a time,
// and the more seldom the longer nothing of its health changes. Objects that have no health are never read, and nothing is read while
// nothing changes, or only what a health is not told from.
//
// What a status means is decided in pkg/health; what follows for a sync, in pkg/controller/gitrepository.
package health
