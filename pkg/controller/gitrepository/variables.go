package gitrepository

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/manifest"
)

// variables reads what stands for the variables in manifests: of several with the same name the last one of substituteFrom counts, and
// substitute before all. Nil where the spec names none, so that nothing is replaced.
func (i *identity) variables(ctx context.Context, repository *v1alpha1.GitRepository, read *inputs) (manifest.Variables, error) {
	spec := &repository.Spec
	if len(spec.Substitute) == 0 && len(spec.SubstituteFrom) == 0 {
		return nil, nil
	}
	variables := make(manifest.Variables)
	for n, reference := range spec.SubstituteFrom {
		if err := i.variablesFrom(ctx, repository, reference, variables, read); err != nil {
			return nil, i.explainVariables(err, repository, n)
		}
	}
	for name, value := range spec.Substitute {
		variables[name] = manifest.Variable{Value: value}
	}
	return variables, nil
}

// variablesFrom adds the entries of a ConfigMap or Secret. Line breaks at the end are left out: many are made from files.
func (i *identity) variablesFrom(ctx context.Context, repository *v1alpha1.GitRepository, from v1alpha1.SubstituteReference, variables manifest.Variables, read *inputs) error {
	var object metav1.Object
	var err error
	values := make(map[string]string)
	if from.Kind == v1alpha1.SubstituteKindSecret {
		secret, getErr := i.core.Secrets(repository.Namespace).Get(ctx, from.Name, metav1.GetOptions{})
		for name, value := range secret.Data {
			values[name] = string(value)
		}
		object, err = secret, getErr
	} else {
		configMap, getErr := i.core.ConfigMaps(repository.Namespace).Get(ctx, from.Name, metav1.GetOptions{})
		values, object, err = configMap.Data, configMap, getErr
	}
	if apierrors.IsNotFound(err) && from.Optional {
		read.note(string(from.Kind), repository.Namespace, from.Name, nil)
		return nil
	}
	if err != nil {
		return err
	}
	read.note(string(from.Kind), repository.Namespace, from.Name, object)
	for name, value := range values {
		variables[name] = manifest.Variable{Value: strings.TrimRight(value, "\r\n"), Secret: from.Kind == v1alpha1.SubstituteKindSecret}
	}
	return nil
}

func (i *identity) explainVariables(err error, repository *v1alpha1.GitRepository, n int) error {
	from := repository.Spec.SubstituteFrom[n]
	what := fmt.Sprintf("the %s %q named by spec.substituteFrom[%d]", from.Kind, from.Name, n)
	switch {
	case apierrors.IsNotFound(err):
		code := CodeConfigMapNotFound
		if from.Kind == v1alpha1.SubstituteKindSecret {
			code = CodeSecretNotFound
		}
		return &Failure{Code: code, Message: fmt.Sprintf("%s is not in namespace %q", what, repository.Namespace),
			Hint: "Create it, correct spec.substituteFrom, or set optional there."}
	case apierrors.IsForbidden(err):
		return &Failure{Code: CodePermissionDenied,
			Message: fmt.Sprintf("ServiceAccount %q may not read %s", repository.Spec.ServiceAccountName, what),
			Hint:    grantRead(repository, strings.ToLower(string(from.Kind))+"s", from.Name, "nopea-variables-"+from.Name)}
	}
	return fmt.Errorf("read %s: %w", what, err)
}

// typeOf knows the kinds of Kubernetes itself.
func typeOf(gvk schema.GroupVersionKind) reflect.Type {
	object, err := scheme.Scheme.New(gvk)
	if err != nil {
		return nil // a custom resource
	}
	return reflect.TypeOf(object)
}
