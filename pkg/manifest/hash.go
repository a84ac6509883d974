package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Hash is the SHA-256, in hex, of the object's JSON with sorted keys and a newline at the end. It is the same for the same desired object, in any
// process of the same version. It fails only for an object that JSON cannot hold, which [Parse] never gives.
func Hash(obj *unstructured.Unstructured) (string, error) {
	sum := sha256.New()
	// encoding/json sorts the keys of maps.
	if err := json.NewEncoder(sum).Encode(obj.Object); err != nil {
		return "", fmt.Errorf("hash %s %s/%s: %w", obj.GetKind(), obj.GetNamespace(), obj.GetName(), err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
