package webhook

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/types"
)

// maxSigners is how many Secrets of GitRepositories one delivery is tried with, at most.
const maxSigners = 16

// bySecret groups GitRepositories by the Secret that holds what senders sign with, and leaves out all groups beyond the maximum. Each
// namespace has its first Secret tried before any has its second: nobody can crowd out the Secrets of others by many of their own.
func bySecret(targets []*target) [][]*target {
	var names []types.NamespacedName
	groups := make(map[types.NamespacedName][]*target)
	for _, t := range targets {
		name := t.secretName()
		if groups[name] == nil {
			names = append(names, name)
		}
		groups[name] = append(groups[name], t)
	}
	rank, inNamespace := make(map[types.NamespacedName]int), make(map[string]int)
	for _, name := range names {
		rank[name] = inNamespace[name.Namespace]
		inNamespace[name.Namespace]++
	}
	// Stable: otherwise the oldest comes first, as in the index.
	slices.SortStableFunc(names, func(a, b types.NamespacedName) int { return cmp.Compare(rank[a], rank[b]) })
	var first [][]*target
	for _, name := range names[:min(len(names), maxSigners)] {
		first = append(first, groups[name])
	}
	return first
}
