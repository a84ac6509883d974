package apply

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// ObjectError says which object a request failed for, and why.
type ObjectError struct {
	ID   ID
	File string
	// Operation that failed: list, read, apply, release or delete.
	Operation string
	Err       error
}

func (e *ObjectError) Error() string {
	where := ""
	if e.File != "" {
		where = " (" + e.File + ")"
	}
	return fmt.Sprintf("%s %s%s: %v", e.Operation, e.ID, where, e.Err)
}

func (e *ObjectError) Unwrap() error { return e.Err }

// IsManifestError tells whether the API server refused the manifest itself, so that only another commit can help. The API server
// answers 500 "failed to create typed patch object" to an unknown field or a duplicate key, which is no fault of its own.
func IsManifestError(err error) bool {
	if isTypedPatchError(err) {
		return true
	}
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsRequestEntityTooLargeError(err)
}

// IsAdmissionError tells whether an admission webhook or policy refused the object. Their answers have no code of their own: they say
// so in words (k8s.io/apiserver, plugin/webhook/errors and plugin/policy/validating).
func IsAdmissionError(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	message := status.Status().Message
	return strings.Contains(message, "admission webhook") && strings.Contains(message, "denied the request") ||
		strings.Contains(message, "ValidatingAdmissionPolicy") && strings.Contains(message, "denied request")
}

func isTypedPatchError(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	return status.Status().Code == http.StatusInternalServerError &&
		strings.Contains(status.Status().Message, "failed to create typed patch object")
}

// worthAnotherTry tells whether an object that failed may succeed because others of its stage were applied meanwhile.
func worthAnotherTry(err error) bool {
	return err != nil && !isTypedPatchError(err)
}
