package watch

// maxNames bounds what is remembered of names that have gone since.
const maxNames = 4096

// names keeps one copy of each name that many objects share: of their namespace and of their owner.
type names map[string]string

func (n names) shared(name string) string {
	if kept, ok := n[name]; ok {
		return kept
	}
	if len(n) >= maxNames {
		clear(n)
	}
	n[name] = name
	return name
}
