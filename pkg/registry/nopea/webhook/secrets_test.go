package webhook

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"

	"nopea.io/nopea/pkg/apis/nopea"
)

func TestSecretsAreReadSeldom(t *testing.T) {
	kube := fake.NewClientset()
	clock := clocktesting.NewFakeClock(noon)
	s := newSecrets(kube.CoreV1(), "nopea-system", clock)
	shop := targetOf("team-a", "shop", "")
	expect := func(requests int, want error, values ...string) {
		t.Helper()
		kube.ClearActions()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				got, err := s.of(t.Context(), shop)
				if !errors.Is(err, want) || len(got) != len(values) {
					t.Errorf("got %d secrets, %v", len(got), err)
				}
			})
		}
		all.Wait()
		if made := len(kube.Actions()); made > requests {
			t.Errorf("%d requests were made", made)
		}
	}
	expect(1, errNoSecret)
	expect(0, errNoSecret)
	clock.Step(keepMissing + time.Millisecond)
	object := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "nopea-webhook"}, Data: map[string][]byte{
		"a": []byte("one\n"), "b": []byte("two"), "large": make([]byte, 2000), "empty": nil}}
	if _, err := kube.CoreV1().Secrets("team-a").Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	expect(1, nil, "one", "two")
	clock.Step(keepSecret / 2)
	expect(0, nil, "one", "two")
	clock.Step(keepSecret)
	refused := true
	kube.PrependReactor("get", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		return refused, nil, apierrors.NewForbidden(corev1.Resource("secrets"), "nopea-webhook", nil)
	})
	expect(1, errForbidden)
	refused = false
	clock.Step(keepMissing + time.Millisecond)
	kube.PrependReactor("get", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewServiceUnavailable("down")
	})
	if _, err := s.of(t.Context(), shop); err == nil || isLasting(err) {
		t.Errorf("got %v", err)
	}
	if _, err := s.installation(t.Context(), "github"); err == nil {
		t.Error("an installation whose Secret cannot be read has none")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.of(gone, shop); err == nil {
		t.Error("got an answer after the end")
	}
}

func TestTargetsFollow(t *testing.T) {
	all := newTargets()
	repository := func(name, url string) *nopea.GitRepository {
		return &nopea.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: name}, Spec: nopea.GitRepositorySpec{URL: url}}
	}
	if all.hasSynced() {
		t.Error("nothing was listed yet")
	}
	shop, moved, other := "https://git.example.com/shop", "https://git.example.com/moved", "https://git.example.com/other"
	expect := func(err error, url string, found int) {
		t.Helper()
		if got := len(all.find([]string{url})); err != nil || got != found {
			t.Errorf("%s: got %d, %v", url, got, err)
		}
	}
	expect(all.Replace([]any{repository("shop", shop), repository("other", other)}, "1"), shop, 1)
	expect(all.Update(repository("shop", moved)), shop, 0)
	expect(nil, moved, 1)
	expect(all.Delete(repository("shop", moved)), moved, 0)
	expect(all.Replace([]any{repository("shop", shop)}, "2"), other, 0)
	if !all.hasSynced() {
		t.Error("all were listed")
	}
}
