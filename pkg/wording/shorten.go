// Package wording is what messages for users are made with, whatever they are about.
package wording

import "strings"

const more = " …"

// Shorten is a text of at most that many bytes, which says so where something was left out.
func Shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-len(more)], "") + more
}
