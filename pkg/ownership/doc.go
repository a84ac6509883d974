// Package ownership reads from an object's metadata who holds which of its fields: the API server keeps in metadata.managedFields what
// each manager applied or wrote. It says whether NOPEA still holds all that it applied (the signature), which fields it yields to the
// controllers whose business they are, which fields others added, and what was lost to whom.
//
// Everything here is pure. Watching objects, judging what to do about them and doing it belong elsewhere.
package ownership
