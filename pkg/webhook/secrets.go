package webhook

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	// MaxSecrets bounds the secrets that one delivery is tried with.
	MaxSecrets = 16
	// MaxSecretLength bounds a secret, in bytes.
	MaxSecretLength = 1 << 10
)

// Format keeps secrets out of everything that is printed.
func (Secret) Format(f fmt.State, _ rune) {
	fmt.Fprint(f, "[secret]")
}

// Secrets are the values of a Kubernetes Secret, in the order of their keys, without the newline that an editor or echo leaves at the end.
// Empty values, those longer than MaxSecretLength, and those after the first MaxSecrets are left out.
func Secrets(data map[string][]byte) []Secret {
	return secrets(data, func(string) bool { return true })
}

// SecretsFor are the secrets of one provider in a Kubernetes Secret that holds those of several. The keys are the provider's name, and the
// name with a dot and anything after it: "github", "github.new". No name has a dot, so "bitbucket" does not take "bitbucket-server".
func SecretsFor(data map[string][]byte, provider string) []Secret {
	return secrets(data, func(key string) bool {
		name, _, _ := strings.Cut(key, ".")
		return name == provider
	})
}

func secrets(data map[string][]byte, wanted func(key string) bool) []Secret {
	var found []Secret
	for _, key := range slices.Sorted(maps.Keys(data)) {
		value := bytes.TrimRight(data[key], "\r\n")
		if wanted(key) && len(value) > 0 && len(value) <= MaxSecretLength && len(found) < MaxSecrets {
			found = append(found, Secret(value))
		}
	}
	return found
}
