package ownership

import (
	"strconv"
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

// maxValueLength bounds what is shown of a list key or of an element of a set, in bytes.
const maxValueLength = 64

// Name is a path as a user reads it: spec.template.spec.containers[name="web"].image. It holds no value but the keys of list items and
// the elements of sets, such as finalizers; what a Secret holds are fields, of which it shows the names.
func Name(path fieldpath.Path) string {
	var out strings.Builder
	for _, element := range path {
		switch {
		case element.FieldName != nil && plain(*element.FieldName):
			if out.Len() > 0 {
				out.WriteByte('.')
			}
			out.WriteString(*element.FieldName)
		case element.FieldName != nil:
			out.WriteString("[" + strconv.Quote(*element.FieldName) + "]")
		case element.Key != nil:
			out.WriteByte('[')
			for i, field := range *element.Key {
				if i > 0 {
					out.WriteByte(',')
				}
				out.WriteString(field.Name + "=" + shown(field.Value))
			}
			out.WriteByte(']')
		case element.Value != nil:
			out.WriteString("[=" + shown(*element.Value) + "]")
		case element.Index != nil:
			out.WriteString("[" + strconv.Itoa(*element.Index) + "]")
		}
	}
	return out.String()
}

// plain names need no quotes in a path.
func plain(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

func shown(v value.Value) string {
	if v == nil {
		return "null"
	}
	if v.IsString() {
		return strconv.Quote(bounded(v.AsString(), maxValueLength))
	}
	return bounded(value.ToString(v), maxValueLength)
}

// bounded is at most so many bytes of a text, and never half a character. It does not hold on to a longer text.
func bounded(text string, length int) string {
	if len(text) <= length {
		return text
	}
	return strings.Clone(strings.ToValidUTF8(text[:length], ""))
}
