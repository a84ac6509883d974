// Package health decides, of objects as the API server has them, whether they work: by the rules of kstatus, and by rules of its own
// where those are not what users of a GitOps engine mean by healthy. It also finds cycles in what depends on what.
//
// All of it is pure. When an object is read, and what follows from its health, is the controller's business.
package health
