package apply

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestEach(t *testing.T) {
	items := make([]int, 1000)
	for i := range items {
		items[i] = i
	}
	var mu sync.Mutex
	var done []int
	Each(context.Background(), items, func(_ context.Context, item int) {
		mu.Lock()
		defer mu.Unlock()
		done = append(done, item)
	})
	slices.Sort(done)
	if !slices.Equal(done, items) {
		t.Fatalf("%d of %d done", len(done), len(items))
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	Each(ended, items, func(context.Context, int) { t.Error("begun after the end") })
}

func TestAPanicComesOutOfEach(t *testing.T) {
	defer func() {
		if cause, _ := recover().(string); !strings.Contains(cause, "a fault of ours") || !strings.Contains(cause, "each_test.go") {
			t.Fatalf("recovered %q", cause)
		}
	}()
	Each(context.Background(), []int{1, 2, 3}, func(_ context.Context, item int) {
		if item == 2 {
			panic("a fault of ours")
		}
	})
	t.Fatal("the panic is lost")
}
