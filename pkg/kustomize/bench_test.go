package kustomize

import (
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"nopea.io/nopea/pkg/testing/realworld"
)

// BenchmarkBuilds compares builds of 50 repositories one after the other with all at once.
func BenchmarkBuilds(b *testing.B) {
	const repositories = 50
	one := func() error { build(b, shop, "apps/shop/prod"); return nil }
	b.Run("sequential", func(b *testing.B) {
		for b.Loop() {
			for range repositories {
				if err := one(); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		for b.Loop() {
			var group errgroup.Group
			for range repositories {
				group.Go(one)
			}
			if err := group.Wait(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkKubePrometheus(b *testing.B) {
	tree := kubePrometheus(b)
	for b.Loop() {
		build(b, tree, realworld.OverlayPath)
	}
}

// BenchmarkManyObjects is about what a build at the limit of objects costs.
func BenchmarkManyObjects(b *testing.B) {
	for _, count := range []int{500, 1000, 2000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			tree := memory{"a/kustomization.yaml": "namePrefix: x-\nresources: [all.yaml]\n"}
			all := ""
			for i := range count {
				all += fmt.Sprintf("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%d}\ndata: {a: b}\n", i)
			}
			tree["a/all.yaml"] = all
			for b.Loop() {
				build(b, tree, "a")
			}
		})
	}
}
