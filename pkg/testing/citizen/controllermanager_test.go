package citizen

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
)

// TestQuota counts objects of NOPEA and others alike. The quota controller counts nothing before it has seen every kind of the cluster.
func TestQuota(t *testing.T) {
	t.Parallel()
	v := newTenant(t, world)
	const repositories, syncs, configMaps = "count/gitrepositories.nopea.io", "count/syncs.nopea.io", "count/configmaps"
	repo := served(t, map[string]string{"app.yaml": configMap("", "settings", "one")})
	v.declare("shop", repo.URL)
	githttp.Must(repo.Commit(map[string]string{"more.yaml": configMap("", "more", "one")}))(t)
	v.sync("shop")
	v.must(v.api.GitRepositories(v.namespace).Create(t.Context(), &v1alpha1.GitRepository{ObjectMeta: metav1.ObjectMeta{Name: "bank"},
		Spec: v1alpha1.GitRepositorySpec{URL: repo.URL, Suspend: true}}, metav1.CreateOptions{}))
	// It counts when the quota is made, when something is deleted, and every five minutes. What is created is counted at once only by
	// an admission plugin of kube-apiserver, which aggregated APIs do not pass.
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "quota"}, Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{
		repositories: resource.MustParse("10"), syncs: resource.MustParse("100"), configMaps: resource.MustParse("50"),
	}}}
	v.must(v.kube.CoreV1().ResourceQuotas(v.namespace).Create(t.Context(), quota, metav1.CreateOptions{}))
	room := int64(100)
	used := func(wantRepositories, wantSyncs, wantConfigMaps int64) {
		t.Helper()
		v.eventually("the quota is counted", func(ctx context.Context) error {
			quota, err := v.kube.CoreV1().ResourceQuotas(v.namespace).Get(ctx, "quota", metav1.GetOptions{})
			if err != nil {
				return err
			}
			for name, want := range map[corev1.ResourceName]int64{repositories: wantRepositories, syncs: wantSyncs, configMaps: wantConfigMaps} {
				got, ok := quota.Status.Used[name]
				if !ok || got.Value() != want {
					// Its watches of kinds that are new begin within half a minute. A quota that changes is counted again.
					room++
					quota.Spec.Hard[syncs] = *resource.NewQuantity(room, resource.DecimalSI)
					if _, err := v.kube.CoreV1().ResourceQuotas(v.namespace).Update(ctx, quota, metav1.UpdateOptions{}); err != nil && !apierrors.IsConflict(err) {
						return err
					}
					return fmt.Errorf("%s is %s, want %d", name, got.String(), want)
				}
			}
			return nil
		})
	}
	used(2, 2, 3) // kube-root-ca.crt is in every namespace
	if err := v.api.GitRepositories(v.namespace).Delete(t.Context(), "shop", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	used(1, 0, 3)
}

// TestGarbageCollection takes Syncs and Inventories away after their GitRepository, and with it under foreground deletion.
func TestGarbageCollection(t *testing.T) {
	t.Parallel()
	v := newTenant(t, world)
	repo := served(t, map[string]string{"app.yaml": configMap("", "settings", "one")})
	for _, policy := range []metav1.DeletionPropagation{metav1.DeletePropagationBackground, metav1.DeletePropagationForeground} {
		v.declare("shop", repo.URL)
		v.sync("shop")
		if syncs, inventories := v.owned(t.Context()); syncs == 0 || inventories == 0 {
			t.Fatalf("%d Syncs and %d Inventories", syncs, inventories)
		}
		if err := v.api.GitRepositories(v.namespace).Delete(t.Context(), "shop", metav1.DeleteOptions{PropagationPolicy: &policy}); err != nil {
			t.Fatal(err)
		}
		v.eventually(string(policy)+" deletion leaves no Sync, Inventory or GitRepository", func(ctx context.Context) error {
			_, err := v.api.GitRepositories(v.namespace).Get(ctx, "shop", metav1.GetOptions{})
			syncs, inventories := v.owned(ctx)
			if !apierrors.IsNotFound(err) || syncs+inventories > 0 {
				return fmt.Errorf("GitRepository: %w; %d Syncs, %d Inventories", err, syncs, inventories)
			}
			return nil
		})
		v.must(v.kube.CoreV1().ConfigMaps(v.namespace).Get(t.Context(), "settings", metav1.GetOptions{}))
	}
}

// owned counts what belongs to GitRepositories in the tenant's namespace.
func (v *tenant) owned(ctx context.Context) (syncs, inventories int) {
	v.t.Helper()
	syncList, err := v.api.Syncs(v.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		v.t.Fatal(err)
	}
	inventoryList, err := v.api.Inventories(v.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		v.t.Fatal(err)
	}
	return len(syncList.Items), len(inventoryList.Items)
}

// noComplaint reads kube-controller-manager's log for what it could not do with NOPEA's kinds, or with all kinds because of them.
func noComplaint(t *testing.T, cluster *localcluster.Cluster) {
	t.Helper()
	data := githttp.Must(os.ReadFile(cluster.Log(localcluster.ControllerManager)))(t)
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "E") && !strings.HasPrefix(line, "W") {
			continue
		}
		for _, words := range []string{v1alpha1.GroupName, "quota monitor", "unable to sync caches", "unable to sync kubernetes caches", "failed to discover"} {
			if strings.Contains(line, words) && !strings.Contains(line, "namespaces \"") {
				t.Errorf("kube-controller-manager complains: %s", line)
			}
		}
	}
}
