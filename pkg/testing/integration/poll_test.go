package integration

import (
	"context"
	"fmt"
	"testing"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
	"nopea.io/nopea/pkg/testing/sandbox"
)

// pollsOf waits until a repository was polled so many times, and returns all requests meanwhile.
func (v *tenant) pollsOf(repo string, polls int) []githttp.Request {
	v.t.Helper()
	var all []githttp.Request
	v.eventually(fmt.Sprintf("%d polls of %s", polls, repo), func(context.Context) error {
		all = append(all, v.git.TakeRequests()...)
		count := 0
		for _, request := range all {
			if request.Repo == repo && request.Command == "ls-refs" {
				count++
			}
		}
		if count < polls {
			return fmt.Errorf("%d so far", count)
		}
		return nil
	})
	return all
}

// TestPoll catches a push that nobody announced, and costs one request to the Git server and none to Kubernetes otherwise.
func TestPoll(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repo := v.repo("shop", map[string]string{"app.yaml": configMapYAML("settings", "one")})
	v.declare("shop", repo.URL, func(s *v1alpha1.GitRepositorySpec) { s.Interval = "1s" })
	before := v.ready("shop")
	v.git.TakeRequests()
	v.pollsOf("shop.git", 1) // by then the Event of the first sync is written
	mark := githttp.Must(v.on.Cluster.AuditLog().Mark())(t)
	for _, request := range v.pollsOf("shop.git", 3) {
		if request.Command != "ls-refs" {
			t.Errorf("a poll sent %s %s", request.Command, request.Path)
		}
	}
	requests := githttp.Must(v.on.Cluster.AuditLog().Since(mark, localcluster.Match{User: sandbox.ControllerUser, Namespace: v.namespace}))(t)
	for _, event := range requests {
		t.Errorf("a poll that found nothing new sent: %s", event)
	}
	if after := v.get("shop"); after.ResourceVersion != before.ResourceVersion {
		t.Errorf("a poll rewrote the status: %+v", after.Status)
	}
	githttp.Must(repo.Commit(map[string]string{"app.yaml": configMapYAML("settings", "two")}))(t)
	v.eventually("the poll finds the push", func(context.Context) error {
		if value := v.configMap("settings").Data["key"]; value != "two" {
			return fmt.Errorf("it is %q", value)
		}
		return nil
	})
	v.eventually("the Sync of the poll", func(context.Context) error {
		last := v.get("shop").Status.LastSync
		if last == nil || last.Trigger != v1alpha1.SyncTriggerPoll || last.Name == "" {
			return fmt.Errorf("last sync is %+v", last)
		}
		return nil
	})
}
