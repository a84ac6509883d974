package webhook

import (
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

func TestIndex(t *testing.T) {
	var x Index[string]
	expect := func(want []string, urls ...string) {
		t.Helper()
		if got := x.Find(urls); !slices.Equal(got, want) {
			t.Errorf("%v gives %v, want %v", urls, got, want)
		}
	}
	expect(nil, "https://h/a")
	x.Delete("nobody")
	x.Set("second", []string{"https://h/b", "https://h/a.git", "ssh://git@h/a", "no URL"})
	x.Set("first", []string{"git@h:a"})
	x.Set("none", nil)
	expect([]string{"second", "first"}, "https://h/a", "https://h/A/", "https://h/b", "")
	expect([]string{"second"}, "https://h/b")
	x.Set("second", []string{"https://h/c"})
	expect(nil, "https://h/b")
	expect([]string{"second", "first"}, "https://h/a", "https://h/c")
	x.Set("first", nil)
	expect(nil, "https://h/a")
	x.Delete("second")
	x.Delete("first")
	x.Delete("none")
	expect(nil, "https://h/a", "https://h/c")
	if len(x.names) != 0 || len(x.keys) != 0 {
		t.Errorf("%v and %v are left", x.names, x.keys)
	}
}

func TestIndexConcurrently(t *testing.T) {
	var x Index[int]
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for n := range 200 {
				x.Set(i, []string{"https://h/" + strconv.Itoa(n%3)})
				x.Find([]string{"https://h/0", "https://h/1"})
				if n%10 == 0 {
					x.Delete(i)
				}
			}
		})
	}
	wait.Wait()
	if got := x.Find([]string{"https://h/1"}); len(got) != 8 {
		t.Errorf("%d names are known by the last URL", len(got))
	}
}

func TestReplays(t *testing.T) {
	var r Replays
	expect := func(id string, at time.Duration, want bool) {
		t.Helper()
		if got := r.Seen(id, noon.Add(at)); got != want {
			t.Errorf("%q after %v: %v", id, at, got)
		}
	}
	expect("a", 0, false)
	expect("a", time.Minute, true)
	expect("b", time.Minute, false)
	expect("a", 59*time.Minute, true)
	expect("a", time.Hour, false)
	expect("b", time.Hour, true)
	expect("", time.Hour, false)
	expect("", time.Hour, false)
	r.Forget("b")
	r.Forget("unknown")
	expect("b", time.Hour, false)
	expect("b", time.Hour, true)
}

func TestReplaysAreBounded(t *testing.T) {
	var r Replays
	for i := range maxReplays + 1 {
		r.Seen(strconv.Itoa(i), noon)
	}
	if len(r.known) != maxReplays || r.order.Len() != maxReplays {
		t.Errorf("%d and %d are remembered", len(r.known), r.order.Len())
	}
	if r.Seen("0", noon) || !r.Seen(strconv.Itoa(maxReplays), noon) {
		t.Error("the oldest should be forgotten, and the newest not")
	}
}
