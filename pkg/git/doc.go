// Package git reads Git repositories over HTTP(S) and SSH for a controller that looks at many of them, often.
//
// A Cache hands out Sources, one per URL and credential. A Source is asked where a ref points (Resolve: one small request,
// however many refs the server has) and for the tree of a commit (Fetch: transfers only what is new). A Snapshot reads
// files straight from the object database: there is no work tree, so nothing that a repository contains is ever
// written under a name of its choosing, and a tree that is not complete is an error, never a shorter list of files.
//
// What a repository means to NOPEA (manifests, objects, inventories) does not belong here, and neither does any Kubernetes type.
//
// Everything that a server sends is taken as hostile: sizes, counts and depths are bounded by Limits, every object is
// stored under the hash computed from its content, and answers are parsed without trust in their structure.
package git
