// Package citizen tests that the nopea.io API does not harm the cluster that it is installed on: what every other client of the
// cluster relies on (discovery, OpenAPI, informers, quota, garbage collection, namespace deletion) goes on working while NOPEA is
// there, and what becomes of it while NOPEA is down. What NOPEA does for its users is tested in the package integration. It holds
// tests only.
package citizen
