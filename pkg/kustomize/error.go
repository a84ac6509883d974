package kustomize

import (
	"fmt"
	"strings"
)

// Error is why a kustomization cannot be built: a fault of the tree, which only another commit mends. It quotes no value that may be a secret.
type Error struct {
	// File is the kustomization file, or the file with a plugin's configuration, that is at fault.
	File string
	// Entry is the field and what it holds, such as `resources: ../base`; empty where the whole file is meant.
	Entry string
	// Message says what is wrong and what to do about it.
	Message string
	// Err is the cause, if another package told it. Its text is not part of [Error.Error].
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Entry != "" {
		b.WriteString(": " + e.Entry)
	}
	b.WriteString(": " + e.Message)
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Unreadable wraps the error of a Tree about something that the tree itself is to blame for, such as a symbolic link.
type Unreadable struct {
	Err error
}

func (u *Unreadable) Error() string { return u.Err.Error() }

func (u *Unreadable) Unwrap() error { return u.Err }

// quote makes what a file says safe to print: escaped where it must be, short, and without the user information of a URL.
func quote(s string) string {
	const longest = 120
	if start := strings.Index(s, "://"); start >= 0 {
		host, path, _ := strings.Cut(s[start+3:], "/")
		if at := strings.LastIndex(host, "@"); at >= 0 {
			s = s[:start+3] + "…@" + strings.TrimSuffix(host[at+1:]+"/"+path, "/")
		}
	}
	if line, _, several := strings.Cut(s, "\n"); several {
		s = line + "…"
	}
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	if quoted := fmt.Sprintf("%q", s); quoted[1:len(quoted)-1] != s {
		return quoted
	}
	return s
}

// withoutContent takes out of a message of the library what it may quote of the files: its errors dump whole patches and generators, which may
// hold secrets. What is quoted stays only if it is known to be a name.
func withoutContent(message string, isName func(string) bool) string {
	// Of an entry of resources that is a folder, the library first tells at length why it is no file.
	const twice, quotedFirst = "accumulation err='", "': "
	if strings.Contains(message, twice) {
		message = message[strings.LastIndex(message, quotedFirst)+len(quotedFirst):]
	}
	message, _, _ = strings.Cut(message, " for value ")
	var b strings.Builder
	for len(message) > 0 && b.Len() < maxMessage {
		i := strings.IndexAny(message, "`[{\"'\n")
		if i < 0 {
			b.WriteString(message)
			break
		}
		b.WriteString(message[:i])
		message = message[i:]
		if message[0] == '\n' {
			// What follows a line break is a dump, or another account of the same error.
			b.WriteString(" …")
			break
		}
		span := spanOf(message)
		inner := strings.Trim(span, "`[]{}\"'")
		if span == "[noNs]" || span == "[noGrp]" || isName(inner) {
			b.WriteString(span)
		} else {
			b.WriteString("…")
		}
		message = message[len(span):]
	}
	text := b.String()
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}

const maxMessage = 1000

// spanOf is the text from a quote or bracket to the one that ends it; all of the text where nothing does.
func spanOf(s string) string {
	opened, closing := s[0], s[0]
	switch opened {
	case '[':
		closing = ']'
	case '{':
		closing = '}'
	}
	depth := 0
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && opened == '"':
			i++
		case s[i] == closing && depth == 0:
			return s[:i+1]
		case s[i] == closing:
			depth--
		case s[i] == opened:
			depth++
		}
	}
	return s
}
