package manifest

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	yamlv2 "go.yaml.in/yaml/v2"
)

// yamlError makes of a library's error one that names the right line and quotes nothing of the file.
func yamlError(data []byte, err error) *Error {
	line, problem := splitYAMLError(err)
	if l, p := locate(data); l > 0 {
		line, problem = l, p
	}
	code := YAMLSyntax
	switch {
	case strings.HasPrefix(problem, "unknown anchor"):
		line = aliasLine(data, problem)
		problem = unknownAnchor
	case strings.HasPrefix(problem, "exceeded max depth"):
		code = TooDeep
	case strings.HasPrefix(problem, "control characters"):
		line = controlLine(data)
		problem = "control characters are not allowed; remove them or write them with an escape in double quotes"
	}
	if problem != unknownAnchor {
		problem = withoutContent(problem)
	}
	if bytes.Contains(data, []byte("{{")) {
		problem += "; if this is a template ({{ … }}), render it first or move it out of spec.path"
	}
	return &Error{Line: line, Code: code, Message: "YAML: " + problem}
}

const unknownAnchor = "an alias (*name) names an anchor (&name) that stands nowhere before it in the document; put the value in quotes if it is text"

// aliasLine is the line of the first alias without an anchor before it, which the library does not tell; 0 if there is
// no telling.
func aliasLine(data []byte, problem string) int {
	parts := strings.Split(problem, "'")
	if len(parts) != 3 {
		return 0
	}
	for i, line := range strings.Split(string(data), "\n") {
		for _, word := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\r,[]{}", r) }) {
			switch word {
			case "&" + parts[1]:
				return 0
			case "*" + parts[1]:
				return i + 1
			}
		}
	}
	return 0
}

// locate asks the library's version 2 where the fault is: version 3 tells where the block around it begins.
func locate(data []byte) (line int, problem string) {
	stream := yamlv2.NewDecoder(bytes.NewReader(data))
	for {
		var ignored anything
		err := stream.Decode(&ignored)
		if err == nil {
			continue
		}
		if line, problem = splitYAMLError(err); problem == "EOF" {
			return 0, ""
		}
		if parserProblems[problem] {
			line++
		}
		return max(line, 1), problem
	}
}

// parserProblems are those whose line the library counts from 0.
var parserProblems = map[string]bool{
	"did not find expected key":              true,
	"did not find expected '-' indicator":    true,
	"did not find expected ',' or ']'":       true,
	"did not find expected ',' or '}'":       true,
	"did not find expected node content":     true,
	"did not find expected <document start>": true,
	"found duplicate %YAML directive":        true,
	"found duplicate %TAG directive":         true,
	"found incompatible YAML document":       true,
	"found undefined tag handle":             true,
}

// anything takes a document and decodes nothing of it, so that aliases are not followed.
type anything struct{}

func (*anything) UnmarshalYAML(func(any) error) error { return nil }

// splitYAMLError takes apart "yaml: line 3: problem".
func splitYAMLError(err error) (line int, problem string) {
	problem = strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(problem, "line "); ok {
		if number, text, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				return n, text
			}
		}
	}
	return 0, problem
}

// controlLine is the line of the first character that YAML does not allow unescaped.
func controlLine(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if unicode.IsControl(r) && !strings.ContainsRune("\t\n\r\u0085", r) || r >= 0xFFFE && r <= 0xFFFF || r == 0xFEFF && i > 0 {
			return lineAt(data, i)
		}
		i += size
	}
	return 0
}

var quotedContent = regexp.MustCompile("`[^`]*`" + `|"[^"]*"|'[^']*'`)

// withoutContent takes out of a library's message what it quotes, unless that is punctuation alone.
func withoutContent(message string) string {
	return quotedContent.ReplaceAllStringFunc(message, func(quoted string) string {
		if strings.IndexFunc(quoted, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }) >= 0 {
			return "…"
		}
		return quoted
	})
}
