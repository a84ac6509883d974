package apiserver

import (
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/endpoints/request"
)

// withJSONForProtobuf answers in JSON where protobuf is preferred but the objects have no protobuf form.
//
// The generic server settles on the first media type that it can serve for any kind, and finds out only while it writes the answer,
// after a write was stored, that our kinds have no protobuf: the namespace controller, which prefers protobuf when it deletes
// collections, would get 406 and never finish deleting a namespace. Metadata has a protobuf form and keeps it. A client that takes
// protobuf alone gets JSON as well: an answer in a form that was not asked for is allowed (RFC 9110, section 12.1), and clients of
// Kubernetes decode by the answer's Content-Type.
func withJSONForProtobuf(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		accept := r.Header.Get("Accept")
		if info, ok := request.RequestInfoFrom(r.Context()); ok && info.IsResourceRequest && strings.Contains(accept, runtime.ContentTypeProtobuf) {
			changed := *r
			changed.Header = r.Header.Clone()
			changed.Header.Set("Accept", preferJSON(accept))
			r = &changed
		}
		next.ServeHTTP(w, r)
	})
}

// preferJSON puts JSON in the place of protobuf in an Accept header, except where metadata alone is asked for.
func preferJSON(accept string) string {
	clauses := strings.Split(accept, ",")
	for i, clause := range clauses {
		mediaType, parameters, _ := strings.Cut(clause, ";")
		if !strings.EqualFold(strings.TrimSpace(mediaType), runtime.ContentTypeProtobuf) || asksForMetadata(parameters) {
			continue
		}
		clauses[i] = runtime.ContentTypeJSON
		if parameters != "" {
			clauses[i] += ";" + parameters
		}
	}
	return strings.Join(clauses, ",")
}

func asksForMetadata(parameters string) bool {
	for parameter := range strings.SplitSeq(parameters, ";") {
		switch strings.TrimSpace(parameter) {
		case "as=PartialObjectMetadata", "as=PartialObjectMetadataList":
			return true
		}
	}
	return false
}
