package kustomize

import "nopea.io/nopea/pkg/manifest"

// Limits bound what one build may cost. A build cannot be interrupted, so all of them are checked before it begins.
type Limits struct {
	// MaxDepth bounds how deep kustomizations refer to others.
	MaxDepth int
	// MaxKustomizations bounds the kustomizations built. One that several others refer to counts each time, because it is built each time.
	MaxKustomizations int
	// MaxFiles and MaxBytes bound the files that are read, each counted as often as it is read.
	MaxFiles int
	MaxBytes int64
	// MaxObjects bounds the objects that the files hold, counted in the same way.
	MaxObjects int
	// MaxWork bounds the sum, over all kustomizations, of the bytes that say what to change times the objects that they may change. It is
	// both how long a build takes and how large its outcome may become.
	MaxWork int64
	// Manifest bounds each file, and the outcome.
	Manifest manifest.Limits
}

// DefaultLimits are far above what people write.
func DefaultLimits() Limits {
	return Limits{
		MaxDepth:          32,
		MaxKustomizations: 1_000,
		MaxFiles:          10_000,
		MaxBytes:          64 << 20,
		MaxObjects:        5_000,
		MaxWork:           256 << 20,
		Manifest:          manifest.DefaultLimits(),
	}
}
