package gitrepository

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/health"
	"nopea.io/nopea/pkg/manifest"
)

// desire turns objects into what a plan works with: without the fields that are left to somebody else. The salt is secret, and goes into the
// hashes of confidential objects.
func desire(objects []manifest.Object, spec *v1alpha1.GitRepositorySpec, installation []v1alpha1.IgnoreDifference, salt []byte) (*rendered, error) {
	result := &rendered{defined: make(map[schema.GroupKind]bool), ignored: make(map[apply.ID]string)}
	for gvk := range manifest.CRDScopes(objects) {
		result.defined[gvk.GroupKind()] = true
	}
	rules := slices.Concat(builtInRules, installation, spec.IgnoreDifferences)
	for _, object := range objects {
		directives, err := directivesOf(object)
		if err != nil {
			return nil, err
		}
		result.note(object, directives.Notes)
		if directives.Ignore != "" {
			result.ignored[idOf(object)] = directives.Ignore
			continue
		}
		desired, err := desireOne(object, spec, rules)
		if err != nil {
			return nil, err
		}
		desired.CreateOnly, desired.Force, desired.Confidential = directives.CreateOnly, directives.Force, object.Confidential
		desired.Hash = hashOf(&desired, salt)
		result.desired = append(result.desired, desired)
	}
	return result, nil
}

func desireOne(object manifest.Object, spec *v1alpha1.GitRepositorySpec, rules []v1alpha1.IgnoreDifference) (apply.Desired, error) {
	gvk := object.GroupVersionKind()
	annotations := object.GetAnnotations()
	policy, err := policyOf(object, spec)
	if err != nil {
		return apply.Desired{}, err
	}
	wave, err := waveOf(object)
	if err != nil {
		return apply.Desired{}, err
	}
	desired := apply.Desired{
		ID:      idOf(object),
		Version: gvk.Version, File: object.Origin.File, Document: object.Origin.Document, Drift: policy,
		Once:      annotations[v1alpha1.AnnotationRecreate] == "disabled",
		HasHealth: health.Has(gvk.GroupKind(), object.Object), Wave: wave,
	}
	content := object.Object
	if gvk.Group == "batch" && gvk.Kind == "Job" {
		job, _ := content["spec"].(map[string]any)
		_, desired.Finishing = job["ttlSecondsAfterFinished"]
	}
	for i := range rules {
		if !matches(&rules[i], desired.ID) {
			continue
		}
		for _, pointer := range rules[i].JSONPointers {
			rest, cuts, err := manifest.CutField(content, pointer)
			if err != nil {
				return apply.Desired{}, &Failure{Code: CodeIgnoreInvalid, Stalled: true,
					Message: fmt.Sprintf("ignoreDifferences cannot be applied to %s (%s): %v", desired.ID, object.Origin, err),
					Hint:    "Correct spec.ignoreDifferences."}
			}
			if i < len(builtInRules) && !injected(annotations, cuts) {
				continue
			}
			content = rest
			for _, cut := range cuts {
				desired.Left = append(desired.Left, apply.Field{Path: cut.Path, Value: cut.Value})
			}
		}
	}
	if desired.Body, err = apply.Encode(content); err != nil {
		return apply.Desired{}, fmt.Errorf("encode the object of %s: %w", object.Origin, err)
	}
	return desired, nil
}

// hashOf is the hash of a manifest. Hashes are kept in inventories: by that of an object whose values are secret, nobody may find them out by
// trying.
func hashOf(desired *apply.Desired, salt []byte) string {
	sum := sha256.New()
	if desired.Confidential {
		sum = hmac.New(sha256.New, salt)
	}
	sum.Write(desired.Body)
	return hex.EncodeToString(sum.Sum(nil))
}

// policyOf is what is done about drift of an object: what its annotation in Git says, or its GitRepository.
func policyOf(object manifest.Object, spec *v1alpha1.GitRepositorySpec) (v1alpha1.DriftPolicy, error) {
	written := v1alpha1.DriftPolicy(object.GetAnnotations()[v1alpha1.AnnotationDrift])
	switch written {
	case "":
		return cmp.Or(spec.DriftPolicy, v1alpha1.DriftPolicyEnforce), nil
	case v1alpha1.DriftPolicyPrevent, v1alpha1.DriftPolicyEnforce, v1alpha1.DriftPolicyWarn, v1alpha1.DriftPolicyIgnore:
		return written, nil
	}
	return "", &Failure{Code: CodeManifestInvalid, Stalled: true,
		Message: fmt.Sprintf("%s: the annotation %s is %q; it must be Prevent, Enforce, Warn or Ignore", object.Origin, v1alpha1.AnnotationDrift, written),
		Hint:    "Nothing of this commit was applied. Correct the file and push."}
}

// annotationArgoWave is what Argo CD calls the same.
const annotationArgoWave = "argocd.argoproj.io/sync-wave"

// waveOf is the wave in which an object is applied, from its annotation in Git.
func waveOf(object manifest.Object) (int, error) {
	for _, name := range []string{v1alpha1.AnnotationSyncWave, annotationArgoWave} {
		written := object.GetAnnotations()[name]
		if written == "" {
			continue
		}
		wave, err := strconv.ParseInt(written, 10, 32)
		if err != nil {
			return 0, &Failure{Code: CodeManifestInvalid, Stalled: true,
				Message: fmt.Sprintf("%s: the annotation %s must be a whole number, such as \"-1\"", object.Origin, name),
				Hint:    "Nothing of this commit was applied. Correct the file and push."}
		}
		return int(wave), nil
	}
	return 0, nil
}

func matches(rule *v1alpha1.IgnoreDifference, id apply.ID) bool {
	return (rule.Group == "*" || rule.Group == id.Group) && (rule.Kind == "*" || rule.Kind == id.Kind) &&
		(rule.Namespace == "" || rule.Namespace == id.Namespace) && (rule.Name == "" || rule.Name == id.Name)
}

// builtInRules leave the caBundle that somebody injects to whoever does.
var builtInRules = []v1alpha1.IgnoreDifference{
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration", JSONPointers: []string{"/webhooks/*/clientConfig/caBundle"}},
	{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration", JSONPointers: []string{"/webhooks/*/clientConfig/caBundle"}},
	{Group: "apiregistration.k8s.io", Kind: "APIService", JSONPointers: []string{"/spec/caBundle"}},
	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition", JSONPointers: []string{"/spec/conversion/webhook/clientConfig/caBundle"}},
}

// injected tells whether a caBundle in Git only holds the place for the one that is injected: the object asks an injector for it, or
// there is nothing in it.
func injected(annotations map[string]string, cuts []manifest.Cut) bool {
	for _, asked := range []string{
		"cert-manager.io/inject-ca-from", "cert-manager.io/inject-ca-from-secret", "cert-manager.io/inject-apiserver-ca",
		"service.beta.openshift.io/inject-cabundle",
	} {
		if annotations[asked] != "" {
			return true
		}
	}
	return !slices.ContainsFunc(cuts, func(cut manifest.Cut) bool {
		// A line break alone, in base64, is what many generators write.
		return cut.Value != "" && cut.Value != "Cg==" && cut.Value != nil
	})
}
