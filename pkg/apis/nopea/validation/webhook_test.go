package validation

import (
	"strings"
	"testing"

	"nopea.io/nopea/pkg/apis/nopea"
)

func TestValidateWebhookSpec(t *testing.T) {
	many := make([]string, 11)
	for name, test := range map[string]struct {
		webhook nopea.WebhookSpec
		wish    string
	}{
		"empty":        {nopea.WebhookSpec{}, ""},
		"secret":       {nopea.WebhookSpec{SecretRef: &nopea.LocalObjectReference{Name: "hooks"}}, ""},
		"bad secret":   {nopea.WebhookSpec{SecretRef: &nopea.LocalObjectReference{Name: "A_b"}}, "spec.webhook.secretRef.name: RFC 1123"},
		"no secret":    {nopea.WebhookSpec{SecretRef: &nopea.LocalObjectReference{}}, "spec.webhook.secretRef.name: Required"},
		"https":        {nopea.WebhookSpec{Match: []string{"https://git.example.com/team/shop.git"}}, ""},
		"scp":          {nopea.WebhookSpec{Match: []string{"git@git.example.com:team/shop"}}, ""},
		"user":         {nopea.WebhookSpec{Match: []string{"ssh://git@git.example.com/team/shop"}}, ""},
		"password":     {nopea.WebhookSpec{Match: []string{"https://me:secret@git.example.com/team/shop"}}, "spec.webhook.match[0]: must not contain a password"},
		"empty match":  {nopea.WebhookSpec{Match: []string{""}}, "spec.webhook.match[0]: Required"},
		"spaces":       {nopea.WebhookSpec{Match: []string{"https://a b"}}, "spec.webhook.match[0]: must not contain spaces"},
		"no URL":       {nopea.WebhookSpec{Match: []string{"shop"}}, "spec.webhook.match[0]: must be a URL"},
		"long":         {nopea.WebhookSpec{Match: []string{"https://" + strings.Repeat("a", 2048)}}, "spec.webhook.match[0]: Too long"},
		"many matches": {nopea.WebhookSpec{Match: many}, "spec.webhook.match: Too many"},
	} {
		t.Run(name, func(t *testing.T) {
			repository := validRepository()
			repository.Spec.Webhook = &test.webhook
			errs := ValidateGitRepository(repository)
			expect(t, errs, test.wish)
			for _, err := range errs {
				if strings.Contains(err.Error(), "secret@") {
					t.Errorf("the error holds a password: %v", err)
				}
			}
		})
	}
}

func TestValidatePush(t *testing.T) {
	for name, test := range map[string]struct {
		trigger nopea.SyncTrigger
		push    nopea.Push
		wish    string
	}{
		"valid":         {nopea.SyncTriggerWebhook, nopea.Push{Ref: "refs/heads/main", Commit: commit, Delivery: "1"}, ""},
		"joined":        {nopea.SyncTriggerManual, nopea.Push{Ref: "refs/heads/main", Commit: commit}, ""},
		"not a webhook": {nopea.SyncTriggerPoll, nopea.Push{Ref: "refs/heads/main", Commit: commit}, "spec.push: only a webhook"},
		"no commit":     {nopea.SyncTriggerWebhook, nopea.Push{Ref: "refs/heads/main"}, "spec.push.commit: Required"},
		"bad commit":    {nopea.SyncTriggerWebhook, nopea.Push{Ref: "refs/heads/main", Commit: "main"}, "spec.push.commit: full commit hash"},
		"short ref":     {nopea.SyncTriggerWebhook, nopea.Push{Ref: "main", Commit: commit}, "spec.push.ref: must begin with refs/"},
		"bad ref":       {nopea.SyncTriggerWebhook, nopea.Push{Ref: "refs/heads/a..b", Commit: commit}, `spec.push.ref: ".."`},
		"long delivery": {nopea.SyncTriggerWebhook, nopea.Push{Ref: "refs/heads/main", Commit: commit, Delivery: strings.Repeat("a", 129)}, "spec.push.delivery: Too long"},
	} {
		t.Run(name, func(t *testing.T) {
			sync := validSync()
			sync.Spec.Trigger, sync.Spec.Push = test.trigger, &test.push
			expect(t, ValidateSync(sync), test.wish)
		})
	}
}
