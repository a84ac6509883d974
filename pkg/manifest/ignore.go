package manifest

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

const (
	ignoreFile = ".nopeaignore"
	// fluxIgnoreFile is what Flux calls such a file.
	fluxIgnoreFile = ".sourceignore"

	maxIgnoreBytes   = 64 << 10
	maxPatterns      = 2000
	maxPatternBytes  = 1024
	maxPatternDepth  = 100
	maxIgnoreWork    = 4 << 30
	ignoreSpecSource = "spec.ignore"
)

// Ignore tells which files of a tree are not read as manifests. Its patterns are those of .gitignore files
// (https://git-scm.com/docs/gitignore), and the last that matches decides: those of deeper folders come after those of folders above,
// those of .nopeaignore after those of .sourceignore beside it, and those of the spec after all. As with Flux, and unlike Git, a file may
// be taken back although its folder is ignored.
//
// It is for one walk through one tree. What is wrong with a pattern ends it: Err says what, and nothing is wanted from then on.
type Ignore struct {
	want          func(file string) bool
	learned, spec []ignoreRule
	// nopea is where the newest patterns of a .nopeaignore begin, and of which folder they are.
	nopea       int
	nopeaFolder string
	// work that matching took, as the length of patterns times the length of paths.
	work int64
	err  *Error
}

type ignoreRule struct {
	gitignore.Pattern
	cost int64
}

// NewIgnore begins with the patterns of the spec. Of the files that are not ignored, it wants those that want says.
func NewIgnore(spec string, want func(file string) bool) *Ignore {
	i := &Ignore{want: want, nopea: -1}
	if err := i.check([]byte(spec)); err != nil {
		i.fail(ignoreSpecSource, err)
	} else {
		i.spec = i.parse(ignoreSpecSource, []byte(spec), "")
	}
	return i
}

// Err is an *[ErrorList] if a pattern is wrong, or if there is too much to match.
func (i *Ignore) Err() error {
	if i.err == nil {
		return nil
	}
	return &ErrorList{Errors: []*Error{i.err}, Total: 1}
}

// Wants tells whether a file is read.
func (i *Ignore) Wants(file string) bool {
	return i.err == nil && i.want(file) && !i.ignores(file, false)
}

// PassesOver tells whether a folder is ignored.
func (i *Ignore) PassesOver(folder string) bool {
	return i.err == nil && i.ignores(folder, true)
}

// Guides tells whether files of that name hold patterns.
func (i *Ignore) Guides(name string) bool {
	return name == ignoreFile || name == fluxIgnoreFile
}

// IgnoreFiles are the names of files that hold patterns.
func IgnoreFiles() []string { return []string{fluxIgnoreFile, ignoreFile} }

// Learn takes in the patterns of a file, which go for its folder and what is below.
func (i *Ignore) Learn(file string, data []byte) {
	if i.err != nil {
		return
	}
	if err := i.check(data); err != nil {
		i.fail(file, err)
		return
	}
	folder, name := path.Split(file)
	rules := i.parse(file, data, folder)
	if name == fluxIgnoreFile && i.nopea >= 0 && i.nopeaFolder == folder {
		i.learned = slices.Insert(i.learned, i.nopea, rules...)
		return
	}
	if name == ignoreFile {
		i.nopea, i.nopeaFolder = len(i.learned), folder
	}
	i.learned = append(i.learned, rules...)
}

func (i *Ignore) fail(file string, err *Error) {
	if i.err == nil {
		i.err = err.at(Origin{File: file})
	}
}

func (i *Ignore) check(data []byte) *Error {
	switch {
	case len(data) > maxIgnoreBytes:
		return fault(TooLarge, "the patterns are %d bytes and only %d are allowed", len(data), maxIgnoreBytes)
	case !utf8.Valid(data):
		return fault(NotUTF8, "the file is not UTF-8; save it with that encoding")
	}
	return nil
}

func (i *Ignore) parse(file string, data []byte, folder string) (rules []ignoreRule) {
	var domain []string
	if folder = strings.Trim(folder, "/"); folder != "" {
		domain = strings.Split(folder, "/")
	}
	number := 0
	for line := range strings.Lines(string(bytes.TrimPrefix(data, []byte(byteOrderMark)))) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		pattern, problem := plainPattern(line)
		switch {
		case problem != "":
			i.fail(file, faultAt(number, Invalid, "%s", problem))
			return nil
		case len(i.learned)+len(i.spec)+len(rules) >= maxPatterns:
			i.fail(file, faultAt(number, TooLarge, "there are more than %d patterns of files to ignore; use fewer", maxPatterns))
			return nil
		}
		cost := int64(1)
		if strings.ContainsAny(pattern, `*?[\`) {
			cost = int64(len(pattern))
		}
		rules = append(rules, ignoreRule{gitignore.ParsePattern(pattern, domain), cost})
	}
	return rules
}

// plainPattern writes a pattern as the library knows it, or says what is wrong with it: Git takes [!a] for [^a], and several stars in a
// name for one.
func plainPattern(line string) (pattern, problem string) {
	if len(line) > maxPatternBytes || strings.Count(line, "/") > maxPatternDepth {
		return "", fmt.Sprintf("the pattern is too long: %d bytes and %d folders are allowed", maxPatternBytes, maxPatternDepth)
	}
	segments := strings.Split(line, "/")
	for i, segment := range segments {
		if segment != "**" && segment != "!**" {
			for strings.Contains(segment, "**") {
				segment = strings.ReplaceAll(segment, "**", "*")
			}
			segment = strings.ReplaceAll(segment, "[!", "[^")
		}
		if _, err := path.Match(segment, ""); err != nil {
			return "", `it is no pattern: a "[" lacks its "]", or a "\" stands at the end of a name`
		}
		segments[i] = segment
	}
	return strings.Join(segments, "/"), ""
}

func (i *Ignore) ignores(file string, isFolder bool) bool {
	if len(i.learned)+len(i.spec) == 0 {
		return false
	}
	segments := strings.Split(file, "/")
	for _, rules := range [][]ignoreRule{i.spec, i.learned} {
		for _, rule := range slices.Backward(rules) {
			if i.work += rule.cost * int64(len(file)); i.work > maxIgnoreWork {
				i.fail(file, fault(TooLarge, "there are too many files and patterns of files to ignore; use fewer, or simpler ones"))
				return true
			}
			switch rule.Match(segments, isFolder) {
			case gitignore.Exclude:
				return true
			case gitignore.Include:
				return false
			}
		}
	}
	return false
}
