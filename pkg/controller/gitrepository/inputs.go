package gitrepository

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/manifest"
	"nopea.io/nopea/pkg/sops"
)

// inputs are the objects of the cluster that a run reads, and whose content leads to what is applied: a commit that holds the same as
// another is not the same to apply while they differ.
type inputs struct {
	read []string
	// keys decrypt files of the commit; variables stand in its manifests. Both are nil where the spec names none.
	keys      *sops.Keys
	variables manifest.Variables
}

// note takes in an object that was read; nil where there is none of that name.
func (i *inputs) note(kind, namespace, name string, object metav1.Object) {
	version := "none"
	if object != nil {
		version = string(object.GetUID()) + "@" + object.GetResourceVersion()
	}
	i.read = append(i.read, fmt.Sprintf("%s %s/%s %s", kind, namespace, name, version))
}

// digest is equal for equal inputs, in whatever order they were read; empty where nothing was.
func (i *inputs) digest() string {
	if len(i.read) == 0 {
		return ""
	}
	sum := sha256.New()
	for _, read := range slices.Sorted(slices.Values(i.read)) {
		// Names and versions hold no line break.
		fmt.Fprintln(sum, read)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// readsCluster tells whether what is applied depends on such objects.
func readsCluster(spec *v1alpha1.GitRepositorySpec) bool {
	return len(spec.SubstituteFrom) > 0 || spec.Decryption != nil
}

// inputs reads them, as the GitRepository's ServiceAccount.
func (i *identity) inputs(ctx context.Context, repository *v1alpha1.GitRepository) (read inputs, err error) {
	if read.keys, err = i.decryptionKeys(ctx, repository, &read); err != nil {
		return read, err
	}
	read.variables, err = i.variables(ctx, repository, &read)
	return read, err
}
