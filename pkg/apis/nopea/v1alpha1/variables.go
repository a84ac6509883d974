package v1alpha1

// IsVariableName tells whether a text can be the name of a variable: letters, digits and underscores, the first of them no digit.
func IsVariableName(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
