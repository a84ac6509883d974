package apiserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/admission"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// admitted records what validating admission was shown, and refuses what is labelled so.
type admitted struct {
	mu    sync.Mutex
	syncs []*nopea.Sync
}

func (*admitted) Handles(admission.Operation) bool { return true }

func (a *admitted) Validate(_ context.Context, attributes admission.Attributes, _ admission.ObjectInterfaces) error {
	s, ok := attributes.GetObject().(*nopea.Sync)
	if !ok || attributes.GetOperation() != admission.Create {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.syncs = append(a.syncs, s.DeepCopy())
	if s.Labels["refuse"] != "" {
		return admission.NewForbidden(attributes, errors.New("refused by the test"))
	}
	return nil
}

func post(t *testing.T, s *server, user, repository string, sync v1alpha1.Sync) (*v1alpha1.Sync, error) {
	t.Helper()
	return s.client(t, user).GitRepositories(namespace).CreateSync(t.Context(), repository, &sync, metav1.CreateOptions{})
}

func mustPost(t *testing.T, s *server, user, repository string, sync v1alpha1.Sync) *v1alpha1.Sync {
	t.Helper()
	created, err := post(t, s, user, repository, sync)
	if err != nil {
		t.Fatal(err)
	}
	return created
}

func (s *server) syncsOf(t testing.TB, repository string) []v1alpha1.Sync {
	t.Helper()
	list, err := s.client(t, "root").Syncs(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "spec.repository=" + repository})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// setPhase is a patch without a resourceVersion: whatever joins at the same time comes before it or after it.
func (s *server) setPhase(t testing.TB, name string, phase v1alpha1.SyncPhase) error {
	_, err := s.client(t, controllerUser).Syncs(namespace).Patch(t.Context(), name, types.MergePatchType,
		[]byte(`{"status":{"phase":"`+string(phase)+`"}}`), metav1.PatchOptions{}, "status")
	return err
}

func TestSyncs(t *testing.T) {
	recorder := &admitted{}
	s := startServer(t, t.TempDir(), recorder)
	spec := func(change func(*v1alpha1.SyncSpec)) v1alpha1.Sync {
		var sync v1alpha1.Sync
		change(&sync.Spec)
		return sync
	}

	t.Run("an empty body is enough", func(t *testing.T) {
		repository := s.createRepository(t, "empty")
		var stored v1alpha1.Sync
		err := s.client(t, "anna").RESTClient().Post().
			AbsPath("/apis/nopea.io/v1alpha1/namespaces", namespace, "gitrepositories/empty/syncs").
			SetHeader("Content-Type", "application/json").Body([]byte("{}")).Do(t.Context()).Into(&stored)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(stored.Name, "empty-") || len(stored.Name) != len("empty-")+5 {
			t.Errorf("name %q, want empty- and five characters", stored.Name)
		}
		if stored.Spec.Repository != "empty" || stored.Spec.Trigger != v1alpha1.SyncTriggerManual || !slices.Equal(stored.Spec.RequestedBy, []string{"anna"}) {
			t.Errorf("unexpected spec %+v", stored.Spec)
		}
		if stored.Status.Phase != v1alpha1.SyncPhasePending || stored.Generation != 1 || stored.Labels[v1alpha1.LabelRepository] != "empty" {
			t.Errorf("unexpected object %+v", stored)
		}
		owner := metav1.GetControllerOf(&stored)
		if owner == nil || owner.UID != repository.UID || owner.Kind != "GitRepository" || owner.BlockOwnerDeletion != nil {
			t.Errorf("unexpected owner %+v", owner)
		}
	})

	t.Run("the server says who asked", func(t *testing.T) {
		s.createRepository(t, "who")
		created, err := s.client(t, "anna").Syncs(namespace).Create(t.Context(), &v1alpha1.Sync{
			ObjectMeta: metav1.ObjectMeta{Name: "mine", OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: "x", UID: "x"}}},
			Spec:       v1alpha1.SyncSpec{Repository: "who", RequestedBy: []string{"root"}},
			Status:     v1alpha1.SyncStatus{Phase: v1alpha1.SyncPhaseSucceeded},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(created.Spec.RequestedBy, []string{"anna"}) || created.Status.Phase != v1alpha1.SyncPhasePending || len(created.OwnerReferences) != 1 || created.OwnerReferences[0].Kind != "GitRepository" {
			t.Errorf("the body decided: %+v", created)
		}
	})

	t.Run("automatic triggers are NOPEA's", func(t *testing.T) {
		s.createRepository(t, "trigger")
		poll := spec(func(s *v1alpha1.SyncSpec) { s.Trigger = v1alpha1.SyncTriggerPoll })
		if _, err := post(t, s, "anna", "trigger", poll); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "leave spec.trigger out") {
			t.Errorf("got %v, want 403 with advice", err)
		}
		if created := mustPost(t, s, controllerUser, "trigger", poll); created.Spec.Trigger != v1alpha1.SyncTriggerPoll {
			t.Errorf("got trigger %s", created.Spec.Trigger)
		}
		if stored := s.syncsOf(t, "trigger"); len(stored) != 1 {
			t.Errorf("%d Syncs were stored", len(stored))
		}
	})

	t.Run("what NOPEA does by itself is born Running and joined by nobody", func(t *testing.T) {
		s.createRepository(t, "own")
		waiting := mustPost(t, s, "anna", "own", v1alpha1.Sync{})
		seen := map[types.UID]bool{waiting.UID: true}
		for _, trigger := range []v1alpha1.SyncTrigger{v1alpha1.SyncTriggerPoll, v1alpha1.SyncTriggerStartup, v1alpha1.SyncTriggerReconcile} {
			before := time.Now()
			created := mustPost(t, s, controllerUser, "own", spec(func(s *v1alpha1.SyncSpec) { s.Trigger = trigger }))
			if seen[created.UID] || created.Status.Phase != v1alpha1.SyncPhaseRunning || !slices.Equal(created.Spec.RequestedBy, []string{controllerUser}) {
				t.Errorf("%s: got %+v", trigger, created)
			}
			if start := created.Status.StartTime; start == nil || start.Time.Before(before.Truncate(time.Microsecond)) || start.Time.After(time.Now()) {
				t.Errorf("%s: it started at %v, want between %s and now", trigger, start, before)
			}
			seen[created.UID] = true
			if joined := mustPost(t, s, "anna", "own", v1alpha1.Sync{}); joined.UID != waiting.UID {
				t.Errorf("a request that could join one that waits is %+v", joined)
			}
		}
	})

	t.Run("refusals", func(t *testing.T) {
		s.createRepository(t, "refusals")
		for name, test := range map[string]struct {
			repository string
			sync       v1alpha1.Sync
			refused    func(error) bool
			says       string
		}{
			"unknown repository": {"nobody", v1alpha1.Sync{}, apierrors.IsNotFound, `gitrepositories.nopea.io "nobody" not found`},
			"other repository":   {"refusals", spec(func(s *v1alpha1.SyncSpec) { s.Repository = "other" }), apierrors.IsInvalid, "spec.repository"},
			"bad revision":       {"refusals", spec(func(s *v1alpha1.SyncSpec) { s.Revision = "main" }), apierrors.IsInvalid, "spec.revision"},
			"unknown trigger":    {"refusals", spec(func(s *v1alpha1.SyncSpec) { s.Trigger = "Cron" }), apierrors.IsInvalid, "spec.trigger"},
			"dry confirmation":   {"refusals", spec(func(s *v1alpha1.SyncSpec) { s.DryRun, s.ConfirmPrune = true, commit }), apierrors.IsInvalid, "spec.confirmPrune"},
			"admission":          {"refusals", v1alpha1.Sync{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"refuse": "me"}}}, apierrors.IsForbidden, "refused by the test"},
		} {
			if _, err := post(t, s, "anna", test.repository, test.sync); !test.refused(err) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s: got %v", name, err)
			}
		}
		for name, test := range map[string]struct{ repository, says string }{"none": {"", "spec.repository: Required"}, "unknown": {"nobody", `gitrepositories.nopea.io "nobody" not found`}} {
			_, err := s.client(t, "anna").Syncs(namespace).Create(t.Context(), &v1alpha1.Sync{ObjectMeta: metav1.ObjectMeta{Name: "x"}, Spec: v1alpha1.SyncSpec{Repository: test.repository}}, metav1.CreateOptions{})
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s, directly: got %v", name, err)
			}
		}
		if stored := s.syncsOf(t, "refusals"); len(stored) != 0 {
			t.Errorf("%d Syncs were stored", len(stored))
		}
	})

	t.Run("a repository that is being deleted", func(t *testing.T) {
		repository := newRepository("leaving")
		repository.Spec.DeletionPolicy = v1alpha1.DeletionPolicyDelete
		repositories := s.client(t, "root").GitRepositories(namespace)
		if _, err := repositories.Create(t.Context(), repository, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := repositories.Delete(t.Context(), "leaving", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := post(t, s, "anna", "leaving", v1alpha1.Sync{}); !apierrors.IsConflict(err) {
			t.Errorf("got %v, want 409", err)
		}
	})

	t.Run("admission sees the final object", func(t *testing.T) {
		s.createRepository(t, "final")
		created := mustPost(t, s, "anna", "final", v1alpha1.Sync{})
		recorder.mu.Lock()
		defer recorder.mu.Unlock()
		seen := recorder.syncs[len(recorder.syncs)-1]
		if seen.Name != created.Name || seen.Spec.Repository != "final" || len(seen.Spec.RequestedBy) != 1 || len(seen.OwnerReferences) != 1 || seen.Status.Phase != nopea.SyncPhasePending {
			t.Errorf("admission saw %+v", seen)
		}
	})

	t.Run("dry run stores and joins nothing", func(t *testing.T) {
		s.createRepository(t, "dry")
		options := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
		client := s.client(t, "ben").GitRepositories(namespace)
		if _, err := client.CreateSync(t.Context(), "dry", &v1alpha1.Sync{}, options); err != nil {
			t.Fatal(err)
		}
		if stored := s.syncsOf(t, "dry"); len(stored) != 0 {
			t.Fatalf("stored %d", len(stored))
		}
		stored := mustPost(t, s, "anna", "dry", v1alpha1.Sync{})
		answer, err := client.CreateSync(t.Context(), "dry", &v1alpha1.Sync{}, options)
		if err != nil {
			t.Fatal(err)
		}
		if now := s.syncsOf(t, "dry"); answer.Name == stored.Name || len(now) != 1 || !slices.Equal(now[0].Spec.RequestedBy, []string{"anna"}) {
			t.Errorf("the dry run joined: %+v", now)
		}
		refused := v1alpha1.Sync{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"refuse": "me"}}}
		if _, err := client.CreateSync(t.Context(), "dry", &refused, options); !apierrors.IsForbidden(err) {
			t.Errorf("got %v, want the refusal of admission", err)
		}
	})

	t.Run("what joins and what does not", func(t *testing.T) {
		s.createRepository(t, "join")
		first := mustPost(t, s, "anna", "join", v1alpha1.Sync{})
		for name, test := range map[string]struct {
			sync  v1alpha1.Sync
			joins bool
		}{
			"same":             {v1alpha1.Sync{}, true},
			"generated name":   {v1alpha1.Sync{ObjectMeta: metav1.ObjectMeta{GenerateName: "ci-"}}, true},
			"own name":         {v1alpha1.Sync{ObjectMeta: metav1.ObjectMeta{Name: "own"}}, false},
			"own name and ...": {v1alpha1.Sync{ObjectMeta: metav1.ObjectMeta{Name: "own2", GenerateName: "ci-"}}, false},
			"revision":         {spec(func(s *v1alpha1.SyncSpec) { s.Revision = commit }), false},
			"confirmation":     {spec(func(s *v1alpha1.SyncSpec) { s.ConfirmPrune = commit2 }), false},
			"dry run":          {spec(func(s *v1alpha1.SyncSpec) { s.DryRun = true }), false},
		} {
			if got := mustPost(t, s, "ben", "join", test.sync); (got.UID == first.UID) != test.joins {
				t.Errorf("%s: joined %t, want %t", name, got.UID == first.UID, test.joins)
			}
		}
		direct, err := s.client(t, "carl").Syncs(namespace).Create(t.Context(), &v1alpha1.Sync{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "job-"}, Spec: v1alpha1.SyncSpec{Repository: "join"}}, metav1.CreateOptions{})
		if err != nil || direct.UID != first.UID || !slices.Equal(direct.Spec.RequestedBy, []string{"anna", "ben", "carl"}) {
			t.Errorf("a direct request did not join: %+v, %v", direct, err)
		}
	})

	t.Run("nothing joins what has begun", func(t *testing.T) {
		s.createRepository(t, "begun")
		for range 40 {
			before := mustPost(t, s, "anna", "begun", v1alpha1.Sync{})
			if err := s.setPhase(t, before.Name, v1alpha1.SyncPhaseRunning); err != nil {
				t.Fatal(err)
			}
			if after := mustPost(t, s, "ben", "begun", v1alpha1.Sync{}); after.UID == before.UID {
				t.Fatal("joined a Sync that was Running")
			} else if err := s.setPhase(t, after.Name, v1alpha1.SyncPhaseRunning); err != nil {
				t.Fatal(err)
			}
		}
	})

	t.Run("fifty at once", func(t *testing.T) {
		s.createRepository(t, "burst")
		const callers, people = 50, 10
		var group sync.WaitGroup
		for i := range callers {
			group.Go(func() {
				if _, err := post(t, s, fmt.Sprintf("user-%d", i%people), "burst", v1alpha1.Sync{}); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		stored := s.syncsOf(t, "burst")
		if len(stored) != 1 || len(stored[0].Spec.RequestedBy) != people {
			t.Errorf("%d Syncs, want 1 asked for by %d: %+v", len(stored), people, stored)
		}
	})

	t.Run("requesters are bounded", func(t *testing.T) {
		s.createRepository(t, "crowd")
		var last *v1alpha1.Sync
		for i := range v1alpha1.MaxRequesters + 3 {
			last = mustPost(t, s, fmt.Sprintf("user-%d", i), "crowd", v1alpha1.Sync{})
		}
		if got := last.Spec.RequestedBy; len(got) != v1alpha1.MaxRequesters || got[0] != "user-0" {
			t.Errorf("kept %v", got)
		}
	})

	t.Run("no request is lost while Syncs begin", func(t *testing.T) {
		s.createRepository(t, "race")
		const people, rounds = 12, 15
		var posting, taking sync.WaitGroup
		var done atomic.Bool
		taking.Go(func() {
			for !done.Load() {
				for _, sync := range s.syncsOf(t, "race") {
					if sync.Status.Phase == v1alpha1.SyncPhasePending {
						if err := s.setPhase(t, sync.Name, v1alpha1.SyncPhaseRunning); err != nil {
							t.Error(err)
						}
					}
				}
			}
		})
		answers := make(chan [2]string, people*rounds)
		for i := range people {
			posting.Go(func() {
				for range rounds {
					user := fmt.Sprintf("user-%d", i)
					answer, err := post(t, s, user, "race", v1alpha1.Sync{})
					if err != nil {
						t.Error(err)
						return
					}
					if answer.Status.Phase != v1alpha1.SyncPhasePending {
						t.Errorf("%s was answered with a Sync that is %s", user, answer.Status.Phase)
					}
					answers <- [2]string{answer.Name, user}
				}
			})
		}
		posting.Wait()
		done.Store(true)
		taking.Wait()
		close(answers)
		askedBy := map[string][]string{}
		for _, sync := range s.syncsOf(t, "race") {
			askedBy[sync.Name] = sync.Spec.RequestedBy
		}
		for answer := range answers {
			if !slices.Contains(askedBy[answer[0]], answer[1]) {
				t.Errorf("Sync %s answered %s, but is asked for by %v", answer[0], answer[1], askedBy[answer[0]])
			}
		}
	})

	t.Run("waiting Syncs are bounded", func(t *testing.T) {
		s.createRepository(t, "full")
		config := s.as("anna")
		var refused atomic.Int32
		var group sync.WaitGroup
		for i := range v1alpha1.MaxPendingSyncs + 10 {
			group.Go(func() {
				body := fmt.Sprintf(`{"metadata":{"name":"full-%d"}}`, i)
				result := rawRequest(t, config, "POST", "/apis/nopea.io/v1alpha1/namespaces/"+namespace+"/gitrepositories/full/syncs", "application/json", body)
				if result.StatusCode == 429 {
					refused.Add(1)
					if result.Header.Get("Retry-After") == "" || !strings.Contains(result.body, "wait already") {
						t.Errorf("unexpected refusal: %v %s", result.Header, result.body)
					}
				} else if result.StatusCode != 201 {
					t.Errorf("got %d %s", result.StatusCode, result.body)
				}
			})
		}
		group.Wait()
		if stored := s.syncsOf(t, "full"); len(stored) != v1alpha1.MaxPendingSyncs || refused.Load() != 10 {
			t.Errorf("%d stored, %d refused", len(stored), refused.Load())
		}
		if err := s.setPhase(t, s.syncsOf(t, "full")[0].Name, v1alpha1.SyncPhaseRunning); err != nil {
			t.Fatal(err)
		}
		mustPost(t, s, "anna", "full", v1alpha1.Sync{ObjectMeta: metav1.ObjectMeta{Name: "full-again"}})
		// What NOPEA does by itself does not wait, and is told all the same.
		mustPost(t, s, controllerUser, "full", spec(func(s *v1alpha1.SyncSpec) { s.Trigger = v1alpha1.SyncTriggerReconcile }))
	})

	t.Run("spec does not change", func(t *testing.T) {
		s.createRepository(t, "fixed")
		created := mustPost(t, s, "anna", "fixed", v1alpha1.Sync{})
		syncs := s.client(t, "anna").Syncs(namespace)
		changed := created.DeepCopy()
		changed.Spec.Revision = commit
		if _, err := syncs.Update(t.Context(), changed, metav1.UpdateOptions{}); !apierrors.IsInvalid(err) {
			t.Errorf("got %v, want 422", err)
		}
		changed = created.DeepCopy()
		changed.Spec.RequestedBy, changed.Status.Phase, changed.Annotations = []string{"root"}, v1alpha1.SyncPhaseFailed, map[string]string{"note": "x"}
		updated, err := syncs.Update(t.Context(), changed, metav1.UpdateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(updated.Spec.RequestedBy, []string{"anna"}) || updated.Status.Phase != v1alpha1.SyncPhasePending || updated.Annotations["note"] != "x" {
			t.Errorf("unexpected object %+v", updated)
		}
	})

	t.Run("server-side apply creates by the same rules", func(t *testing.T) {
		s.createRepository(t, "applied")
		syncs := s.client(t, "anna").Syncs(namespace)
		apply := func(body string) (*v1alpha1.Sync, error) {
			return syncs.Patch(t.Context(), "release-1", types.ApplyPatchType, []byte(body), metav1.PatchOptions{FieldManager: "anna"})
		}
		body := `{"apiVersion":"nopea.io/v1alpha1","kind":"Sync","metadata":{"name":"release-1"},"spec":{"repository":"applied"}}`
		created, err := apply(body)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(created.Spec.RequestedBy, []string{"anna"}) || metav1.GetControllerOf(created) == nil || created.Status.Phase != v1alpha1.SyncPhasePending {
			t.Errorf("unexpected object %+v", created)
		}
		again, err := apply(body)
		if err != nil || again.ResourceVersion != created.ResourceVersion {
			t.Errorf("applying again: %v, version %s after %s", err, again.ResourceVersion, created.ResourceVersion)
		}
		if _, err := apply(strings.Replace(body, `"applied"`, `"applied","revision":"`+commit+`"`, 1)); !apierrors.IsInvalid(err) {
			t.Errorf("applying something else: got %v, want 422", err)
		}
	})
}
