package integration

import (
	"fmt"
	"testing"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/controller/inventory"
	"nopea.io/nopea/pkg/testing/githttp"
)

// TestInventoryOfTwentyThousand stores and reads a record of that size in the real API.
func TestInventoryOfTwentyThousand(t *testing.T) {
	t.Parallel()
	v := newTenant(t)
	repository := v.declare("huge", "http://127.0.0.1:1/none.git", func(s *v1alpha1.GitRepositorySpec) { s.Suspend = true })
	store := &inventory.Store{Client: v.api}
	record := githttp.Must(store.Load(background(), repository))(t)
	next := record.Contents.Clone()
	const size = 20000
	for i := range size {
		next.Set(v1alpha1.InventoryEntry{Version: "v1", Kind: "ConfigMap", Namespace: v.namespace, Name: fmt.Sprintf("an-object-with-a-name-%05d", i),
			UID: "00000000-0000-0000-0000-000000000000", Hash: fmt.Sprintf("%064d", i), Signature: fmt.Sprintf("%032d", i), File: "deploy/some/file.yaml"})
	}
	if err := store.Save(background(), record, next); err != nil {
		t.Fatal(err)
	}
	record = githttp.Must(store.Load(background(), repository))(t)
	if record.Contents.Len() != size || record.Contents.Shards() != size/v1alpha1.MaxInventoryEntries {
		t.Fatalf("%d entries in %d shards", record.Contents.Len(), record.Contents.Shards())
	}
	before := v.inventories("huge")
	next = record.Contents.Clone()
	next.Delete(apply.ID{Kind: "ConfigMap", Namespace: v.namespace, Name: "an-object-with-a-name-12345"})
	if err := store.Save(background(), record, next); err != nil {
		t.Fatal(err)
	}
	rewritten := 0
	for shard, version := range v.inventories("huge") {
		if before[shard] != version {
			rewritten++
		}
	}
	if rewritten != 1 {
		t.Errorf("one change rewrote %d shards", rewritten)
	}
}
