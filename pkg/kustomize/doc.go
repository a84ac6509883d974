// Package kustomize builds kustomizations in memory.
//
// The tree of a commit is the sandbox. [Build] first walks the graph of kustomizations itself: it reads each file that the build will need,
// through [Tree], and refuses by name what could reach out of the tree, run something or take more than the limits allow. Only then does
// Kustomize's own library build, over nothing but the files that were walked. The library would otherwise fetch URLs, run git and expand
// YAML aliases without bound.
//
// The library keeps one OpenAPI schema for the whole process, which a kustomization can replace with its field openapi. Such a
// kustomization is refused, so that builds can run side by side and none influences another.
//
// Reading Git, decrypting and deciding what to apply do not belong here.
package kustomize
