package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Code says what kind of fault an [Error] is.
type Code string

// The codes of an [Error].
const (
	YAMLSyntax        Code = "YAMLSyntax"
	JSONSyntax        Code = "JSONSyntax"
	DuplicateKey      Code = "DuplicateKey"
	NotUTF8           Code = "NotUTF8"
	TooLarge          Code = "TooLarge"
	TooDeep           Code = "TooDeep"
	MissingKind       Code = "MissingKind"
	MissingAPIVersion Code = "MissingAPIVersion"
	MissingName       Code = "MissingName"
	InvalidName       Code = "InvalidName"
	Invalid           Code = "Invalid"
	Duplicate         Code = "Duplicate"
	UnknownKind       Code = "UnknownKind"
	Encrypted         Code = "Encrypted"
	UnknownVariable   Code = "UnknownVariable"
	InvalidVariable   Code = "InvalidVariable"
)

// Error is one fault in one file. It never quotes a value of the file, because any value may be a secret; keys, kinds
// and names it does quote, shortened.
type Error struct {
	Origin Origin
	// Line of the fault in the file, from 1; 0 where it is not known.
	Line int
	Code Code
	// Message says what is wrong and what to do about it.
	Message string
	// Err is the cause, if another package told it. Its text is not part of [Error.Error].
	Err error
}

func (e *Error) Error() string {
	line := cmp.Or(e.Line, e.Origin.Line)
	var b strings.Builder
	b.WriteString(e.Origin.File)
	if line > 0 {
		fmt.Fprintf(&b, ":%d", line)
	}
	if place := strings.TrimPrefix(e.Origin.String(), e.Origin.File); place != "" {
		b.WriteString(place)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(e.Message)
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// at places an error that was made deeper down, where the origin is not known.
func (e *Error) at(o Origin) *Error {
	if e != nil {
		e.Origin = o
	}
	return e
}

func fault(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func faultAt(line int, code Code, format string, args ...any) *Error {
	return &Error{Line: line, Code: code, Message: fmt.Sprintf(format, args...)}
}

// maxErrors is how many errors are kept; the others are counted.
const maxErrors = 10

// ErrorList is what is wrong with a tree: the first ten errors by file and place, and how many there are. errors.As
// finds each *Error in it.
type ErrorList struct {
	Errors []*Error
	Total  int
}

func (l *ErrorList) Error() string {
	lines := make([]string, 0, len(l.Errors)+1)
	for _, e := range l.Errors {
		lines = append(lines, e.Error())
	}
	if more := l.Total - len(l.Errors); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more errors", more))
	}
	return strings.Join(lines, "\n")
}

func (l *ErrorList) Unwrap() []error {
	errs := make([]error, len(l.Errors))
	for i, e := range l.Errors {
		errs[i] = e
	}
	return errs
}

// add keeps the errors that come first. Errors are added in the order of their origins.
func (l *ErrorList) add(errs ...*Error) {
	l.Total += len(errs)
	room := min(max(maxErrors-len(l.Errors), 0), len(errs))
	l.Errors = append(l.Errors, errs[:room]...)
}

// merge adds the errors of the file that comes next.
func (l *ErrorList) merge(next *ErrorList) {
	l.add(next.Errors...)
	l.Total += next.Total - len(next.Errors)
}

// orNil is the error to return: nil if there is none.
func (l *ErrorList) orNil() error {
	if l.Total == 0 {
		return nil
	}
	return l
}

// quote makes a key or name of the file safe to print: escaped and short.
func quote(s string) string {
	const longest = 80
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}

// sortedKeys makes errors about maps deterministic.
func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
