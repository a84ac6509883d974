// Package prevent lets kube-apiserver itself refuse drift: one ValidatingAdmissionPolicy and its binding, with no webhook in the path
// of anybody's request.
//
// What is refused, and what has to pass, stands in policy.go, which sends no request. keeper.go keeps the two objects in the cluster
// while a GitRepository asks for it. Finding drift and putting it back is the business of pkg/controller/drift, which stands behind
// whatever this lets through: the policy fails open.
//
// Limits: a write to the subresource scale passes. So does what the garbage collector deletes because somebody has put an owner
// reference on a protected object. A field that has drifted may be changed further until it is put back. When a custom resource's
// schema turns a keyed list into one value, or back, the next write of anybody rewrites NOPEA's entry: all but those to subresources
// are refused until NOPEA has applied the object again.
package prevent
