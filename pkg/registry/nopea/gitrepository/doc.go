// Package gitrepository stores GitRepository objects: what the server sets and resets on a write, and how they are printed.
package gitrepository
