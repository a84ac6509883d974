package webhook

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
)

// answer is what a sender is told.
type answer struct {
	code int
	// result is for metrics.
	result string
	// retryAfter, in seconds.
	retryAfter int
	body       body
}

// body is JSON in every case. Providers show it beside the delivery.
type body struct {
	Message string     `json:"message"`
	Syncs   []syncName `json:"syncs,omitempty"`
}

type syncName struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

const retryAfterSeconds = 5

func say(code int, result, message string) answer {
	return answer{code: code, result: result, body: body{Message: message}}
}

// unauthorized is the one answer to all that was not signed with a known secret, whether what it names exists or not.
func unauthorized() answer {
	return say(http.StatusUnauthorized, resultUnauthorized, "The signature fits no secret of a GitRepository that this delivery is for")
}

func malformed() answer {
	return say(http.StatusBadRequest, resultMalformed, "The delivery is rightly signed, but cannot be read")
}

func tooLarge() answer {
	return say(http.StatusRequestEntityTooLarge, resultTooLarge, "The body is too large; see --webhook-max-body of nopea-apiserver")
}

func limited(message string) answer {
	a := say(http.StatusTooManyRequests, resultLimited, message)
	a.retryAfter = retryAfterSeconds
	return a
}

// unavailable is for what is no fault of the sender's. Why is in the log.
func unavailable() answer {
	a := say(http.StatusServiceUnavailable, resultFailed, "The delivery could not be handled now; send it again later")
	a.retryAfter = retryAfterSeconds
	return a
}

func (a answer) write(ctx context.Context, w http.ResponseWriter) {
	content, err := json.Marshal(a.body)
	if err != nil { // never: it is made of strings
		klog.FromContext(ctx).Error(err, "Could not encode an answer")
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if a.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(a.retryAfter))
	}
	w.WriteHeader(a.code)
	if _, err := w.Write(append(content, '\n')); err != nil {
		klog.FromContext(ctx).V(4).Info("The sender of a webhook did not wait for the answer", "err", err)
	}
}

// outcome is what a delivery came to for one GitRepository.
type outcome struct {
	name    types.NamespacedName
	result  string
	sync    string
	message string
}

// conclude makes one answer of the outcomes. The worst one decides: what could not be stored is to be sent again, and that is harmless
// for the others.
func conclude(outcomes []outcome) answer {
	var syncs []syncName
	count := make(map[string]int)
	for _, o := range outcomes {
		count[o.result]++
		if o.result == resultAccepted {
			syncs = append(syncs, syncName{o.name.Namespace, o.sync})
		}
	}
	var a answer
	switch {
	case count[resultFailed] > 0:
		a = unavailable()
	case count[resultLimited] > 0:
		a = limited("Too many deliveries for one GitRepository")
	case count[resultAccepted] > 0:
		a = say(http.StatusAccepted, resultAccepted, "Accepted")
	case count[resultRepeated] > 0:
		a = say(http.StatusOK, resultRepeated, "already delivered")
	case len(outcomes) == 1:
		a = say(http.StatusOK, cmp.Or(outcomes[0].result, resultIgnored), outcomes[0].message)
	default:
		a = say(http.StatusOK, resultIgnored, "No GitRepository follows what was pushed")
	}
	a.body.Syncs = syncs
	return a
}
