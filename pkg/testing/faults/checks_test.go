package faults

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/ownership"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
)

// live lists the objects that carry the repository's labels, without the bystander.
func (s *scenario) live(ctx context.Context) (map[id]*unstructured.Unstructured, error) {
	found := make(map[id]*unstructured.Unstructured)
	owner := apply.Owner{Namespace: s.namespace, Name: repositoryName}
	for kind, resource := range resources {
		list, err := s.dynamic.Resource(resource).Namespace(s.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		for n := range list.Items {
			if item := &list.Items[n]; owner.Labelled(item) && item.GetName() != "bystander" {
				found[id{kind, item.GetName()}] = item
			}
		}
	}
	return found, nil
}

// state looks at how far the sync under test is.
func (s *scenario) state() state {
	s.Helper()
	ctx := background()
	now := state{syncs: map[v1alpha1.SyncPhase]int{}}
	for _, sync := range githttp.Must(s.api.Syncs(s.namespace).List(ctx, metav1.ListOptions{}))(s.T).Items {
		if !s.initialSyncs[sync.Name] {
			now.syncs[sync.Status.Phase]++
		}
	}
	live := githttp.Must(s.live(ctx))(s.T)
	for i, version := range s.last {
		if object := live[i]; s.first[i] != version && object != nil && differs(i, version, object.Object) == "" {
			now.written++
		}
	}
	for _, i := range s.removed() {
		if live[i] == nil {
			now.gone++
		}
	}
	for _, entry := range githttp.Must(s.inventory(ctx))(s.T) {
		if entry.UID == "" {
			now.blank++
		}
	}
	if applied := githttp.Must(s.api.GitRepositories(s.namespace).Get(ctx, repositoryName, metav1.GetOptions{}))(s.T).Status.Applied; applied != nil {
		now.commit = applied.Commit
	}
	return now
}

func (s *scenario) inventory(ctx context.Context) ([]v1alpha1.InventoryEntry, error) {
	list, err := s.api.Inventories(s.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var entries []v1alpha1.InventoryEntry
	for _, shard := range list.Items {
		if len(shard.Finalizers) > 0 {
			return nil, fmt.Errorf("Inventory %s has finalizers %v", shard.Name, shard.Finalizers)
		}
		entries = append(entries, shard.Spec.Entries...)
	}
	return entries, nil
}

// ready checks what the GitRepository says of itself.
func (s *scenario) ready(ctx context.Context, commit string) error {
	repository, err := s.api.GitRepositories(s.namespace).Get(ctx, repositoryName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	status := &repository.Status
	for kind, want := range map[string]metav1.ConditionStatus{
		v1alpha1.ConditionReady: metav1.ConditionTrue, v1alpha1.ConditionReconciling: metav1.ConditionFalse, v1alpha1.ConditionStalled: metav1.ConditionFalse,
	} {
		condition := apimeta.FindStatusCondition(status.Conditions, kind)
		if condition == nil || condition.Status != want || condition.ObservedGeneration != repository.Generation {
			return fmt.Errorf("condition %s is %+v, want %s", kind, condition, want)
		}
	}
	switch {
	case status.Applied == nil || status.Applied.Commit != commit || status.Attempted.Commit != commit:
		return fmt.Errorf("applied is %+v, attempted %+v, want commit %s", status.Applied, status.Attempted, commit)
	case status.LastError != nil || status.PendingPrune != nil:
		return fmt.Errorf("last error %+v, pending prune %+v", status.LastError, status.PendingPrune)
	case status.ObservedGeneration != repository.Generation:
		return fmt.Errorf("observed generation %d of %d", status.ObservedGeneration, repository.Generation)
	case status.Resources == nil || status.Resources.Desired != status.Resources.Applied:
		return fmt.Errorf("resources %+v", status.Resources)
	case len(repository.Finalizers) > 0:
		return fmt.Errorf("finalizers %v", repository.Finalizers)
	}
	return nil
}

// settled checks everything that comes true in the end.
func (s *scenario) settled(ctx context.Context) error {
	if err := s.ready(ctx, s.lastCommit()); err != nil {
		return err
	}
	live, err := s.live(ctx)
	if err != nil {
		return err
	}
	return errors.Join(s.likeGit(live), s.likeInventory(ctx, live), s.syncsEnded(ctx))
}

// likeGit compares the cluster with the last commit.
func (s *scenario) likeGit(live map[id]*unstructured.Unstructured) error {
	var errs []error
	for i, version := range s.last {
		if live[i] == nil {
			errs = append(errs, fmt.Errorf("%s is missing", i))
		} else if text := differs(i, version, live[i].Object); text != "" {
			errs = append(errs, fmt.Errorf("%s: %s", i, text))
		}
	}
	for i := range live {
		if s.last[i] == 0 {
			errs = append(errs, fmt.Errorf("%s is still there", i))
		}
	}
	return errors.Join(errs...)
}

// likeInventory compares the record with what is live.
func (s *scenario) likeInventory(ctx context.Context, live map[id]*unstructured.Unstructured) error {
	entries, err := s.inventory(ctx)
	if err != nil {
		return err
	}
	left := maps.Clone(live)
	var errs []error
	for _, entry := range entries {
		i := id{entry.Kind, entry.Name}
		object := left[i]
		if object == nil {
			errs = append(errs, fmt.Errorf("the inventory holds %s, which is not there, or twice", i))
			continue
		}
		delete(left, i)
		signature, err := ownership.Signature(object.GetManagedFields())
		switch {
		case err != nil:
			errs = append(errs, err)
		case entry.UID != object.GetUID() || entry.Hash == "" || signature == (ownership.Digest{}) || entry.Signature != signature.String() || entry.Namespace != s.namespace:
			errs = append(errs, fmt.Errorf("the inventory says of %s: %+v; its uid is %s, its signature %s", i, entry, object.GetUID(), signature))
		}
	}
	for i := range left {
		errs = append(errs, fmt.Errorf("%s is not in the inventory", i))
	}
	return errors.Join(errs...)
}

// syncsEnded checks that no request was lost, and that no Sync is left.
func (s *scenario) syncsEnded(ctx context.Context) error {
	list, err := s.api.Syncs(s.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	s.postingResult.mu.Lock()
	answered := maps.Clone(s.postingResult.answered)
	s.postingResult.mu.Unlock()
	var errs []error
	for _, sync := range list.Items {
		delete(answered, sync.Name)
		if !apimeta.IsStatusConditionTrue(sync.Status.Conditions, v1alpha1.ConditionFinished) || sync.Status.CompletionTime == nil {
			errs = append(errs, fmt.Errorf("Sync %s is %q", sync.Name, sync.Status.Phase))
		}
		if len(sync.Finalizers) > 0 {
			errs = append(errs, fmt.Errorf("Sync %s has finalizers", sync.Name))
		}
	}
	for name := range answered {
		errs = append(errs, fmt.Errorf("Sync %s was promised and is not there", name))
	}
	return errors.Join(errs...)
}

// invariants checks what must never have been otherwise, once everything has settled.
func (s *scenario) invariants() {
	ctx := background()
	s.checkSyncs(ctx)
	s.checkBystander(ctx)
	s.checkDeletions()
	live := githttp.Must(s.live(ctx))(s.T)
	for i, uid := range s.uids {
		if !s.mayGo(i) && live[i].GetUID() != uid {
			s.Errorf("%s was deleted and created again", i)
		}
	}
	s.checkIdle(ctx)
	for _, end := range s.takeEnds() {
		// A server that lost the API server may end, and be started again: without its Lease, the controller has to.
		if s.disturbances == 0 {
			s.Errorf("although only the controller was killed, %s", end)
		} else {
			s.Log(end)
		}
	}
}

// checkSyncs checks the history: a request is one Sync, and ends as one.
func (s *scenario) checkSyncs(ctx context.Context) {
	list := githttp.Must(s.api.Syncs(s.namespace).List(ctx, metav1.ListOptions{}))(s.T)
	unasked := 0
	for _, sync := range list.Items {
		if s.initialSyncs[sync.Name] {
			continue
		}
		if s.postingResult.answered[sync.Name] == 0 {
			unasked++
		}
		if s.disturbances == 0 && sync.Status.Phase != v1alpha1.SyncPhaseSucceeded {
			s.Errorf("Sync %s ended %s, although only the controller was killed: %+v", sync.Name, sync.Status.Phase, sync.Status.Error)
		}
	}
	allowed := s.postingResult.lost
	if s.trigger == v1alpha1.SyncTriggerPoll {
		allowed++
	}
	if s.turnBack {
		allowed++ // a start or a poll may find it first
	}
	// A run that failed because a server was away ends its Sync; the retry that mends it is stored as one more.
	allowed += s.disturbances
	if unasked > allowed {
		s.Errorf("%d Syncs nobody asked for, at most %d are expected\n%s", unasked, allowed, s.describe())
	}
}

func (s *scenario) checkBystander(ctx context.Context) {
	now := githttp.Must(s.kube.CoreV1().ConfigMaps(s.namespace).Get(ctx, "bystander", metav1.GetOptions{}))(s.T)
	if now.UID != s.bystander.UID || now.ResourceVersion != s.bystander.ResourceVersion {
		s.Errorf("somebody touched the bystander: %+v", now)
	}
}

// checkDeletions checks that nothing was deleted that Git still held: not by the controller, which asks for it through the proxy, and
// not by anybody else. The audit log lacks requests that the API server was killed over, the proxy's record does not.
func (s *scenario) checkDeletions() {
	check := func(who, resource, name string) {
		for i := range s.last {
			if i.name == name && resources[i.kind].Resource == resource && !s.mayGo(i) {
				s.Errorf("%s deleted %s", who, i)
			}
		}
		if name == s.bystander.Name {
			s.Errorf("%s deleted the bystander", who)
		}
	}
	asked := 0
	for _, path := range s.deletions.in(s.namespace) {
		parts := strings.Split(path, "/")
		check("the controller", parts[len(parts)-2], parts[len(parts)-1])
		asked++
	}
	if least := s.removals(); asked < least {
		s.Errorf("the controller asked for %d deletions, of %d", asked, least)
	}
	events := githttp.Must(s.sandbox.Cluster.AuditLog().Since(s.mark, localcluster.Match{Namespace: s.namespace, Verbs: []string{"delete", "deletecollection"}}))(s.T)
	for _, event := range events {
		ours := slices.ContainsFunc(slices.Collect(maps.Values(resources)), func(r schema.GroupVersionResource) bool { return r.Resource == event.Resource })
		if ours && event.Code < http.StatusMultipleChoices {
			check(event.User, event.Resource, event.Name)
		}
	}
}

// checkIdle asks once more: there must be nothing to do.
func (s *scenario) checkIdle(ctx context.Context) {
	sync := githttp.Must(s.api.GitRepositories(s.namespace).CreateSync(ctx, repositoryName, &v1alpha1.Sync{}, metav1.CreateOptions{}))(s.T)
	s.waitFor("one more Sync", func(ctx context.Context) (err error) {
		if sync, err = s.api.Syncs(s.namespace).Get(ctx, sync.Name, metav1.GetOptions{}); err != nil {
			return err
		}
		if !apimeta.IsStatusConditionTrue(sync.Status.Conditions, v1alpha1.ConditionFinished) {
			return fmt.Errorf("phase %s", sync.Status.Phase)
		}
		return nil
	})
	want := v1alpha1.SyncCounts{Unchanged: int32(len(s.last))}
	if sync.Status.Phase != v1alpha1.SyncPhaseSucceeded || sync.Status.Counts == nil || *sync.Status.Counts != want {
		s.Errorf("one more Sync found something to do: %s %+v %+v", sync.Status.Phase, sync.Status.Counts, sync.Status.Error)
	}
	s.waitFor("the status after it", func(ctx context.Context) error { return s.settled(ctx) })
}

// describe is what there is, for a failure's message.
func (s *scenario) describe() string {
	ctx := background()
	var text strings.Builder
	if list, err := s.api.Syncs(s.namespace).List(ctx, metav1.ListOptions{}); err == nil {
		for _, sync := range list.Items {
			fmt.Fprintf(&text, "Sync %s (first: %t, posts: %d): %s %s by %v, counts %+v, error %+v\n", sync.Name, s.initialSyncs[sync.Name],
				s.postingResult.answered[sync.Name], sync.Spec.Trigger, sync.Status.Phase, sync.Spec.RequestedBy, sync.Status.Counts, sync.Status.Error)
		}
	}
	if repository, err := s.api.GitRepositories(s.namespace).Get(ctx, repositoryName, metav1.GetOptions{}); err == nil {
		fmt.Fprintf(&text, "status %+v\n", repository.Status)
	}
	return text.String()
}
