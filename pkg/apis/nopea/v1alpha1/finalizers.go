package v1alpha1

import "slices"

// WithoutCleanup returns the finalizers of an object without NOPEA's own. The given ones are not changed.
func WithoutCleanup(finalizers []string) []string {
	return slices.DeleteFunc(slices.Clone(finalizers), func(f string) bool { return f == FinalizerCleanup })
}
