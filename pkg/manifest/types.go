package manifest

import (
	"encoding/json"
	"reflect"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	textType        = reflect.TypeFor[string]()
	metadataType    = reflect.TypeFor[metav1.ObjectMeta]()
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
)

// TypeOf is the Go type of the objects of a kind; nil where there is none.
type TypeOf func(schema.GroupVersionKind) reflect.Type

// known is a type without pointers; nil where its JSON is its own affair, as with a Quantity, a port's number or name, or any content.
func known(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() == reflect.Interface || reflect.PointerTo(t).Implements(unmarshalerType) {
		return nil
	}
	return t
}

// typeOfField is the type of what a mapping of type t holds under a key; nil where it is not known.
func typeOfField(t reflect.Type, key string) reflect.Type {
	switch {
	case t == nil:
		return nil
	case t.Kind() == reflect.Map:
		return known(t.Elem())
	case t.Kind() != reflect.Struct:
		return nil
	}
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == key {
			return known(field.Type)
		}
		if name == "" && (field.Anonymous || strings.Contains(options, "inline")) {
			if found := typeOfField(known(field.Type), key); found != nil {
				return found
			}
		}
	}
	return nil
}

// typeOfItem is the type of the items of a list of type t; nil where it is not known.
func typeOfItem(t reflect.Type) reflect.Type {
	if t == nil || t.Kind() != reflect.Slice {
		return nil
	}
	return known(t.Elem())
}

// isText tells whether a type holds nothing but text. Bytes are text in JSON.
func isText(t reflect.Type) bool {
	return t != nil && (t.Kind() == reflect.String || t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8)
}
