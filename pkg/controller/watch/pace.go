package watch

import (
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	shortestPause = 100 * time.Millisecond
	// longestPause is for errors that the API server itself answers with, such as Forbidden.
	longestPause = time.Minute
	// longestOutagePause is for an API server that is not there: what is changed while it comes back has to be seen at once.
	longestOutagePause = time.Second
	// steadyAfter is how long a watch has to last to count as one that went well.
	steadyAfter = 10 * time.Second
)

// pause is how long to wait before a watch that has been failing for so long is tried again: a part of that time, so that whatever comes
// back is noticed soon, measured by how long it was away.
func pause(failing time.Duration, err error) time.Duration {
	longest := longestOutagePause
	if isAnswer(err) {
		longest = longestPause
	}
	return min(max(failing/4, shortestPause), longest)
}

// reconnect is the pace at which a Reflector by itself tries to reach an API server that refuses connections.
func reconnect() *wait.Backoff {
	return &wait.Backoff{Duration: shortestPause, Factor: 1.3, Jitter: 0.1, Steps: 20, Cap: longestOutagePause}
}

// isAnswer tells an error that the API server answered with from one on the way there.
func isAnswer(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status)
}

// isAboutVersion tells whether the error may be over in another version of the resource: this one is not served, or its objects can not
// be converted to it.
func isAboutVersion(err error) bool {
	return apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) || apierrors.IsInternalError(err)
}
