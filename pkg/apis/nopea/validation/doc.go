// Package validation says which nopea.io objects are accepted, and tells a user which field is wrong and what to write instead.
// It is pure: whatever depends on other objects or on the caller belongs to pkg/registry.
package validation
