package gitrepository

import (
	"context"
	"errors"
	"fmt"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/sops"
)

// decryptionKeys reads the keys that spec.decryption names, as the GitRepository's ServiceAccount; nil where it names none.
func (i *identity) decryptionKeys(ctx context.Context, repository *v1alpha1.GitRepository, read *inputs) (*sops.Keys, error) {
	if repository.Spec.Decryption == nil {
		return nil, nil
	}
	const field = "spec.decryption.secretRef"
	name := repository.Spec.Decryption.SecretRef.Name
	secret, err := i.secret(ctx, repository, name, field, "nopea-decryption-keys")
	if err != nil {
		return nil, err
	}
	read.note("Secret", secret.Namespace, secret.Name, secret)
	keys, err := sops.ParseKeys(secret.Data)
	var fault *sops.Error
	if errors.As(err, &fault) {
		return nil, &Failure{Code: CodeSecretInvalid, Hint: fault.Hint,
			Message: fmt.Sprintf("the Secret %q named by %s cannot be used: %s", name, field, fault.Message)}
	}
	return keys, err
}

// explainDecryption says why a file was not decrypted. A key may be put into its Secret at any moment; all else is for a commit to mend.
func explainDecryption(fault *sops.Error) *Failure {
	return &Failure{Code: CodeDecryptionFailed, Message: fault.Error(), Stalled: fault.Code != sops.NoKey,
		Hint: "Nothing of this commit was applied. " + fault.Hint}
}
