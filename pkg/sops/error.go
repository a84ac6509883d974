package sops

import (
	"fmt"
	"strings"
)

// Code says what kind of fault an [Error] is.
type Code string

// The codes of an [Error].
const (
	// NoKey: none of the keys given opens the file.
	NoKey Code = "NoKey"
	// CloudKey: the file can only be opened through the service of a cloud provider, which is not called.
	CloudKey Code = "CloudKey"
	// Damaged: the file is not what SOPS wrote.
	Damaged Code = "Damaged"
	// Malformed: the file cannot be read as SOPS' format.
	Malformed Code = "Malformed"
	// TooLarge: the file is beyond a limit.
	TooLarge Code = "TooLarge"
	// InvalidKey: keys cannot be read.
	InvalidKey Code = "InvalidKey"
)

// Error is why a file was not decrypted. It quotes no value and no key; it does name recipients, which are public.
type Error struct {
	// File is the path from the repository root; empty for [InvalidKey].
	File string
	Code Code
	// Message says what is wrong; Hint what to do about it.
	Message, Hint string
}

func (e *Error) Error() string {
	if e.File == "" {
		return e.Message
	}
	return e.File + ": " + e.Message
}

func fault(code Code, hint, format string, args ...any) *Error {
	return &Error{Code: code, Hint: hint, Message: fmt.Sprintf(format, args...)}
}

const encryptAgain = "Encrypt the file again with sops, and push."

func malformed(format string, args ...any) *Error {
	return fault(Malformed, encryptAgain, "it has a sops section, but is not as SOPS writes files: "+format, args...)
}

// printable makes a text of the file safe to print, and short.
func printable(text string) string {
	const longest = 64
	text = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return -1
		}
		return r
	}, text[:min(len(text), 4*longest)])
	if len(text) > longest {
		return text[:longest] + "…"
	}
	return text
}
