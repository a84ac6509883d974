package git

import (
	"context"
	"testing"
	"time"
)

func TestPanicEndsOneCall(t *testing.T) {
	var g calls[int]
	_, err := g.do(t.Context(), "key", time.Time{}, false, func(context.Context) (int, error) { panic("what a server sent") })
	hasCode(t, err, Corrupt)
	if len(g.m) != 0 {
		t.Error("a call that failed is remembered")
	}
}
