package main

import (
	"context"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// streamBuffer is how many events may wait for whoever measures.
const streamBuffer = 1 << 16

// stream is a watch that is read at all times, so that the API server does not end it as one that is too slow; where it does so all the
// same, as it may when the machine is busy, the stream goes on after the last event.
type stream struct {
	open    func(context.Context, metav1.ListOptions) (watch.Interface, error)
	version string
	events  chan watch.Event
	cancel  context.CancelFunc
	reader  sync.WaitGroup
}

// follow streams what happens after a resource version, until Stop. It ends by itself when the API server cannot be reached.
func follow(ctx context.Context, version string, open func(context.Context, metav1.ListOptions) (watch.Interface, error)) (watch.Interface, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &stream{open: open, version: version, events: make(chan watch.Event, streamBuffer), cancel: cancel}
	first, err := s.resume(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	s.reader.Go(func() { s.read(ctx, first) })
	return s, nil
}

func (s *stream) read(ctx context.Context, source watch.Interface) {
	defer close(s.events)
	for {
		again := s.pass(ctx, source)
		source.Stop()
		if !again {
			return
		}
		var err error
		if source, err = s.resume(ctx); err != nil {
			s.send(ctx, watch.Event{Type: watch.Error, Object: new(apierrors.NewInternalError(err).Status())})
			return
		}
	}
}

func (s *stream) resume(ctx context.Context) (watch.Interface, error) {
	return s.open(ctx, metav1.ListOptions{ResourceVersion: s.version, AllowWatchBookmarks: true})
}

// pass passes events on until the watch ends, and tells whether it may be resumed.
func (s *stream) pass(ctx context.Context, source watch.Interface) (again bool) {
	for {
		select {
		case <-ctx.Done():
			return false
		case event, ok := <-source.ResultChan():
			if !ok {
				return true
			}
			if object, err := apimeta.Accessor(event.Object); err == nil && event.Type != watch.Error {
				s.version = object.GetResourceVersion()
			}
			if event.Type != watch.Bookmark {
				s.send(ctx, event)
			}
			if event.Type == watch.Error {
				return false
			}
		}
	}
}

func (s *stream) send(ctx context.Context, event watch.Event) {
	select {
	case <-ctx.Done():
	case s.events <- event:
	}
}

func (s *stream) ResultChan() <-chan watch.Event { return s.events }

func (s *stream) Stop() {
	s.cancel()
	s.reader.Wait()
}
