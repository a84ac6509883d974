// Package directive reads what annotations ask for of a single object: NOPEA's own, and those of Flux and Argo CD that have an equal here.
//
// It is pure, and says only what is asked for; doing it belongs to others. What is asked for of a whole GitRepository stands in its spec.
package directive
