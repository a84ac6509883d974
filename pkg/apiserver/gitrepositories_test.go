package apiserver

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	applyconfiguration "nopea.io/nopea/pkg/generated/applyconfiguration/nopea/v1alpha1"
	"nopea.io/nopea/pkg/generated/clientset/versioned"
	"nopea.io/nopea/pkg/generated/informers/externalversions"
)

func TestGitRepositories(t *testing.T) {
	s := startServer(t, t.TempDir(), nil)
	users, controllers := s.client(t, "anna").GitRepositories(namespace), s.client(t, controllerUser).GitRepositories(namespace)

	t.Run("spec and status are apart", func(t *testing.T) {
		asked := newRepository("apart")
		asked.Generation, asked.Status.ObservedGeneration = 7, 7
		created, err := users.Create(t.Context(), asked, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if created.Generation != 1 || created.Status.ObservedGeneration != 0 || created.Spec.Interval != "5m" {
			t.Errorf("created as %+v", created)
		}
		changed := created.DeepCopy()
		changed.Spec.Path, changed.Status.ObservedGeneration, changed.Labels = "deploy", 9, map[string]string{"a": "b"}
		updated, err := users.Update(t.Context(), changed, metav1.UpdateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if updated.Generation != 2 || updated.Status.ObservedGeneration != 0 || updated.Spec.Path != "deploy" {
			t.Errorf("updated to %+v", updated)
		}
		relabelled := updated.DeepCopy()
		relabelled.Labels["a"] = "c"
		if updated, err = users.Update(t.Context(), relabelled, metav1.UpdateOptions{}); err != nil || updated.Generation != 2 {
			t.Errorf("a label moved the generation to %d, %v", updated.Generation, err)
		}
		reported := updated.DeepCopy()
		reported.Spec.Path, reported.Status.ObservedGeneration, reported.Labels["a"] = "elsewhere", 2, "d"
		reported, err = controllers.UpdateStatus(t.Context(), reported, metav1.UpdateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if reported.Generation != 2 || reported.Spec.Path != "deploy" || reported.Labels["a"] != "c" || reported.Status.ObservedGeneration != 2 {
			t.Errorf("status updated to %+v", reported)
		}
		if _, err := users.UpdateStatus(t.Context(), reported, metav1.UpdateOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("a user wrote the status: %v", err)
		}
		reported.ResourceVersion = ""
		if _, err := users.Update(t.Context(), reported, metav1.UpdateOptions{}); !apierrors.IsInvalid(err) {
			t.Errorf("an update without resourceVersion: %v", err)
		}
	})

	t.Run("server-side apply of spec and status own different fields", func(t *testing.T) {
		spec := applyconfiguration.GitRepository("owned", namespace).WithSpec(applyconfiguration.GitRepositorySpec().WithURL("https://git.example.com/x"))
		if _, err := users.Apply(t.Context(), spec, metav1.ApplyOptions{FieldManager: "anna"}); err != nil {
			t.Fatal(err)
		}
		status := applyconfiguration.GitRepository("owned", namespace).
			WithSpec(applyconfiguration.GitRepositorySpec().WithURL("https://evil.example.com")).
			WithStatus(applyconfiguration.GitRepositoryStatus().WithObservedGeneration(1))
		owned, err := controllers.ApplyStatus(t.Context(), status, metav1.ApplyOptions{FieldManager: "nopea-controller"})
		if err != nil {
			t.Fatal(err)
		}
		if owned.Spec.URL != "https://git.example.com/x" || owned.Status.ObservedGeneration != 1 {
			t.Errorf("got %+v", owned)
		}
		for _, entry := range owned.ManagedFields {
			fields := string(entry.FieldsV1.GetRawBytes())
			ownsSpec, ownsStatus := strings.Contains(fields, "f:spec"), strings.Contains(fields, "f:status")
			if (entry.Manager == "anna") != ownsSpec || (entry.Manager == "nopea-controller") != ownsStatus {
				t.Errorf("%s owns %s", entry.Manager, fields)
			}
		}
		if len(owned.ManagedFields) != 2 {
			t.Errorf("%d managers, want 2", len(owned.ManagedFields))
		}
		// Neither write disturbs the other.
		again, err := users.Apply(t.Context(), spec, metav1.ApplyOptions{FieldManager: "anna"})
		if err != nil || again.ResourceVersion != owned.ResourceVersion {
			t.Errorf("applying again: %v, version %s after %s", err, again.ResourceVersion, owned.ResourceVersion)
		}
	})

	t.Run("the finalizer follows the policy", func(t *testing.T) {
		asked := newRepository("final")
		asked.Spec.DeletionPolicy, asked.Finalizers = v1alpha1.DeletionPolicyDelete, []string{"example.com/mine"}
		created, err := users.Create(t.Context(), asked, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		policy := func(p v1alpha1.DeletionPolicy, want ...string) {
			t.Helper()
			patched, err := users.Patch(t.Context(), "final", types.MergePatchType, []byte(`{"spec":{"deletionPolicy":"`+string(p)+`"}}`), metav1.PatchOptions{})
			if err != nil || !slices.Equal(patched.Finalizers, want) {
				t.Errorf("%s: finalizers %v, want %v, %v", p, patched.Finalizers, want, err)
			}
		}
		if want := []string{"example.com/mine", v1alpha1.FinalizerCleanup}; !slices.Equal(created.Finalizers, want) {
			t.Errorf("created with %v", created.Finalizers)
		}
		created.Finalizers = nil
		if updated, err := users.Update(t.Context(), created, metav1.UpdateOptions{}); err != nil || !slices.Equal(updated.Finalizers, []string{v1alpha1.FinalizerCleanup}) {
			t.Errorf("taken off by a user: %v, %v", updated.Finalizers, err)
		}
		policy(v1alpha1.DeletionPolicyOrphan)
		policy(v1alpha1.DeletionPolicyDelete, v1alpha1.FinalizerCleanup)
		if err := users.Delete(t.Context(), "final", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		leaving, err := controllers.Get(t.Context(), "final", metav1.GetOptions{})
		if err != nil || leaving.DeletionTimestamp == nil {
			t.Fatalf("gone before its cleanup: %+v, %v", leaving, err)
		}
		leaving.Finalizers = nil
		if _, err := controllers.Update(t.Context(), leaving, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := controllers.Get(t.Context(), "final", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("still there after its cleanup: %v", err)
		}
	})

	t.Run("deletion propagates as asked", func(t *testing.T) {
		for propagation, finalizer := range map[metav1.DeletionPropagation]string{
			metav1.DeletePropagationForeground: metav1.FinalizerDeleteDependents, metav1.DeletePropagationOrphan: metav1.FinalizerOrphanDependents,
		} {
			name := "prop-" + strings.ToLower(string(propagation))
			s.createRepository(t, name)
			if err := users.Delete(t.Context(), name, metav1.DeleteOptions{PropagationPolicy: &propagation}); err != nil {
				t.Fatal(err)
			}
			if left, err := users.Get(t.Context(), name, metav1.GetOptions{}); err != nil || !slices.Equal(left.Finalizers, []string{finalizer}) {
				t.Errorf("%s: %v, %v", propagation, left.Finalizers, err)
			}
		}
		s.createRepository(t, "prop-default")
		if err := users.Delete(t.Context(), "prop-default", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := users.Get(t.Context(), "prop-default", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("by default: %v", err)
		}
	})

	t.Run("bad values are named by their field", func(t *testing.T) {
		asked := newRepository("bad")
		asked.Spec.URL, asked.Spec.Path = "https://me:s3cret@git.example.com/x", "../x"
		_, err := users.Create(t.Context(), asked, metav1.CreateOptions{})
		if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "spec.secretRef") || !strings.Contains(err.Error(), "spec.path") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("got %v", err)
		}
	})
}

func TestSelectByRepository(t *testing.T) {
	s := startServer(t, t.TempDir(), nil)
	client := s.client(t, "root")
	inventories := client.Inventories(namespace)
	newInventory := func(name, repository string) {
		t.Helper()
		_, err := inventories.Create(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.InventorySpec{Repository: repository}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"shop", "blog"} {
		s.createRepository(t, name)
		mustPost(t, s, "anna", name, v1alpha1.Sync{})
		newInventory(name+"-0", name)
	}
	for _, version := range []string{"", "0"} {
		options := metav1.ListOptions{FieldSelector: "spec.repository=shop", ResourceVersion: version, ResourceVersionMatch: map[string]metav1.ResourceVersionMatch{"0": metav1.ResourceVersionMatchNotOlderThan}[version]}
		eventually(t, "the cache is filled", func(ctx context.Context) (bool, error) {
			syncs, err := client.Syncs(namespace).List(ctx, options)
			if err != nil {
				return false, err
			}
			shards, err := inventories.List(ctx, options)
			return err == nil && len(syncs.Items) == 1 && syncs.Items[0].Spec.Repository == "shop" && len(shards.Items) == 1 && shards.Items[0].Name == "shop-0", err
		})
	}
	if _, err := client.Syncs(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "spec.trigger=Manual"}); !apierrors.IsBadRequest(err) {
		t.Errorf("an unknown field: %v", err)
	}
	if list, err := client.GitRepositories("").List(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=blog"}); err != nil || len(list.Items) != 1 {
		t.Errorf("by name: %v, %v", list, err)
	}

	watcher, err := inventories.Watch(t.Context(), metav1.ListOptions{FieldSelector: "spec.repository=shop"})
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Stop()
	newInventory("blog-1", "blog")
	newInventory("shop-1", "shop")
	for _, want := range []string{"shop-0", "shop-1"} {
		select {
		case event := <-watcher.ResultChan():
			if shard, ok := event.Object.(*v1alpha1.Inventory); !ok || event.Type != watch.Added || shard.Name != want {
				t.Errorf("got %+v, want %s", event, want)
			}
		case <-time.After(deadline):
			t.Fatalf("no event for %s", want)
		}
	}
}

// TestInformer syncs with client-go's defaults, which stream the first list.
func TestInformer(t *testing.T) {
	s := startServer(t, t.TempDir(), nil)
	s.createRepository(t, "shop")
	client, err := versioned.NewForConfig(s.as("root"))
	if err != nil {
		t.Fatal(err)
	}
	factory := externalversions.NewSharedInformerFactory(client, 0)
	informer := factory.Nopea().V1alpha1().GitRepositories()
	informer.Informer()
	factory.Nopea().V1alpha1().Syncs().Informer()
	factory.Nopea().V1alpha1().Inventories().Informer()
	stop := make(chan struct{})
	defer factory.Shutdown()
	defer close(stop)
	factory.Start(stop)
	eventually(t, "the informers are synced", func(context.Context) (bool, error) {
		return cache.WaitForCacheSync(stop, informer.Informer().HasSynced, factory.Nopea().V1alpha1().Syncs().Informer().HasSynced,
			factory.Nopea().V1alpha1().Inventories().Informer().HasSynced), nil
	})
	if _, err := informer.Lister().GitRepositories(namespace).Get("shop"); err != nil {
		t.Error(err)
	}
	answer := rawRequest(t, s.as("root"), "GET",
		"/apis/nopea.io/v1alpha1/gitrepositories?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1", "", "")
	if !strings.Contains(answer.body, metav1.InitialEventsAnnotationKey) {
		t.Errorf("no bookmark ends the initial events: %s", answer.body)
	}
}
