package webhook

import (
	"errors"
	"fmt"

	"nopea.io/nopea/pkg/webhook"
)

// account is nopea-apiserver's ServiceAccount, as it is shipped.
const account = "nopea-apiserver"

// advise says why a delivery was refused, and what to do. It is for the status, never for the sender.
func (s *secrets) advise(t *target, verifyErr, secretErr error) string {
	secret := t.secretName()
	switch {
	case errors.Is(secretErr, errForbidden):
		role := "nopea-webhook-" + secret.Name
		return fmt.Sprintf("nopea-apiserver may not read Secret %q, so no secret is known to check deliveries with. To let it: "+
			"kubectl create role %s -n %s --verb=get --resource=secrets --resource-name=%s && "+
			"kubectl create rolebinding %s -n %s --role=%s --serviceaccount=%s:%s",
			secret.Name, role, secret.Namespace, secret.Name, role, secret.Namespace, role, s.namespace, account)
	case errors.Is(secretErr, errNoSecret):
		return fmt.Sprintf("There is no Secret %q, so no secret is known to check deliveries with. To make one: "+
			"kubectl create secret generic %s -n %s --from-literal=secret=\"$(openssl rand -hex 32)\"; then give the same value to the provider",
			secret.Name, secret.Name, secret.Namespace)
	case errors.Is(verifyErr, webhook.ErrStale):
		return "The delivery was signed too long ago, or in the future: compare the clocks of both sides"
	case errors.Is(verifyErr, webhook.ErrUnsigned):
		return fmt.Sprintf("The delivery holds no signature, or Secret %q holds no secret: give the provider a value of that Secret", secret.Name)
	}
	return fmt.Sprintf("The signature fits no value of Secret %q, nor the installation's: give the provider a value of that Secret; "+
		"to have old ones taken, too, keep several there", secret.Name)
}

// accepted says which Sync a delivery led to, and where a payload names the repository by URLs that are not known for it, so that somebody
// who would have one hook for many repositories knows.
func accepted(t *target, event *webhook.Event, sync string) string {
	if t.isNamedOtherwise(event) {
		// The key of a URL holds no password.
		key, err := webhook.Key(event.URLs[0])
		if err != nil {
			key = "something that is no URL"
		}
		return fmt.Sprintf("Sync %s. The payload names the repository as %s, which is not spec.url; add it to spec.webhook.match", sync, key)
	}
	return "Sync " + sync
}
