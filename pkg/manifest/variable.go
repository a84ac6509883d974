package manifest

import (
	"strings"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// Variable is what stands for ${NAME}.
type Variable struct {
	Value string
	// Secret: the value must be shown nowhere.
	Secret bool
}

// Variables by their names.
type Variables map[string]Variable

// variableForms names the forms that exist.
const variableForms = "only ${NAME} and ${NAME:=default} are variables; write $${ for the text ${, or annotate the object with " +
	v1alpha1.AnnotationSubstitute + ": disabled"

// expansion is a text whose variables were replaced.
type expansion struct {
	text string
	// replaced: there was at least one variable. secret: one of them is.
	replaced, secret bool
	// quoted: the variables at both ends are quotation marks that were put there to have the rest taken as text.
	quoted bool
}

// expand replaces the variables of a text once: what their values hold is not looked into. room bounds the result.
func (v Variables) expand(text string, room int64) (expansion, *Error) {
	var (
		out         strings.Builder
		result      expansion
		first, last string // values of variables at the ends
	)
	rest := text
	for {
		at := strings.Index(rest, "${")
		if at < 0 {
			out.WriteString(rest)
			break
		}
		if at > 0 && rest[at-1] == '$' {
			out.WriteString(rest[:at-1] + "${")
			rest = rest[at+2:]
			continue
		}
		out.WriteString(rest[:at])
		inner, after, closed := strings.Cut(rest[at+2:], "}")
		if !closed {
			return expansion{}, fault(InvalidVariable, "a ${ has no }; %s", variableForms)
		}
		value, secret, err := v.lookUp(inner)
		if err != nil {
			return expansion{}, err
		}
		if int64(out.Len()+len(value)) > room {
			return expansion{}, fault(TooLarge, "the values of variables make the objects too large; use smaller ones, or fewer")
		}
		if at == 0 && len(rest) == len(text) {
			first = value
		}
		if after == "" {
			last = value
		}
		out.WriteString(value)
		result.replaced, result.secret = true, result.secret || secret
		rest = after
	}
	result.text = out.String()
	if (first == `"` || first == `'`) && first == last && len(result.text) >= 2 && !strings.Contains(text, "\n") {
		result.text, result.quoted = result.text[1:len(result.text)-1], true
	}
	return result, nil
}

// lookUp is the value of what stands between ${ and }. As in a shell, := also replaces a value that is empty.
func (v Variables) lookUp(inner string) (value string, secret bool, err *Error) {
	name, otherwise, hasDefault := strings.Cut(inner, ":=")
	if !v1alpha1.IsVariableName(name) {
		return "", false, fault(InvalidVariable, "${%s…} is no variable: %s", leadingName(inner), variableForms)
	}
	variable, known := v[name]
	switch {
	case known && (variable.Value != "" || !hasDefault):
		return variable.Value, variable.Secret, nil
	case !hasDefault:
		return "", false, fault(UnknownVariable, "the variable %s is set neither by spec.substitute nor by what spec.substituteFrom names, and has no default; "+
			"set it, write ${%s:=default}, or write $${%s} if it is meant as text", quote(name), shortName(name), shortName(name))
	case strings.Contains(otherwise, "${"):
		return "", false, fault(InvalidVariable, "the default of the variable %s holds another variable; %s", quote(name), variableForms)
	}
	return otherwise, false, nil
}

// leadingName is the part of a text that could be a name. The rest may be anything, and is not shown.
func leadingName(text string) string {
	end := 0
	for end < len(text) && v1alpha1.IsVariableName("_"+text[end:end+1]) {
		end++
	}
	return shortName(text[:end])
}

func shortName(name string) string {
	return name[:min(len(name), 80)]
}
