package webhook

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

// azureDevOps is a service hook of Azure DevOps, which signs nothing.
//
// https://learn.microsoft.com/en-us/azure/devops/service-hooks/services/webhooks
type azureDevOps struct{}

// azureToken is the header that holds the secret where Basic authentication does not reach NOPEA: kube-apiserver takes Authorization for
// itself.
const azureToken = "X-Nopea-Token"

// azureHead is how far into a body the type of the event is looked for; it is among the first fields.
const azureHead = 2 << 10

func (azureDevOps) Name() string { return "azure-devops" }

// Recognises looks into the body where the header is not set, because Azure DevOps has none of its own.
func (azureDevOps) Recognises(d *Delivery) bool {
	if d.Header.Get(azureToken) != "" {
		return true
	}
	var publisher, event string
	head := d.Body[:min(len(d.Body), azureHead)]
	if !bytes.Contains(head, []byte(`"publisherId"`)) {
		return false
	}
	return fields(head, map[string]any{"publisherId": &publisher, "eventType": &event}) == nil && publisher != "" && event != ""
}

// Verify takes the secret as the header X-Nopea-Token, or as the password of Basic authentication, whatever the user name is.
func (azureDevOps) Verify(d *Delivery, secrets []Secret, _ time.Time) error {
	if token := d.Header.Get(azureToken); token != "" {
		return verifyToken(token, secrets)
	}
	_, password, _ := (&http.Request{Header: d.Header}).BasicAuth()
	return verifyToken(password, secrets)
}

type azureRepository struct {
	RemoteURL     string `json:"remoteUrl"`
	SSHURL        string `json:"sshUrl"`
	WebURL        string `json:"webUrl"`
	DefaultBranch string `json:"defaultBranch"`
}

type azureResource struct {
	Repository azureRepository      `json:"repository"`
	RefUpdates list[azureRefUpdate] `json:"refUpdates"`
}

type azureRefUpdate struct {
	Name string `json:"name"`
	New  string `json:"newObjectId"`
}

func (azureDevOps) URLs(d *Delivery) ([]string, error) {
	var r struct {
		Repository azureRepository `json:"repository"`
	}
	if err := fields(d.Body, map[string]any{"resource": &r}); err != nil {
		return nil, err
	}
	return distinct(r.Repository.RemoteURL, r.Repository.SSHURL, r.Repository.WebURL), nil
}

func (a azureDevOps) Parse(d *Delivery) (*Event, error) {
	var body struct {
		ID        string          `json:"id"`
		EventType string          `json:"eventType"`
		Resource  json.RawMessage `json:"resource"`
	}
	if err := decode(d.Body, &body); err != nil {
		return nil, err
	}
	e, err := newEvent(a, d, body.EventType, body.ID)
	if err != nil || body.EventType != "git.push" {
		return e, err
	}
	var r azureResource
	if err := decode(body.Resource, &r); err != nil {
		return nil, err
	}
	return e.push(r.Repository.DefaultBranch, len(r.RefUpdates), func(i int) (Change, error) {
		return newChange(r.RefUpdates[i].Name, r.RefUpdates[i].New, false)
	})
}
