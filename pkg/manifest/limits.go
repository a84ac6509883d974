package manifest

import "bytes"

// Limits bound what a tree may cost. A field that is zero or less stands for its value in [DefaultLimits].
type Limits struct {
	// MaxFileBytes bounds one file.
	MaxFileBytes int64
	// MaxTotalBytes bounds all files together, and what aliases add in all files together.
	MaxTotalBytes int64
	// MaxObjects bounds the objects of the tree.
	MaxObjects int
	// MaxDocumentsPerFile bounds the documents of a file that hold something.
	MaxDocumentsPerFile int
	// MaxDepth bounds how deep lists and mappings nest.
	MaxDepth int
	// MaxValuesPerFile bounds the values of a file. They are estimated from its punctuation before a parser sees it,
	// because a parser needs about a hundred times the bytes of a file that is nothing but punctuation.
	MaxValuesPerFile int
	// MaxAliasExpansion bounds the bytes that aliases and merge keys may add to one file: the length of each value that
	// they repeat, and 16 for the value itself.
	MaxAliasExpansion int64
}

// DefaultLimits are generous for what people write: the largest bundles of CRDs in use are files of 5 MB, an API server
// takes objects up to 3 MB, and generated CRDs nest about 50 levels deep.
func DefaultLimits() Limits {
	return Limits{
		MaxFileBytes:        8 << 20,
		MaxTotalBytes:       64 << 20,
		MaxObjects:          10_000,
		MaxDocumentsPerFile: 5_000,
		MaxDepth:            200,
		MaxValuesPerFile:    600_000,
		MaxAliasExpansion:   1 << 20,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	return Limits{
		MaxFileBytes:        orDefault(l.MaxFileBytes, d.MaxFileBytes),
		MaxTotalBytes:       orDefault(l.MaxTotalBytes, d.MaxTotalBytes),
		MaxObjects:          orDefault(l.MaxObjects, d.MaxObjects),
		MaxDocumentsPerFile: orDefault(l.MaxDocumentsPerFile, d.MaxDocumentsPerFile),
		MaxDepth:            orDefault(l.MaxDepth, d.MaxDepth),
		MaxValuesPerFile:    orDefault(l.MaxValuesPerFile, d.MaxValuesPerFile),
		MaxAliasExpansion:   orDefault(l.MaxAliasExpansion, d.MaxAliasExpansion),
	}
}

func orDefault[T int | int64](value, def T) T {
	if value <= 0 {
		return def
	}
	return value
}

// estimateValues is an upper bound, give or take a factor of two, of the values in YAML or JSON: each needs a line, a
// separator or an indicator of its own.
func estimateValues(data []byte) int {
	n := 0
	for _, c := range []byte("\n,:[{") {
		n += bytes.Count(data, []byte{c})
	}
	for _, s := range []string{"- ", "-\t", "? ", "?\t", "\r"} {
		n += bytes.Count(data, []byte(s))
	}
	return n
}
