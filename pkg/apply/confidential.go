package apply

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// confidentialError is an answer of the API server about an object that holds values of Secrets in any of its fields. What it says may
// quote them, so that only what programs go by is told: code, reason, fields.
type confidentialError struct {
	*apierrors.StatusError
	original error
}

// conceal takes the API server's words out of an error about a confidential object.
func conceal(desired *Desired, err error) error {
	var status apierrors.APIStatus
	if err == nil || !desired.Confidential || !errors.As(err, &status) {
		return err
	}
	shown := status.Status()
	if isMissingRight(&shown) {
		return err // the authorizer has not seen the object
	}
	what := concealed(&shown, err)
	if shown.Details != nil {
		details := *shown.Details
		details.Causes = slices.Clone(details.Causes)
		var fields []string
		for i := range details.Causes {
			details.Causes[i].Message = ""
			fields = append(fields, fmt.Sprintf("%s (%s)", details.Causes[i].Field, details.Causes[i].Type))
		}
		if len(fields) > 0 {
			what += ": " + strings.Join(fields[:min(len(fields), 5)], ", ")
		}
		shown.Details = &details
	}
	shown.Message = what + ". More of the answer is not shown, because this object holds values of Secrets or of encrypted files"
	return &confidentialError{StatusError: &apierrors.StatusError{ErrStatus: shown}, original: err}
}

// concealed says what kind of answer it was, in the words by which other functions of this package know it.
func concealed(status *metav1.Status, err error) string {
	switch {
	case IsAdmissionError(err) && strings.Contains(status.Message, "admission webhook"):
		return "an admission webhook denied the request"
	case IsAdmissionError(err):
		return "a ValidatingAdmissionPolicy denied request and object"
	case isTypedPatchError(err):
		return "failed to create typed patch object"
	}
	return fmt.Sprintf("the API server refuses it (%d %s)", status.Code, status.Reason)
}

// isMissingRight tells a refusal by the authorizer, in its words, from one by an admission plugin.
func isMissingRight(status *metav1.Status) bool {
	return status.Code == http.StatusForbidden && strings.Contains(status.Message, ` is forbidden: User "system:serviceaccount:`) &&
		strings.Contains(status.Message, `" cannot `)
}
