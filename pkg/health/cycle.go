package health

import "slices"

// Cycle is the shortest way along dependencies from a node back to itself, with the node at both ends; nil when there is none.
func Cycle[K comparable](start K, dependencies func(K) []K) []K {
	from := map[K]K{}
	for next := []K{start}; len(next) > 0; next = next[1:] {
		for _, dependency := range dependencies(next[0]) {
			if dependency == start {
				return way(start, next[0], from)
			}
			if _, seen := from[dependency]; !seen {
				from[dependency] = next[0]
				next = append(next, dependency)
			}
		}
	}
	return nil
}

// way goes back from the last node to the start.
func way[K comparable](start, last K, from map[K]K) []K {
	path := []K{start}
	for last != start {
		path = append(path, last)
		last = from[last]
	}
	slices.Reverse(path[1:])
	return append(path, start)
}
