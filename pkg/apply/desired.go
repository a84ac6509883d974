package apply

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"

	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// Desired is one object that Git holds, as it is to be applied.
type Desired struct {
	ID ID
	// Version of the API in which the manifest is written.
	Version string
	// Body is the manifest as Encode gives it, without the fields of Left.
	Body []byte
	// Hash of the manifest.
	Hash string
	// File and Document say where it is written.
	File     string
	Document int
	// Drift says what is done when it is not live as Git has it. The zero value stands for Enforce.
	Drift v1alpha1.DriftPolicy
	// Once: when it was deleted, it comes back only with another manifest. Finishing: so it does when it was deleted after it had run.
	Once, Finishing bool
	// CreateOnly: it is created when it is missing, and never changed.
	CreateOnly bool
	// Force: it may be deleted and made anew where a change of it is refused because a field is immutable.
	Force bool
	// Confidential: values of Secrets were put into it, or it was encrypted in Git. They must be shown nowhere.
	Confidential bool
	// Wave in which it is applied: lower ones go first.
	Wave int
	// HasHealth: it may fail to work although it was applied.
	HasHealth bool
	// Left are fields of the manifest that are left to somebody else.
	Left []Field
}

// Field is a field of a manifest.
type Field struct {
	// Path as the steps of a JSON pointer: names of fields and numbers of list items.
	Path []string
	// Value in the manifest.
	Value any
}

// Tolerated tells whether the object is left as it is when it is not live as Git has it.
func (d *Desired) Tolerated() bool {
	return d.Drift == v1alpha1.DriftPolicyWarn || d.Drift == v1alpha1.DriftPolicyIgnore
}

// bodyStart is what the body of every manifest begins with.
var bodyStart = []byte(`{"metadata":{`)

// Encode is a manifest as JSON, its metadata first, so that an identity can be put in without decoding it again.
func Encode(content map[string]any) ([]byte, error) {
	metadata, ok := content["metadata"].(map[string]any)
	if !ok || len(metadata) == 0 {
		return nil, fmt.Errorf("encode the manifest: it has no metadata")
	}
	rest := maps.Clone(content)
	delete(rest, "metadata")
	first, err := json.Marshal(metadata)
	if err != nil {
		return nil, fmt.Errorf("encode the manifest's metadata: %w", err)
	}
	second, err := json.Marshal(rest)
	if err != nil {
		return nil, fmt.Errorf("encode the manifest: %w", err)
	}
	body := make([]byte, 0, len(first)+len(second)+len(bodyStart))
	body = append(append(body, `{"metadata":`...), first...)
	if len(rest) == 0 {
		return append(body, '}'), nil
	}
	return append(append(body, ','), second[1:]...), nil
}

// identified is a body that is valid for one object alone: the one of that uid, or, without a uid, none that exists. The API server
// creates an object whose applied resourceVersion is set when there is none of its name, and answers with a conflict when there is.
func identified(body []byte, uid types.UID) []byte {
	identity := `"resourceVersion":"1",`
	if uid != "" {
		identity = `"uid":` + strconv.Quote(string(uid)) + `,`
	}
	rest := bytes.TrimPrefix(body, bodyStart)
	whole := make([]byte, 0, len(bodyStart)+len(identity)+len(rest))
	return append(append(append(whole, bodyStart...), identity...), rest...)
}

// decode is the opposite of Encode.
func decode(body []byte) (map[string]any, error) {
	var content map[string]any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&content); err != nil {
		return nil, fmt.Errorf("decode the manifest: %w", err)
	}
	return content, nil
}
