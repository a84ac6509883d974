package git

// Selector says which files of a tree are read. It may learn that from files of the tree itself, as Git does from .gitignore.
type Selector interface {
	// Wants tells whether a file is read.
	Wants(path string) bool
	// Guides tells whether files of that name say what is wanted of their folder and below.
	Guides(name string) bool
	// Learn takes in such a file, before anything else of its folder, and before what lies deeper.
	Learn(path string, data []byte)
	// PassesOver tells whether nothing is missed where there is a submodule.
	PassesOver(submodule string) bool
}

// wanting is a Selector that knows what it wants.
type wanting func(path string) bool

func (w wanting) Wants(path string) bool { return w(path) }
func (w wanting) Guides(string) bool     { return false }
func (w wanting) Learn(string, []byte)   {}
func (w wanting) PassesOver(string) bool { return false }

// guides hands the files that guide the selection of a folder to the selector, in the order of their names.
func (r *reader) guides(tree []byte, folder string) error {
	return at(display(folder), parseTree(tree, func(e treeEntry) error {
		if e.mode.IsFile() && r.Guides(e.name) {
			p := e.name
			if folder != "" {
				p = folder + "/" + e.name
			}
			data, err := r.content(e, p)
			if err != nil {
				return err
			}
			r.Learn(p, data)
		}
		return nil
	}))
}
