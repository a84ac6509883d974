package apiserver

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apiserver/etcd"
)

func TestRestartKeepsObjects(t *testing.T) {
	dir := t.TempDir()
	first := startServer(t, dir, nil)
	created := first.createRepository(t, "shop")
	pending := mustPost(t, first, "anna", "shop", v1alpha1.Sync{})
	watcher, err := first.client(t, "root").GitRepositories(namespace).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Stop() // an open watch must not hold up the stop
	if _, err := etcd.Start(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "in use by another nopea-apiserver") {
		t.Errorf("a second process on the same directory: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, "etcd")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory of the socket is open to others: %v, %v", info.Mode(), err)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	second := startServer(t, dir, nil)
	kept, err := second.client(t, "root").GitRepositories(namespace).Get(t.Context(), "shop", metav1.GetOptions{})
	if err != nil || kept.UID != created.UID {
		t.Errorf("got %+v, %v", kept, err)
	}
	if joined := mustPost(t, second, "ben", "shop", v1alpha1.Sync{}); joined.UID != pending.UID {
		t.Error("a request that was answered before the restart is not joined after it")
	}
}

func TestDamagedStoreIsExplained(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, dir, nil)
	s.createRepository(t, "shop")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "etcd", "member", "wal", "*.wal"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no log found: %v", err)
	}
	content, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := 64; i < 512; i++ {
		content[i] ^= 0xff
	}
	if err := os.WriteFile(logs[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := etcd.Start(context.Background(), dir)
	if err == nil {
		t.Fatalf("started on a damaged log: %v", store.Close())
	}
	if !strings.Contains(err.Error(), "move that directory away") || !strings.Contains(err.Error(), "apply your GitRepositories once more") {
		t.Errorf("got %v", err)
	}
}
