package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// payload is the JSON of a body, which GitHub, Gitea and Forgejo can also send in the field "payload" of a form.
func payload(d *Delivery) ([]byte, error) {
	if !strings.HasPrefix(strings.ToLower(d.Header.Get("Content-Type")), "application/x-www-form-urlencoded") {
		return d.Body, nil
	}
	form, err := url.ParseQuery(string(d.Body))
	if err != nil || !form.Has("payload") {
		return nil, fmt.Errorf("%w: the form has no field payload", ErrMalformed)
	}
	return []byte(form.Get("payload")), nil
}

func decode(body []byte, into any) error {
	return malformed(json.Unmarshal(body, into))
}

// malformed says what is wrong with JSON, without the names of Go and without values.
func malformed(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrMalformed):
		return err
	case errors.As(err, &syntax):
		return fmt.Errorf("%w: no JSON at byte %d", ErrMalformed, syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Errorf("%w: the field %q has another type", ErrMalformed, kind.Field)
	}
	return fmt.Errorf("%w: the JSON ends too early", ErrMalformed)
}

// fields decodes the named fields of the object that body is, the first of each name, skips the others, and stops when it has them all.
// Depth and memory are bounded by encoding/json, which holds one field at a time.
func fields(body []byte, wanted map[string]any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return fmt.Errorf("%w: it is no JSON object", ErrMalformed)
	}
	for len(wanted) > 0 && dec.More() {
		name, err := dec.Token()
		if err != nil {
			return malformed(err)
		}
		field, _ := name.(string)
		into, ok := wanted[field]
		if !ok {
			into = &skipped{}
		}
		delete(wanted, field)
		if err := dec.Decode(into); err != nil {
			return malformed(err)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	_, err := dec.Token()
	return malformed(err)
}

// skipped is any JSON, read and forgotten.
type skipped struct{}

func (*skipped) UnmarshalJSON([]byte) error { return nil }

// list is a JSON array of which no more is kept than shows that it is too long.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(body []byte) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	start, err := dec.Token()
	if err != nil || start == nil {
		return err
	}
	if start != json.Delim('[') {
		return fmt.Errorf("%w: a field is no list", ErrMalformed)
	}
	for *l = nil; dec.More() && len(*l) <= MaxChanges; {
		var item T
		if err := dec.Decode(&item); err != nil {
			return err
		}
		*l = append(*l, item)
	}
	return nil
}

// distinct leaves out what is empty, too long, or there already.
func distinct(urls ...string) []string {
	var found []string
	for _, u := range urls {
		if u != "" && len(u) <= MaxURLLength && len(found) < MaxURLs && !slices.Contains(found, u) {
			found = append(found, u)
		}
	}
	return found
}
