package apiserver

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/testing/hooks"
)

// TestDeliveriesJoin has many deliveries of one push become one Sync, which is written once.
func TestDeliveriesJoin(t *testing.T) {
	h := startHooked(t)
	h.secret(namespace, "nopea-webhook", map[string]string{"any": secret})
	h.repository("shop")
	first := h.synced(h.post("shop", hooks.GitHub().Push(h.push("shop"), secret)))
	var all sync.WaitGroup
	for range 50 {
		d := hooks.GitHub().Push(h.push("shop"), secret)
		all.Go(func() {
			if a := h.post("shop", d); a.code != http.StatusAccepted || len(a.Syncs) != 1 || a.Syncs[0].Name != first.Name {
				t.Errorf("got %d %s", a.code, a.raw)
			}
		})
	}
	all.Wait()
	last, err := h.client(t, "root").Syncs(namespace).Get(t.Context(), first.Name, metav1.GetOptions{})
	if err != nil || last.ResourceVersion != first.ResourceVersion {
		t.Errorf("50 deliveries of the same push wrote: %+v, %v", last, err)
	}
	newer := h.push("shop")
	newer.Commit = commit2
	if joined := h.synced(h.post("shop", hooks.GitHub().Push(newer, secret))); joined.Name != first.Name || joined.Spec.Push.Commit != commit2 {
		t.Errorf("the newest push is not the hint: %+v", joined.Spec)
	}
	if err := h.setPhase(t, first.Name, v1alpha1.SyncPhaseRunning); err != nil {
		t.Fatal(err)
	}
	if next := h.synced(h.post("shop", hooks.GitHub().Push(newer, secret))); next.Name == first.Name {
		t.Error("a delivery joined a Sync that had begun")
	}
}

// TestRepositoryLimit refuses a flood for one GitRepository, with a word about when to come again.
func TestRepositoryLimit(t *testing.T) {
	h := startHooked(t, func(o *Options) { o.Webhook.PerRepository = 0.1 })
	h.secret(namespace, "nopea-webhook", map[string]string{"any": secret})
	h.repository("shop")
	h.repository("blog")
	h.expect(h.post("shop", hooks.GitHub().Push(h.push("shop"), secret)), http.StatusAccepted)
	refused := h.post("shop", hooks.GitHub().Push(h.push("shop"), secret))
	h.expect(refused, http.StatusTooManyRequests)
	if refused.header.Get("Retry-After") == "" {
		t.Error("it does not say when to come again")
	}
	h.expect(h.post("blog", hooks.GitHub().Push(h.push("blog"), secret)), http.StatusAccepted)
}

// TestGlobalLimit refuses before anything is read.
func TestGlobalLimit(t *testing.T) {
	h := startHooked(t, func(o *Options) { o.Webhook.PerSecond = 0.001 })
	h.expect(h.listen("github", hooks.GitHub().Push(h.push("shop"), "wrong")), http.StatusUnauthorized)
	refused := h.listen("github", hooks.GitHub().Push(h.push("shop"), "wrong"))
	h.expect(refused, http.StatusTooManyRequests)
	if refused.header.Get("Retry-After") == "" {
		t.Error("it does not say when to come again")
	}
}

// BenchmarkDeliveries sends to the listener, for 100 GitRepositories whose Syncs wait.
func BenchmarkDeliveries(b *testing.B) {
	const repositories = 100
	h := startHooked(b, func(o *Options) { o.Webhook.PerSecond, o.Webhook.PerRepository = 1e6, 1e6 })
	h.secret(namespace, "nopea-webhook", map[string]string{"any": secret})
	for i := range repositories {
		h.repository(fmt.Sprintf("shop-%d", i))
	}
	last := fmt.Sprintf("shop-%d", repositories-1)
	eventually(b, "the listener knows the GitRepositories", func(context.Context) (bool, error) {
		return h.listen("github", hooks.GitHub().Push(h.push(last), secret)).code == http.StatusAccepted, nil
	})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	for name, commitOf := range map[string]func(n int64) string{
		"same push":       func(int64) string { return commit },
		"a push each":     func(n int64) string { return fmt.Sprintf("%040x", n+1) },
		"wrong signature": nil,
	} {
		b.Run(name, func(b *testing.B) {
			var n atomic.Int64
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i, key, code := n.Add(1), secret, http.StatusAccepted
					push := hooks.Push{URL: fmt.Sprintf("https://git.example.com/shop-%d.git", i%repositories), Ref: "refs/heads/main", Commit: commit, ID: fmt.Sprint(name, i, b.N)}
					if commitOf == nil {
						key, code = "wrong", http.StatusUnauthorized
					} else {
						push.Commit = commitOf(i)
					}
					request, err := hooks.GitHub().Push(push, key).Request(context.Background(), h.address+"github")
					if err != nil {
						b.Error(err)
						return
					}
					response, err := client.Do(request)
					if err != nil {
						b.Error(err)
						return
					}
					if err := response.Body.Close(); err != nil || response.StatusCode != code {
						b.Errorf("%d, %v", response.StatusCode, err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}
