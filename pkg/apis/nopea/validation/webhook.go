package validation

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

const (
	maxWebhookMatches = 10
	maxProviderLength = 32
)

func validateWebhookSpec(webhook *nopea.WebhookSpec, at *field.Path) field.ErrorList {
	if webhook == nil {
		return nil
	}
	var errs field.ErrorList
	if webhook.SecretRef != nil {
		errs = append(errs, validateObjectName(webhook.SecretRef.Name, at.Child("secretRef", "name"))...)
	}
	if count := len(webhook.Match); count > maxWebhookMatches {
		return append(errs, field.TooMany(at.Child("match"), count, maxWebhookMatches))
	}
	for i, match := range webhook.Match {
		errs = append(errs, validateWebhookMatch(match, at.Child("match").Index(i))...)
	}
	return errs
}

// validateWebhookMatch takes URLs of any scheme, and the scp form of SSH: whatever a payload may hold. One with a password in it is not
// repeated.
func validateWebhookMatch(match string, at *field.Path) field.ErrorList {
	if errs := validateURLText(match, "a URL of the repository, as payloads have it", at); len(errs) > 0 {
		return errs
	}
	if !strings.ContainsAny(match, ":/") {
		return field.ErrorList{field.Invalid(at, match, "must be a URL such as https://git.example.com/team/shop, or git@git.example.com:team/shop")}
	}
	if authority, _, _ := strings.Cut(strings.TrimPrefix(match[strings.Index(match, "://")+1:], "//"), "/"); strings.Contains(authority, "@") {
		if user, _, _ := strings.Cut(authority, "@"); strings.Contains(user, ":") {
			return field.ErrorList{field.Invalid(at, "<not shown>", "must not contain a password")}
		}
	}
	return nil
}

func validateWebhookStatus(webhook *nopea.WebhookStatus, at *field.Path) field.ErrorList {
	if webhook == nil {
		return nil
	}
	errs := validateEnum(webhook.Result, at.Child("result"), nopea.WebhookResultAccepted, nopea.WebhookResultPinged,
		nopea.WebhookResultIgnored, nopea.WebhookResultRefused)
	if len(webhook.Provider) > maxProviderLength {
		errs = append(errs, field.TooLong(at.Child("provider"), "", maxProviderLength))
	}
	if len(webhook.Delivery) > v1alpha1.MaxDeliveryLength {
		errs = append(errs, field.TooLong(at.Child("delivery"), "", v1alpha1.MaxDeliveryLength))
	}
	return append(errs, validateMessage(webhook.Message, at.Child("message"))...)
}

// validatePush checks what a webhook told. Only what a webhook led to has it.
func validatePush(spec *nopea.SyncSpec, at *field.Path) field.ErrorList {
	push := spec.Push
	if push == nil {
		return nil
	}
	if spec.Trigger != nopea.SyncTriggerWebhook && spec.Trigger != nopea.SyncTriggerManual {
		return field.ErrorList{field.Forbidden(at, "only a webhook tells of a push; leave it out")}
	}
	errs := requireCommit(push.Commit, at.Child("commit"))
	if !strings.HasPrefix(push.Ref, "refs/") {
		errs = append(errs, field.Invalid(at.Child("ref"), strings.ToValidUTF8(push.Ref, "?"), "must begin with refs/"))
	} else {
		errs = append(errs, validateRefFormat(push.Ref, at.Child("ref"))...)
	}
	if len(push.Delivery) > v1alpha1.MaxDeliveryLength {
		errs = append(errs, field.TooLong(at.Child("delivery"), "", v1alpha1.MaxDeliveryLength))
	}
	return errs
}
